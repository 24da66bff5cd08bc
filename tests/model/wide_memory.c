// SPDX-License-Identifier: MIT
#include "tests/model/wide_memory.h"

#include "core/heap_return.h"
#include "core/large.h"
#include "tests/model/model.h"

#include <stdlib.h>
#include <string.h>

enum {
    PAGE_BYTES = 4096,
    UNIT_BYTES = 1 << ZONE_MAP_WIDE_UNIT_SHIFT,
    HAND_BYTES_MAX = 8 * UNIT_BYTES, // of a heap with parcels
    SECTIONS_OFFSET = 4 << 20,       // the map lies below
    MAPPINGS_OFFSET = GROUND_BYTES / 2,
    MAPPINGS_MAX = 256,
    WITHHELD = 0xEE, // what memory holds that was not committed yet
};

static struct {
    struct setup setup;
    unsigned char *ground;
    struct arena *arena;
    size_t section_next;
    struct range mappings[MAPPINGS_MAX];
    uint64_t met;
    uint64_t refused;
    uint64_t refusal_count;
} state;

struct arena *wide_memory_begin(const struct setup *setup, unsigned char *ground)
{
    memset(&state, 0, sizeof(state));
    state.setup = *setup;
    state.ground = ground;
    state.section_next = SECTIONS_OFFSET;
    memset(ground, 0, sizeof(struct zone_map_wide) + sizeof(struct arena));
    state.arena = (struct arena *)(ground + sizeof(struct zone_map_wide));
    const struct arena_config config = {
        .page_bytes = PAGE_BYTES,
        .unit_bytes = UNIT_BYTES,
        .run_bytes_max = setup->run_bytes_max != 0 ? setup->run_bytes_max : SIZE_MAX,
        .dirty_bytes_max = setup->dirty_bytes_max != 0 ? setup->dirty_bytes_max : SIZE_MAX,
        .zone_bytes_max = SIZE_MAX,
        .stack_bytes_max = setup->stack_bytes_max,
        .hand_bytes_max = setup->parcels != 0 ? HAND_BYTES_MAX : 0,
        .parcel_count = setup->parcels != 0 ? (size_t)1 << bits_highest(setup->parcels) : 0,
        .wide = true,
    };
    arena_init(state.arena, &config);
    return state.arena;
}

void wide_memory_refuse(uint64_t met, uint64_t refused)
{
    state.met = met;
    state.refused = refused;
}

uint64_t wide_memory_refused(void)
{
    uint64_t count = state.refusal_count;
    state.refusal_count = 0;
    return count;
}

static bool is_refused(void)
{
    if (state.met != 0) {
        state.met--;
        return false;
    }
    if (state.refused == 0) {
        return false;
    }
    state.refused--;
    state.refusal_count++;
    return true;
}

// Memory that is committed held what nobody may have changed, and is zero from then on.
static void commit_range(uintptr_t base, size_t bytes)
{
    unsigned char *first = (unsigned char *)base;
    if (bytes != 0 && (*first != WITHHELD || memcmp(first, first + 1, bytes - 1) != 0)) {
        abort();
    }
    memset(first, 0, bytes);
}

static bool commit(const struct need *need)
{
    if (is_refused()) {
        return false;
    }
    for (unsigned part = 0; part < 2; part++) {
        commit_range(need->commit[part].base, need->commit[part].bytes);
    }
    return true;
}

static bool meet_commit(const struct need *need)
{
    struct need modest = *need;
    while (!commit(&modest)) {
        if (!arena_need_least(state.arena, &modest)) {
            return false;
        }
    }
    arena_committed(state.arena, &modest);
    return true;
}

static bool meet_section(const struct need *need)
{
    size_t bytes = bits_align_up(need->bytes, UNIT_BYTES);
    bytes = bytes > state.setup.region_bytes ? bytes : state.setup.region_bytes;
    if (is_refused() || bytes > MAPPINGS_OFFSET - state.section_next) {
        state.refusal_count++;
        return false;
    }
    uintptr_t base = (uintptr_t)state.ground + state.section_next;
    if (!state.setup.commits) {
        memset((void *)base, 0, bytes);
        state.section_next += bytes;
        return arena_add_section(state.arena, base, bytes, NULL);
    }
    memset((void *)base, WITHHELD, bytes);
    struct need plan = arena_plan_section(state.arena, base, bytes, need->run_bytes);
    if (plan.kind != NEED_COMMIT || !commit(&plan)) {
        return false;
    }
    state.section_next += bytes;
    return arena_add_section(state.arena, base, bytes, &plan);
}

bool wide_memory_meet(const struct need *need)
{
    switch (need->kind) {
    case NEED_COMMIT: return meet_commit(need);
    case NEED_SECTION: return meet_section(need);
    case NEED_MAPPING:
    case NEED_NOTHING:
    default: return false;
    }
}

// The first place for a mapping above all others; below them once they are gone.
static struct range *place_mapping(const struct need *need)
{
    uintptr_t end = (uintptr_t)state.ground + MAPPINGS_OFFSET;
    struct range *empty = NULL;
    for (unsigned index = 0; index < MAPPINGS_MAX; index++) {
        struct range *range = &state.mappings[index];
        if (range->bytes == 0) {
            empty = range;
        } else if (range->base + range->bytes > end) {
            end = range->base + range->bytes;
        }
    }
    uintptr_t base = bits_align_up(end, need->align);
    uintptr_t most = (uintptr_t)state.ground + GROUND_BYTES;
    if (empty == NULL || base < end || base > most || need->bytes > most - base) {
        return NULL;
    }
    *empty = (struct range){.base = base, .bytes = need->bytes};
    return empty;
}

void *wide_memory_meet_mapping(const struct need *need, size_t bytes)
{
    struct range *range = is_refused() ? NULL : place_mapping(need);
    if (range == NULL) {
        state.refusal_count++;
        return NULL;
    }
    memset((void *)range->base, 0, range->bytes);
    struct need more;
    void *ptr = large_adopt(state.arena, *range, bytes, &more);
    while (ptr == NULL && wide_memory_meet(&more)) {
        ptr = large_adopt(state.arena, *range, bytes, &more);
    }
    if (ptr == NULL) {
        range->bytes = 0;
    }
    return ptr;
}

static void unmap(const struct range *range)
{
    for (unsigned index = 0; index < MAPPINGS_MAX; index++) {
        if (state.mappings[index].base == range->base &&
            state.mappings[index].bytes == range->bytes) {
            state.mappings[index].bytes = 0;
            return;
        }
    }
    abort(); // no such mapping
}

void wide_memory_let_go(const struct leaving *leaving)
{
    if (leaving->kind == LEAVING_NOTHING) {
        return;
    }
    bool done = !is_refused();
    if (done) {
        unmap(&leaving->range);
    }
    large_unmapped(state.arena, leaving, done);
}

// Purges a range, or refuses to.
static enum left purge(const struct range *range)
{
    if (is_refused()) {
        return LEFT_DIRTY;
    }
    memset((void *)range->base, 0, range->bytes);
    return LEFT_CLEAN;
}

void wide_memory_return_runs(void)
{
    struct leaving leaving;
    enum left left = LEFT_CLEAN;
    while (left == LEFT_CLEAN && arena_next_leaving(state.arena, &leaving)) {
        left = purge(&leaving.range);
        arena_left(state.arena, &leaving, left);
    }
}

void wide_memory_return_pages(struct heap *heap)
{
    struct leaving leaving;
    size_t worth = heap_returns(heap) != NULL ? heap_worth_leaving(heap) : 0;
    while (worth != 0 && heap_next_leaving(heap, worth, SIZE_MAX, &leaving)) {
        heap_left(heap, &leaving, purge(&leaving.range));
        worth = heap_worth_leaving(heap);
    }
}

void wide_memory_trim_runs(size_t keep_bytes)
{
    struct leaving leaving;
    enum left left = LEFT_CLEAN;
    while (left == LEFT_CLEAN && arena_next_surplus(state.arena, keep_bytes, &leaving)) {
        left = purge(&leaving.range);
        arena_left(state.arena, &leaving, left);
    }
}

void wide_memory_trim_pages(struct heap *heap)
{
    struct leaving leaving;
    enum left left = LEFT_CLEAN;
    if (heap_returns(heap) == NULL) {
        return; // nothing of this arena goes back
    }
    heap_search_anew(heap);
    while (left == LEFT_CLEAN && heap_next_leaving(heap, 1, SIZE_MAX, &leaving)) {
        left = purge(&leaving.range);
        heap_left(heap, &leaving, left);
    }
}

enum subject_memory wide_memory_of(const void *ptr)
{
    size_t offset = (size_t)((uintptr_t)ptr - (uintptr_t)state.ground);
    if (offset >= GROUND_BYTES || offset < SECTIONS_OFFSET) {
        return MEMORY_OUTSIDE;
    }
    if (offset < MAPPINGS_OFFSET) {
        return offset < state.section_next ? MEMORY_INSIDE : MEMORY_OUTSIDE;
    }
    for (unsigned index = 0; index < MAPPINGS_MAX; index++) {
        const struct range *range = &state.mappings[index];
        if ((uintptr_t)ptr - range->base < range->bytes) {
            return MEMORY_INSIDE;
        }
    }
    return MEMORY_PERHAPS; // some mappings are remembered for a while
}
