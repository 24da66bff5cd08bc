// SPDX-License-Identifier: MIT
#include "core/heap_return.h"

#include "core/heap_zones.h"
#include "core/zone_idle.h"

enum {
    RETURN_WORTH_BYTES =
        1 << 20, // so much more must have become free, or an eighth, for another search
    RETURN_SPLITS_MAX = 4096, // purges that may split mappings, before parts of zones stay
};

static struct zone *zone_at(const struct heap *heap, uintptr_t offset)
{
    return offset_to(heap_arena(heap), offset);
}

bool heap_keeps_too_much(struct heap *heap)
{
    struct heap_return *back = heap_returns(heap);
    const struct arena *arena = heap_arena(heap);
    // Relaxed: the caller of the arena may change it meanwhile, under the lock.
    const _Atomic size_t *most = (const _Atomic size_t *)&arena->config.dirty_bytes_max;
    uintptr_t allowed = atomic_load_explicit(most, memory_order_relaxed) / 4 + back->held_bytes / 2;
    // A search that is worth it again goes on until enough has left, not until as much is kept as before. It is when more
    // has become free, in these zones or between what is in use there.
    if (back->dirty_bytes <= allowed || back->dirty_bytes > back->above ||
        back->held_bytes < back->held_then - back->held_then / 4) {
        back->above = 0;
    }
    // Once begun, more leaves than must.
    uintptr_t bound = back->is_on ? allowed - allowed / 4 : allowed;
    back->is_on =
        back->dirty_bytes > bound && back->above == 0 && arena_may_split(arena, RETURN_SPLITS_MAX);
    return back->is_on;
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
    uintptr_t trim = atomic_load_explicit(&heap_arena(heap)->trim_count, memory_order_relaxed);
    bool is_due = back->trim != trim;
    back->trim = trim;
    return is_due;
}
