// SPDX-License-Identifier: MIT
#include "api/memory.h"

#include "api/give_back.h"
#include "api/global.h"
#include "api/root.h"
#include "core/large.h"

enum { HUGE_BYTES = 2 << 20 };

// Asks for huge pages if an option wants them, where one may fit.
static void ask_huge(uintptr_t base, size_t bytes)
{
    if (global.options.huge == SWITCH_ON && global.options.are_read && bytes >= HUGE_BYTES) {
        platform_ask_huge((void *)base, bytes);
    }
}

static bool commit_range(uintptr_t base, size_t bytes)
{
    if (bytes != 0 && !platform_commit((void *)base, bytes)) {
        return false;
    }
    ask_huge(base, bytes);
    return true;
}

// Makes the two ranges of a need accessible: neighbours, as those of a new section, in one call of the system.
static bool commit(const struct need *need)
{
    const struct range *first = &need->commit[0];
    const struct range *last = &need->commit[1];
    if (first->base + first->bytes == last->base) {
        return commit_range(first->base, first->bytes + last->bytes);
    }
    return commit_range(first->base, first->bytes) && commit_range(last->base, last->bytes);
}

static bool meet_commit(const struct need *need)
{
    struct need modest = *need;
    while (!commit(&modest)) {
        if (!arena_need_least(&global.arena, &modest)) {
            return false;
        }
    }
    arena_committed(&global.arena, &modest);
    return true;
}

// How much address space to ask for at first: much, but not so much of a limit that the program's own
// mappings suffer.
static size_t first_try(size_t least)
{
    size_t limit = platform_address_limit();
    size_t want = GLOBAL_SECTION_BYTES;
    if (limit / 16 < want) {
        want = limit / 16 & ~(size_t)(GLOBAL_UNIT_BYTES - 1);
    }
    return want > least ? want : least;
}

// Turns a reserved region into a section. False, and the region is given back, if that is refused.
static bool open_section(void *base, size_t bytes, size_t run_bytes)
{
    struct need plan = arena_plan_section(&global.arena, (uintptr_t)base, bytes, run_bytes);
    if (plan.kind == NEED_COMMIT && root_commit((uintptr_t)base, bytes) && commit(&plan) &&
        arena_add_section(&global.arena, (uintptr_t)base, bytes, &plan)) {
        if (global.stacks.each != 0) {
            stacks_note_section((uintptr_t)base, bytes);
        }
        return true;
    }
    platform_release(base, bytes);
    return false;
}

static bool meet_section(const struct need *need)
{
    size_t page = global.arena.config.page_bytes;
    size_t least = bits_align_up(need->bytes, page);
    size_t bytes = bits_align_up(first_try(least), page);
    void *base = platform_reserve(bytes);
    while (base == NULL && bytes > least) {
        bytes = bytes / 2 > least ? bits_align_up(bytes / 2, page) : least;
        base = platform_reserve(bytes);
    }
    return base != NULL && open_section(base, bytes, need->run_bytes);
}

static bool meet(const struct need *need)
{
    switch (need->kind) {
    case NEED_COMMIT: return meet_commit(need);
    case NEED_SECTION: return meet_section(need);
    case NEED_MAPPING:
    case NEED_NOTHING:
    default: return false;
    }
}

bool memory_try(const struct need *need)
{
    memory_note_space();
    return meet(need);
}

bool memory_meet(const struct need *need)
{
    if (memory_try(need)) {
        return true;
    }
    // Of a section that lost its end nothing can be committed there: what was wanted is another.
    bool is_for_more = need->kind == NEED_COMMIT || need->kind == NEED_SECTION;
    return is_for_more && give_back_tails() && (need->kind == NEED_COMMIT || meet(need));
}

bool memory_prefers_mapping(const struct need *need)
{
    size_t limit = platform_address_limit();
    return limit != SIZE_MAX && need->kind == NEED_SECTION && need->run_bytes > limit / 256 &&
           need->run_bytes > 4 * (size_t)GLOBAL_UNIT_BYTES;
}

static void note_short(void)
{
    // Relaxed: advice.
    atomic_store_explicit(&global.is_short, arena_is_short(&global.arena), memory_order_relaxed);
}

void memory_note_space(void)
{
    struct arena_config *config = &global.arena.config;
    size_t space = platform_address_limit();
    if (config->limit_bytes != 0 && config->limit_bytes < space) {
        space = config->limit_bytes;
    }
    // What is less than a MiB is one, and what does not fit is plenty.
    size_t mib = (space >> 20) + (space >> 20 == 0);
    config->space_mib = mib <= UINT16_MAX ? (uint16_t)mib : 0;
    note_short();
}

// Makes a mapping a chunk. NULL if there is no memory for what is to be known of it.
static void *adopt(struct range range, size_t bytes)
{
    struct need more;
    void *ptr = large_adopt(&global.arena, range, bytes, &more);
    while (ptr == NULL && memory_meet(&more)) {
        ptr = large_adopt(&global.arena, range, bytes, &more);
    }
    return ptr;
}

void *memory_meet_mapping(const struct need *need, size_t bytes)
{
    struct range range = {.bytes = need->bytes};
    note_short();
    void *base = platform_map(need->bytes, need->align);
    if (base == NULL && give_back_tails()) {
        base = platform_map(need->bytes, need->align);
    }
    if (base == NULL) {
        return NULL;
    }
    range.base = (uintptr_t)base;
    ask_huge(range.base, range.bytes);
    void *ptr = root_commit(range.base, 1) ? adopt(range, bytes) : NULL;
    if (ptr == NULL) {
        platform_release(base, need->bytes);
    }
    return ptr;
}
