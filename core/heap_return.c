// SPDX-License-Identifier: MIT
#include "core/heap_return.h"

#include "core/bits.h"
#include "core/heap_zones.h"
#include "core/zone_idle.h"

enum {
    RETURN_WORTH_BYTES =
        1 << 20, // so much more must have become free, or an eighth, for another search
    RETURN_SPLITS_MAX = 4096,      // purges that may split mappings, before parts of zones stay
    RETURN_BURST_BYTES = 64 << 20, // kept beside, by all heaps, while much is being freed at once
    RETURN_PACE_SHIFT = 41,        // a range times what must have been taken for it, for a MiB two,
    RETURN_FALL_SHARE = 8,   // of what leaves: so much less is kept of what was taken again before
    RETURN_TAKEN_SHIFT = 19, // of which so much at least makes a search
};

static struct zone *zone_at(const struct heap *heap, uintptr_t offset)
{
    return offset_to(heap_arena(heap), offset);
}

// What this heap may keep beside, until the program has taken as much as makes it worth its while to purge the rest.
static uintptr_t burst_bytes(const struct arena *arena, size_t dirty_bytes_max)
{
    uintptr_t heaps = arena_heap_count(arena);
    size_t quarter =
        dirty_bytes_max < RETURN_BURST_BYTES / 4 ? dirty_bytes_max : RETURN_BURST_BYTES / 4;
    // A share for each, and the more threads free at once, the less there is to share.
    return 4 * quarter / heaps / heaps;
}

// How long a range must be for what was taken since the last one left: the shorter, the more. Always a power of two, so
// that a search in vain is not repeated before it may find what is half as long. 0: no search is worth it yet.
static size_t paced_bytes(uintptr_t taken_bytes)
{
    unsigned taken_shift = taken_bytes != 0 ? bits_highest(taken_bytes) : 0;
    if (taken_shift < RETURN_TAKEN_SHIFT) {
        return 0;
    }
    if (taken_shift > RETURN_PACE_SHIFT - bits_lowest(HEAP_RETURN_BYTES_MIN)) {
        return HEAP_RETURN_BYTES_MIN;
    }
    return (size_t)1 << (RETURN_PACE_SHIFT - taken_shift);
}

// A range leaves, of at least the shortest length: as much has to be taken before the next one does.
static void pay(struct heap_return *back, size_t bytes)
{
    size_t length = bytes > HEAP_RETURN_BYTES_MIN ? bytes : HEAP_RETURN_BYTES_MIN;
    uintptr_t price = (uintptr_t)1 << (RETURN_PACE_SHIFT - bits_highest(length));
    back->taken_bytes -= price < back->taken_bytes ? price : back->taken_bytes;
    uintptr_t less = bytes / RETURN_FALL_SHARE;
    back->spare_bytes -= less < back->spare_bytes ? less : back->spare_bytes;
}

size_t heap_worth_leaving(struct heap *heap)
{
    struct heap_return *back = heap_returns(heap);
    const struct arena *arena = heap_arena(heap);
    // Relaxed: the caller of the arena may change it meanwhile, under the lock.
    const _Atomic size_t *config = (const _Atomic size_t *)&arena->config.dirty_bytes_max;
    size_t dirty_bytes_max = atomic_load_explicit(config, memory_order_relaxed);
    if (back->spare_bytes > dirty_bytes_max) {
        back->spare_bytes = dirty_bytes_max;
    }
    uintptr_t allowed = dirty_bytes_max / 4 + back->held_bytes / 2 + back->spare_bytes;
    if (back->dirty_bytes <= allowed) {
        back->taken_bytes = 0;
        back->above = 0;
        if (!back->is_on) {
            return 0;
        }
    }
    uintptr_t most = allowed + burst_bytes(arena, dirty_bytes_max);
    // A search that is worth it again goes on until enough has left, not until as much is kept as before. It is when more
    // has become free, in these zones or between what is in use there.
    if (back->dirty_bytes > back->above ||
        back->held_bytes < back->held_then - back->held_then / 4) {
        back->above = 0;
    }
    // Once begun, more leaves than must.
    back->is_on = back->dirty_bytes > (back->is_on ? most - most / 4 : most);
    size_t worth = back->is_on ? HEAP_RETURN_BYTES_MIN : paced_bytes(back->taken_bytes);
    bool is_in_vain = back->above != 0 && worth >= back->least_bytes;
    if (worth == 0 || is_in_vain || !arena_may_split(arena, RETURN_SPLITS_MAX)) {
        return 0;
    }
    back->above = 0;
    return worth;
}

void heap_search_anew(struct heap *heap)
{
    struct heap_return *back = heap_returns(heap);
    back->zone = 0;
    back->chunk = 0;
    back->list = 0;
}

// All zones have been looked at: another search is worth it when there is more to find.
static void end_search(struct heap *heap)
{
    struct heap_return *back = heap_returns(heap);
    uintptr_t more = back->dirty_bytes / 8;
    back->above = back->dirty_bytes + (more > RETURN_WORTH_BYTES ? more : RETURN_WORTH_BYTES);
    back->held_then = back->held_bytes;
    heap_search_anew(heap);
}

// Goes on to the next list. False if there is none.
static bool start_list(struct heap *heap)
{
    struct heap_return *back = heap_returns(heap);
    if (back->list == heap->class_count * ZONE_FILL_COUNT) {
        return false;
    }
    uintptr_t fill = ZONE_FILL_COUNT - 1 - back->list / heap->class_count;
    unsigned size_class = (unsigned)(back->list % heap->class_count);
    back->zone = heap_lists(heap, size_class)[fill];
    back->chunk = 0;
    back->list++;
    return true;
}

bool heap_next_leaving(struct heap *heap, size_t least_bytes, size_t zone_count,
                       struct leaving *leaving)
{
    struct heap_return *back = heap_returns(heap);
    size_t page_bytes = heap_arena(heap)->config.page_bytes;
    if ((back->zone | back->list) == 0 || back->least_bytes < least_bytes) {
        back->least_bytes = least_bytes;
    }
    if (!arena_may_split(heap_arena(heap), ARENA_SPLITS_MAX)) { // a trim goes further
        return false;
    }
    while (zone_count != 0) {
        if (back->zone == 0) {
            if (!start_list(heap)) {
                end_search(heap);
                return false;
            }
            continue;
        }
        const struct zone *zone = zone_at(heap, back->zone);
        uint32_t chunk = (uint32_t)back->chunk;
        if ((size_t)zone_dirty_count(zone) * zone->chunk_bytes >= least_bytes &&
            zone_find_idle(zone, &chunk, page_bytes, least_bytes, &leaving->range)) {
            leaving->kind = LEAVING_PAGES;
            leaving->record = back->zone;
            back->chunk = chunk;
            return true;
        }
        back->zone = zone->next;
        back->chunk = 0;
        zone_count--;
    }
    return false;
}

void heap_left(struct heap *heap, const struct leaving *leaving, enum left left)
{
    struct zone *zone = zone_at(heap, leaving->record);
    arena_note_split(heap_arena(heap));
    pay(heap_returns(heap), leaving->range.bytes);
    if (left == LEFT_DIRTY) {
        end_search(heap);
    } else if (left == LEFT_CLEAN) {
        zone_note_clean(zone, &leaving->range);
    } else {
        zone_lose(zone, &leaving->range);
    }
    heap_relist(heap, zone);
}

void heap_demand_trim(struct arena *arena)
{
    // Relaxed, here and below: who sees it late does his part late.
    atomic_fetch_add_explicit(&arena->trim_count, 1, memory_order_relaxed);
}

bool heap_trim_is_due(struct heap *heap)
{
    struct heap_return *back = heap_returns(heap);
    bool is_due = heap_trim_waits(heap);
    back->trim = atomic_load_explicit(&heap_arena(heap)->trim_count, memory_order_relaxed);
    return is_due;
}
