// SPDX-License-Identifier: MIT
#include "core/heap_zones.h"

#include "core/offset.h"

static struct zone *zone_at(const struct heap *heap, uintptr_t offset)
{
    return offset_to(heap_arena(heap), offset);
}

static uintptr_t zone_offset(const struct heap *heap, const struct zone *zone)
{
    return offset_of(heap_arena(heap), zone);
}

// Counts anew what is kept in a zone, which is going to the list of this fill.
static void count(const struct heap *heap, struct zone *zone, uint32_t fill)
{
    struct heap_return *back = heap_returns(heap);
    if (back == NULL) {
        return;
    }
    uint32_t dirty = fill != ZONE_UNLISTED ? zone_dirty_count(zone) : 0;
    uint32_t held = fill != ZONE_UNLISTED ? zone->chunk_count - zone_available(zone) : 0;
    back->dirty_bytes += ((uintptr_t)dirty - zone->dirty_counted) * zone->chunk_bytes;
    back->held_bytes += ((uintptr_t)held - zone->held_counted) * zone->chunk_bytes;
    zone->dirty_counted = (uint16_t)dirty;
    zone->held_counted = (uint16_t)held;
}

static void unlist(struct heap *heap, struct zone *zone)
{
    if (zone->fill == ZONE_UNLISTED) {
        return;
    }
    // A search that has come to this zone goes on with the next.
    struct heap_return *back = heap_returns(heap);
    if (back != NULL && back->zone == zone_offset(heap, zone)) {
        back->zone = zone->next;
        back->chunk = 0;
    }
    if (zone->next != 0) {
        zone_at(heap, zone->next)->previous = zone->previous;
    }
    if (zone->previous != 0) {
        zone_at(heap, zone->previous)->next = zone->next;
    } else {
        heap_lists(heap, zone->size_class)[zone->fill] = zone->next;
    }
    zone->fill = ZONE_UNLISTED;
}

void heap_relist(struct heap *heap, struct zone *zone)
{
    uint32_t fill = zone_fill_of(zone);
    count(heap, zone, fill);
    if (fill == ZONE_UNLISTED) {
        unlist(heap, zone);
        // It is nobody's from now on. Release: what its next owner reads of it was written before.
        atomic_store_explicit(&zone->owner, ZONE_OWNER_FULL, memory_order_release);
        return;
    }
    if (fill == zone->fill) {
        return;
    }
    unlist(heap, zone);
    zone->fill = fill;
    uintptr_t *first = &heap_lists(heap, zone->size_class)[fill];
    zone->next = *first;
    zone->previous = 0;
    if (*first != 0) {
        zone_at(heap, *first)->previous = zone_offset(heap, zone);
    }
    *first = zone_offset(heap, zone);
}

struct zone *heap_fullest_zone(const struct heap *heap, unsigned size_class)
{
    for (uint32_t fill = 0; fill < ZONE_FILL_COUNT; fill++) {
        uintptr_t first = heap_lists(heap, size_class)[fill];
        if (first != 0) {
            return zone_at(heap, first);
        }
    }
    return NULL;
}

// Whether a zone is the only one of its class with something to take: then it stays, although empty,
// so that a program that goes back and forth does not cut it again and again.
static bool is_last_listed(const struct heap *heap, const struct zone *zone)
{
    for (uint32_t fill = 0; fill < ZONE_FILL_COUNT; fill++) {
        uintptr_t first = heap_lists(heap, zone->size_class)[fill];
        if (first != 0 && (zone_at(heap, first) != zone || zone->next != 0)) {
            return false;
        }
    }
    return true;
}

void heap_send_out(struct heap *heap, struct zone *zone)
{
    count(heap, zone, ZONE_UNLISTED);
    unlist(heap, zone);
    zone->next = heap->empties;
    heap->empties = zone_offset(heap, zone);
}

void heap_settle(struct heap *heap, struct zone *zone)
{
    heap_relist(heap, zone);
    if (zone_is_empty(zone) && !is_last_listed(heap, zone)) {
        heap_send_out(heap, zone);
    }
}

void heap_unlist_empty(struct heap *heap, unsigned size_class)
{
    for (; size_class < heap->class_count; size_class++) {
        uintptr_t next = heap_lists(heap, size_class)[ZONE_FILL_COUNT - 1];
        while (next != 0) {
            struct zone *zone = zone_at(heap, next);
            next = zone->next;
            if (zone_is_empty(zone)) {
                heap_send_out(heap, zone);
            }
        }
    }
}
