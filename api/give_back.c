// SPDX-License-Identifier: MIT
#include "api/give_back.h"

#include "api/global.h"
#include "api/stacks.h"
#include "core/heap_return.h"
#include "core/large.h"

enum {
    RANGES_MAX = 16, // that one call purges of free runs, and as many as have come back with it
    PARTS_MAX = 64,  // that one call purges of zones: more than a stack gives back at once
    ZONES_MAX = 256, // that one call looks through for them
};

static enum left purge(const struct range *range)
{
    switch (platform_purge((void *)range->base, range->bytes)) {
    case PLATFORM_PURGED: return LEFT_CLEAN;
    case PLATFORM_RESERVED: return LEFT_RESERVED;
    case PLATFORM_KEPT:
    default: return LEFT_DIRTY;
    }
}

// Purges a free run that the arena has let go of. The lock is held, and let go meanwhile. False if the system refuses.
static bool purge_run(const struct leaving *leaving)
{
    global_unlock();
    enum left left = purge(&leaving->range);
    global_lock();
    // Under a limit that was lowered the system refuses even what makes less.
    if (left == LEFT_DIRTY && give_back_tails()) {
        left = purge(&leaving->range);
    }
    arena_left(&global.arena, leaving, left);
    return left != LEFT_DIRTY;
}

void give_back_runs(size_t come_back)
{
    struct leaving leaving;
    for (size_t count = 0; count < come_back + RANGES_MAX &&
                           arena_next_leaving(&global.arena, &leaving) && purge_run(&leaving);
         count++) {
    }
}

void give_back_grown(void)
{
    if (arena_has_grown(&global.arena)) {
        give_back_runs(0);
    }
}

// Purges the next range of pages of a heap. False if there is none, or the system refuses.
static bool purge_pages(struct heap *heap, size_t least_bytes, size_t zone_count)
{
    struct leaving leaving;
    if (!heap_next_leaving(heap, least_bytes, zone_count, &leaving)) {
        return false;
    }
    enum left left = purge(&leaving.range);
    heap_left(heap, &leaving, left);
    return left != LEFT_DIRTY;
}

void give_back_pages(struct heap *heap)
{
    size_t worth = heap_worth_leaving(heap);
    for (unsigned count = 0; count < PARTS_MAX && worth != 0 && purge_pages(heap, worth, ZONES_MAX);
         count++) {
        worth = heap_worth_leaving(heap);
    }
}

void give_back_mapping(const struct leaving *leaving)
{
    if (leaving->kind == LEAVING_UNMAP) {
        bool done = platform_release((void *)leaving->range.base, leaving->range.bytes);
        global_lock();
        large_unmapped(&global.arena, leaving, done);
        global_unlock();
    }
}

bool give_back_tails(void)
{
    if (platform_address_limit() == SIZE_MAX) {
        return false;
    }
    bool any = stacks_give_back_tail();
    struct range range;
    struct section *section = arena_find_tail(&global.arena, &range);
    while (section != NULL && platform_release((void *)range.base, range.bytes)) {
        arena_cut_tail(&global.arena, section);
        section = arena_find_tail(&global.arena, &range);
        any = true;
    }
    return any;
}

// All pages of a heap's zones that can go.
static bool purge_all_pages(struct heap *heap)
{
    bool any = false;
    heap_search_anew(heap);
    while (purge_pages(heap, 1, SIZE_MAX)) {
        any = true;
    }
    return any;
}

// The same for heaps that no thread has.
static bool purge_all_idle(void)
{
    bool any = false;
    for (struct heap *heap = offset_to(&global.arena, global.arena.idle_heaps); heap != NULL;
         heap = offset_to(&global.arena, heap->next_idle)) {
        any = purge_all_pages(heap) || any;
    }
    struct heap *common = offset_to(&global.arena, global.arena.common);
    return (common != NULL && purge_all_pages(common)) || any;
}

void give_back_demanded(struct heap *heap)
{
    if (!heap_trim_is_due(heap)) {
        return;
    }
    global_lock();
    heap_trim(heap);
    give_back_runs(SIZE_MAX - RANGES_MAX);
    global_unlock();
    (void)purge_all_pages(heap);
}

bool give_back_all(size_t keep_bytes)
{
    struct heap *heap = global_heap_own();
    struct leaving leaving;
    bool any = false;
    global_lock();
    heap_demand_trim(&global.arena);
    // Somebody must take what is nobody's.
    struct heap *taker = heap_is_none(heap) ? global_heap_common() : heap;
    if (taker != NULL) {
        (void)heap_trim_is_due(taker);
        heap_trim(taker);
    }
    heap_trim_idle(&global.arena);
    any = purge_all_idle();
    while (arena_next_surplus(&global.arena, keep_bytes, &leaving) && purge_run(&leaving)) {
        any = true;
    }
    global_unlock();
    return (!heap_is_none(heap) && purge_all_pages(heap)) || any;
}
