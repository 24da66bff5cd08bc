// SPDX-License-Identifier: MIT
// Whether a heap's invariants hold (heap.h).
#include "core/heap_hand.h"
#include "core/heap_stacks.h"

static struct zone *zone_at(const struct heap *heap, uintptr_t offset)
{
    return offset_to(heap_arena(heap), offset);
}

static struct chunk_entry *entry_at(struct chunk_entry *entry, uintptr_t distance)
{
    return (struct chunk_entry *)((uintptr_t)entry + distance);
}

// The stack's pointers may be those of another mapping of the arena.
static bool stack_is_valid(const struct heap *heap, unsigned size_class)
{
    struct heap_stack moved = heap->stacks[size_class];
    const struct heap_stack *stack = &moved;
    uintptr_t distance = (uintptr_t)heap - heap->address;
    moved.top = entry_at(moved.top, distance);
    moved.limit = entry_at(moved.limit, distance);
    moved.bottom = entry_at(moved.bottom, distance);
    if (stack->top < stack->bottom || stack->top > stack->limit ||
        stack->bottom[-1].chunk != NULL) {
        return false;
    }
    for (const struct chunk_entry *entry = stack->bottom; entry != stack->top; entry++) {
        const void *ptr = (const void *)((uintptr_t)entry->chunk + distance);
        uintptr_t state = (uintptr_t)entry->state + distance;
        struct chunk chunk = chunk_locate(heap_arena(heap), ptr);
        if (chunk.zone == NULL || chunk.zone->chunk_bytes == 0 || chunk.base != ptr ||
            chunk.zone->size_class != size_class || chunk.index >= chunk.zone->fresh_index ||
            (uintptr_t)zone_state_at(chunk.zone, chunk.index) != state ||
            zone_state(chunk.zone, chunk.index) > STATE_FREED ||
            zone_holds(chunk.zone, chunk.index)) {
            return false;
        }
    }
    return true;
}

static bool lists_are_valid(const struct heap *heap, unsigned size_class)
{
    for (uint32_t fill = 0; fill < ZONE_FILL_COUNT; fill++) {
        uintptr_t previous = 0;
        for (uintptr_t at = heap_lists(heap, size_class)[fill]; at != 0;
             at = zone_at(heap, at)->next) {
            const struct zone *zone = zone_at(heap, at);
            if (!heap_owns(heap, zone) || zone->fill != fill || zone_fill_of(zone) != fill ||
                zone->previous != previous || zone->size_class != size_class ||
                !zone_is_valid(zone)) {
                return false;
            }
            previous = at;
        }
    }
    return true;
}

static bool is_in_list(const struct heap *heap, uintptr_t at, const struct zone *zone)
{
    while (at != 0 && zone_at(heap, at) != zone) {
        at = zone_at(heap, at)->next;
    }
    return at != 0;
}

// Whether one of the heap's zones is valid, and in the lists that it belongs to (H2, H3).
static bool zone_is_in_place(const struct heap *heap, const struct zone *zone)
{
    if (!zone_is_valid(zone)) {
        return false;
    }
    if (zone->fill == ZONE_UNLISTED) {
        return zone_available(zone) == 0 || is_in_list(heap, heap->empties, zone);
    }
    return zone->fill < ZONE_FILL_COUNT &&
           is_in_list(heap, heap_lists(heap, zone->size_class)[zone->fill], zone);
}

// Whether a zone has counted itself as it is (H5). Adds its bytes to the sums.
static bool is_counted_right(const struct zone *zone, uintptr_t *dirty_bytes, uintptr_t *held_bytes)
{
    bool is_listed = zone->fill != ZONE_UNLISTED;
    uint32_t dirty = is_listed ? zone_dirty_count(zone) : 0;
    uint32_t held = is_listed ? zone->chunk_count - zone_available(zone) : 0;
    *dirty_bytes += (uintptr_t)dirty * zone->chunk_bytes;
    *held_bytes += (uintptr_t)held * zone->chunk_bytes;
    return zone->dirty_counted == dirty && zone->held_counted == held;
}

// Goes through all zones of the arena for those of the heap.
static bool zones_are_in_place(const struct heap *heap)
{
    const struct heap_return *back = heap_returns(heap);
    uintptr_t dirty_bytes = 0;
    uintptr_t held_bytes = 0;
    const struct arena *arena = heap_arena(heap);
    for (const struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        const struct run_table *runs = section_runs(section);
        for (uint32_t unit = 0; unit < runs->fresh; unit += run_unit(runs, unit)->length) {
            if (run_unit(runs, unit)->kind != RUN_ZONE) {
                continue;
            }
            const struct zone *zone = zone_map_find(&arena->map, section_unit_at(section, unit));
            if (heap_owns(heap, zone) && !zone_is_in_place(heap, zone)) {
                return false;
            }
            if (back != NULL && heap_owns(heap, zone) &&
                !is_counted_right(zone, &dirty_bytes, &held_bytes)) {
                return false;
            }
        }
    }
    return back == NULL || (back->dirty_bytes == dirty_bytes && back->held_bytes == held_bytes);
}

// Follows one part of the list of what came home (H3). A list that leads to itself is one that is not valid.
static bool home_part_is_valid(const struct heap *heap, uintptr_t at)
{
    size_t count = 0;
    while (at != 0) {
        const struct zone_mail *mail = zone_mail(zone_at(heap, at));
        if (atomic_load_explicit(&mail->announced, memory_order_relaxed) == 0 ||
            count++ > heap_arena(heap)->unit_count) {
            return false;
        }
        at = atomic_load_explicit(&mail->next, memory_order_relaxed);
    }
    return true;
}

static bool home_is_valid(const struct heap *heap)
{
    uintptr_t first = atomic_load_explicit(&heap->home.first, memory_order_relaxed);
    return home_part_is_valid(heap, first) && home_part_is_valid(heap, heap->home.rest);
}

bool heap_is_valid(const struct heap *heap)
{
    if (!heap_stacks_are_in_place(heap)) {
        return false;
    }
    for (unsigned size_class = 0; size_class < heap->class_count; size_class++) {
        if (!stack_is_valid(heap, size_class) || !lists_are_valid(heap, size_class)) {
            return false;
        }
    }
    return home_is_valid(heap) && zones_are_in_place(heap) && heap_hand_is_valid(heap);
}
