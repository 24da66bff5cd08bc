// SPDX-License-Identifier: MIT
#include "api/root.h"

#include "api/global.h"

#include <errno.h>

enum {
    FAR_COUNT = 256, // chunks that are not found `near` before it stops resting where they are
};

// ThreadSanitizer takes what is mapped over memory that others read for a write to it.
#ifdef __SANITIZE_THREAD__
static const bool may_rest = false;
#else
static const bool may_rest = true;
#endif

// Of the addresses the last, whose entries do not rest: systems scatter libraries over a TiB and some.
static const uint64_t scattered_bytes = (uint64_t)5 << 38;

// How far below the first section a system may put the next mappings.
static const size_t next_bytes = (size_t)GLOBAL_SECTION_BYTES + (GLOBAL_SECTION_BYTES >> 3);

static uintptr_t page_down(uintptr_t address)
{
    return address & ~(uintptr_t)(global.arena.config.page_bytes - 1);
}

static uintptr_t entry_of(uintptr_t address)
{
    return (uintptr_t)&global.wide.root[(uint64_t)address >> ZONE_MAP_LEAF_SHIFT];
}

// The pages that hold the entries of [base, base + bytes).
static struct range pages_of(uintptr_t base, size_t bytes)
{
    uintptr_t first = page_down(entry_of(base));
    uintptr_t last = page_down(entry_of(base + bytes - 1));
    return (struct range){
        .base = first,
        .bytes = last - first + global.arena.config.page_bytes,
    };
}

// Where it is noted whether a page of the tables rests.
static uint64_t *word_of(uintptr_t page, uint64_t *bit)
{
    size_t index = (page - page_down((uintptr_t)&global.wide)) / global.arena.config.page_bytes;
    *bit = (uint64_t)1 << index % 64;
    return &global.root_rests[index / 64];
}

// Makes the pages from one address to another rest, and notes those of the tables.
static bool rest(uintptr_t from, uintptr_t end)
{
    if (from >= end) {
        return true;
    }
    if (!platform_rest((void *)from, end - from)) {
        return false;
    }
    uintptr_t tables = page_down((uintptr_t)&global.wide);
    from = from > tables ? from : tables;
    for (uintptr_t page = from; page < end; page += global.arena.config.page_bytes) {
        uint64_t bit;
        uint64_t *word = word_of(page, &bit);
        *word |= bit;
    }
    global.wide.resting_bytes += end - from;
    return true;
}

bool root_rest(uintptr_t base, size_t bytes, uintptr_t from)
{
    uintptr_t end =
        page_down(entry_of((uintptr_t)(((uint64_t)1 << ZONE_MAP_ADDRESS_BITS) - scattered_bytes)));
    struct range own = pages_of(base, bytes);
    if (!may_rest || !rest(from, own.base < end ? own.base : end)) {
        return false;
    }
    (void)rest(own.base + own.bytes, end);
    zone_map_rest_near(&global.arena.map);
    return true;
}

static bool rests(uintptr_t page)
{
    uint64_t bit;
    return (*word_of(page, &bit) & bit) != 0;
}

// Whether the system has so much memory for us just now.
static bool may_have(size_t bytes)
{
    void *memory = platform_map(bytes, global.arena.config.page_bytes);
    return memory != NULL && platform_release(memory, bytes);
}

// Makes neighbouring pages writable, all of which rest. Nobody writes to them until this has returned, and whoever reads
// an entry finds 0 before and after. What is refused may be without access for a moment: where others may be reading, it is
// not asked for unless the system has it.
static bool commit_resting(uintptr_t from, uintptr_t end)
{
    size_t page_bytes = global.arena.config.page_bytes;
    if (!platform_is_alone() && !may_have(end - from)) {
        return false;
    }
    if (!platform_commit((void *)from, end - from)) {
        // They may be without access now, and are to be read.
        (void)platform_rest((void *)from, end - from);
        return false;
    }
    for (uintptr_t page = from; page < end; page += page_bytes) {
        uint64_t bit;
        uint64_t *word = word_of(page, &bit);
        *word &= ~bit;
    }
    global.wide.resting_bytes -= end - from;
    return true;
}

// Makes those of these pages writable that rest.
static bool commit_pages(uintptr_t from, uintptr_t end)
{
    size_t page_bytes = global.arena.config.page_bytes;
    while (from < end) {
        uintptr_t next = from;
        while (next < end && rests(next)) {
            next += page_bytes;
        }
        if (next != from && !commit_resting(from, next)) {
            return false;
        }
        from = next + page_bytes;
    }
    return true;
}

bool root_commit(uintptr_t base, size_t bytes)
{
    struct range pages = pages_of(base, bytes);
    return commit_pages(pages.base, pages.base + pages.bytes);
}

// Makes the entries of `near` writable from one address to another, whose lower halves are in this order.
static void wake(uintptr_t from, uintptr_t end)
{
    uintptr_t first = (uintptr_t)&global.wide.near[zone_map_near_index(from)];
    uintptr_t last = (uintptr_t)&global.wide.near[zone_map_near_index(end - 1)];
    if (commit_pages(page_down(first), page_down(last) + global.arena.config.page_bytes)) {
        zone_map_wake_near(&global.arena.map, from,
                           (uint32_t)((end - from) >> ZONE_MAP_WIDE_UNIT_SHIFT));
    }
}

// With the lock held. Wakes what a section needs for the addresses whose lower halves are not on the other side of zero than
// this one's; the others wait until they are missed.
static void wake_for(const struct section *section, uintptr_t address)
{
    uintptr_t turn = address & ~(uintptr_t)UINT32_MAX;
    uintptr_t from = (uintptr_t)section_unit_at(section, 0);
    uintptr_t end = ((uintptr_t)section + section->end) & ~(uintptr_t)(GLOBAL_UNIT_BYTES - 1);
    if ((uintptr_t)section == (uintptr_t)global.first && from > next_bytes) {
        from -= next_bytes;
    }
    from = from > turn ? from : turn;
    end = end - turn <= (uintptr_t)UINT32_MAX ? end : turn + UINT32_MAX + 1;
    wake(from, end);
}

// Apart, because it is hardly ever called.
__attribute__((noinline, cold)) static void note_resting(const void *ptr)
{
    // Relaxed: how many exactly does not matter.
    if (atomic_fetch_add_explicit(&global.far_count, 1, memory_order_relaxed) % FAR_COUNT !=
        FAR_COUNT - 1) {
        return;
    }
    int saved = errno;
    global_lock();
    const struct section *section = arena_section_of(&global.arena, ptr);
    if (section != NULL && zone_map_near_rests_at(&global.arena.map, (uintptr_t)ptr)) {
        wake_for(section, (uintptr_t)ptr);
    }
    global_unlock();
    errno = saved;
}

void root_note_far(const void *ptr)
{
    if (zone_map_near_rests_at(&global.arena.map, (uintptr_t)ptr)) {
        note_resting(ptr);
    }
}
