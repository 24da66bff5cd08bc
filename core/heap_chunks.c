// SPDX-License-Identifier: MIT
// What a heap does with chunks: hands them out, takes them back, keeps some at hand in its stacks.
#include "core/check.h"
#include "core/heap_grow.h"
#include "core/heap_stacks.h"
#include "core/heap_zones.h"
#include "core/offset.h"

#include <string.h>

enum {
    STACK_REFILL_CAPACITY_MAX = 64, // refills deepen a stack to this many entries,
    STACK_REFILL_BYTES_MAX = 16384, // and these bytes, so that growing programs refill rarely
    // One of several heaps takes as much at a time of chunks that were never handed out.
    REFILL_FRESH_BYTES = 16384,
    BORROW_STEPS = 2,  // classes above its own that a request may be served from
    UNSETTLED_END = 1, // of the list of zones that a flush has to settle: no zone is there
};

_Static_assert(sizeof(struct heap) <= HEAP_OWNER_MASK, "an owner word holds a stack's place");

const struct chunk_entry heap_no_entry[1];
_Static_assert(SIZE_CLASS_COUNT == 5 * 8, "HEAP_NONE has as many stacks");

static struct zone *zone_at(const struct heap *heap, uintptr_t offset)
{
    return offset_to(heap_arena(heap), offset);
}

// ---- stacks -------------------------------------------------------------------------------------

// Returns a chunk that is in nobody's hands to its zone, which another heap owns or nobody.
static void give_away(struct heap *heap, struct zone *zone, const struct chunk_entry *entry)
{
    uint32_t index = zone_entry_index(zone, entry);
    zone_set_state(zone, index, STATE_HOME);
    heap_send_claimed(heap, heap_arena(heap), zone, index);
}

// Zones that have got chunks back, from the first of them on.
static void settle_all(struct heap *heap, uintptr_t first)
{
    while (first != UNSETTLED_END) {
        struct zone *zone = zone_at(heap, first);
        first = zone->next_unsettled;
        zone->next_unsettled = 0;
        heap_settle(heap, zone);
    }
}

// Returns the older entries of a stack to their zones, all but `keep`. A zone goes to its list when it has got all that are
// its own: what was freed in no order would else move it there and back.
static void flush_down_to(struct heap *heap, struct heap_stack *stack, size_t keep)
{
    struct arena *arena = heap_arena(heap);
    uint32_t count = (uint32_t)((size_t)(stack->top - stack->bottom) - keep);
    uintptr_t unsettled = UNSETTLED_END;
    for (uint32_t done = 0; done < count;) {
        const struct chunk_entry *entries = &stack->bottom[done];
        struct zone *zone = zone_map_find(&arena->map, entries[0].chunk);
        if (!heap_owns(heap, zone) && !heap_take_back(heap, zone)) {
            give_away(heap, zone, &entries[0]);
            done++;
            continue;
        }
        uint32_t given = zone_give_entries(zone, entries, count - done);
        CHECK(given != 0);
        done += given;
        if (zone->next_unsettled == 0) {
            zone->next_unsettled = unsettled;
            unsettled = offset_of(arena, zone);
        }
    }
    settle_all(heap, unsettled);
    memmove(stack->bottom, stack->bottom + count, keep * sizeof(*stack->bottom));
    stack->top = stack->bottom + keep;
}

// Takes chunks out of a zone that has some, at most as many as wanted, and counts them: by that it is told how much time the
// heap has had to use again what it keeps, and that it should have kept what had left.
static uint32_t take_out(struct heap *heap, struct zone *zone, struct chunk_entry *entries,
                         uint32_t want)
{
    uint32_t clean = zone->clean_count;
    uint32_t count = zone_take(zone, entries, want);
    struct heap_return *back = heap_returns(heap);
    if (back != NULL) {
        size_t chunk_bytes = zone->chunk_bytes;
        back->taken_bytes += count * chunk_bytes;
        back->spare_bytes += (clean - zone->clean_count) * chunk_bytes;
    }
    heap_relist(heap, zone);
    return count;
}

// How many chunks of this zone a refill takes at most. Where there are other heaps, chunks come home meanwhile whose pages have
// been touched: then it takes none that was never handed out beside freed ones, and few alone.
static uint32_t most_at_once(const struct heap *heap, const struct zone *zone)
{
    if (arena_heap_count(heap_arena(heap)) == 1) {
        return UINT32_MAX;
    }
    uint32_t fresh = (uint32_t)REFILL_FRESH_BYTES / zone->chunk_bytes;
    return zone->free_count != 0 ? zone->free_count : fresh != 0 ? fresh : 1;
}

// Fills an empty stack from this zone, which has something to take. False if there is no memory for a stack.
static bool refill(struct heap *heap, unsigned size_class, struct zone *zone)
{
    struct heap_stack *stack = &heap->stacks[size_class];
    bool is_shallow =
        stack->capacity < STACK_REFILL_CAPACITY_MAX &&
        stack->capacity * (size_t)2 * size_class_bytes(size_class) <= STACK_REFILL_BYTES_MAX;
    // What was never freed does not come back.
    if (!(is_shallow && heap_deepen(heap, size_class)) && zone->free_count != 0) {
        heap_deepen_swinging(heap, size_class);
    }
    uint32_t want = stack->capacity / 2U;
    if (want == 0) {
        return false;
    }
    uint32_t most = most_at_once(heap, zone);
    heap_note_refill(heap, size_class);
    stack->top += take_out(heap, zone, stack->top, want < most ? want : most);
    return true;
}

// ---- alloc --------------------------------------------------------------------------------------

unsigned heap_class_for(const struct heap *heap, size_t bytes, size_t align)
{
    unsigned size_class = SIZE_CLASS_NONE;
    if (align <= SIZE_CLASS_STEP && bytes <= SIZE_CLASS_SMALL_MAX) {
        size_class = size_class_of(bytes);
    } else if (align <= heap_arena(heap)->config.unit_bytes) {
        size_class = size_class_of_aligned(bytes, align);
    }
    return size_class < heap->class_count ? size_class : SIZE_CLASS_NONE;
}

// Hands out a chunk that is in nobody's hands.
static struct grant hand_out(const struct heap *heap, const struct chunk_entry *entry, size_t bytes)
{
    struct grant grant = {.ptr = entry->chunk, .is_zero = state_is_zero(state_read(entry->state))};
    zone_set_live(zone_map_find(&heap_arena(heap)->map, entry->chunk), entry->state, bytes);
    return grant;
}

// Hands out a freed chunk of a larger class. ptr is NULL if the heap has none at hand.
static struct grant borrow(struct heap *heap, unsigned size_class, size_t bytes)
{
    uint16_t *borrowed = &heap_swing(heap)->borrowed[size_class];
    for (unsigned step = 0; step < BORROW_STEPS && ++size_class < heap->class_count; step++) {
        struct heap_stack *stack = &heap->stacks[size_class];
        struct zone *zone = heap_fullest_zone(heap, size_class);
        if (stack->top == stack->bottom && zone != NULL && zone->free_count != 0) {
            (void)refill(heap, size_class, zone);
        }
        if (stack->top != stack->bottom && !state_is_zero(state_read(stack->top[-1].state))) {
            (*borrowed)++;
            return hand_out(heap, --stack->top, bytes);
        }
    }
    return (struct grant){.ptr = NULL};
}

struct grant heap_take(struct heap *heap, unsigned size_class, size_t bytes, size_t align)
{
    struct heap_stack *stack = &heap->stacks[size_class];
    if (stack->top != stack->bottom) {
        return hand_out(heap, --stack->top, bytes);
    }
    struct zone *zone = heap_fullest_zone(heap, size_class);
    // What came home is looked at only when it is wanted: the more at a time, the less often its owner and those who send
    // chunks to it wait for each other's cache lines.
    if (zone == NULL || zone->free_count == 0) {
        heap_drain(heap);
        zone = heap_fullest_zone(heap, size_class);
    }
    // What was freed has been touched already.
    if ((zone == NULL || zone->free_count == 0) && align <= SIZE_CLASS_STEP &&
        heap_uses_little(heap, size_class, zone)) {
        struct grant grant = borrow(heap, size_class, bytes);
        if (grant.ptr != NULL) {
            return grant;
        }
    }
    if (zone == NULL) {
        return (struct grant){.ptr = NULL};
    }
    if (refill(heap, size_class, zone)) {
        return hand_out(heap, --stack->top, bytes);
    }
    struct chunk_entry entry;
    take_out(heap, zone, &entry, 1);
    return hand_out(heap, &entry, bytes);
}

// ---- free ---------------------------------------------------------------------------------------

void heap_give_up_class(struct heap *heap, unsigned size_class)
{
    flush_down_to(heap, &heap->stacks[size_class], 0);
    heap_flatten(heap, size_class);
}

// Where stacks could become deeper if others were not, one of those that nobody uses is looked for: what a program does
// changes as it goes on.
static void give_up_depth(struct heap *heap)
{
    unsigned idle = heap_lacks_budget(heap) ? heap_look_for_idle(heap) : SIZE_CLASS_NONE;
    if (idle != SIZE_CLASS_NONE) {
        heap_give_up_class(heap, idle);
    }
}

bool heap_put(struct heap *heap, const struct chunk *chunk)
{
    struct zone *zone = chunk->zone;
    struct heap_stack *stack = &heap->stacks[zone->size_class];
    if (!state_is_live(zone_state(zone, chunk->index)) ||
        zone_chunk(zone, chunk->index) != chunk->base) {
        return false;
    }
    zone_set_state(zone, chunk->index, STATE_FREED);
    if (stack->top == stack->limit && !heap_deepen(heap, zone->size_class)) {
        // A thread that only frees must take back what comes home, too.
        heap_drain(heap);
        flush_down_to(heap, stack, stack->capacity / 2U);
        heap_note_flush(heap, zone->size_class);
        give_up_depth(heap);
    }
    if (stack->top == stack->limit) {
        zone_give(zone, chunk->index);
        heap_settle(heap, zone);
        return true;
    }
    *stack->top++ = (struct chunk_entry){
        .chunk = chunk->base,
        .state = zone_state_at(zone, chunk->index),
    };
    return true;
}

bool heap_give_empty(struct heap *heap)
{
    if (heap->empties == 0) {
        return false;
    }
    struct zone *zone = zone_at(heap, heap->empties);
    heap->empties = zone->next;
    arena_delete_zone(heap_arena(heap), zone);
    return true;
}

void heap_flush_from(struct heap *heap, unsigned size_class)
{
    for (; size_class < heap->class_count; size_class++) {
        flush_down_to(heap, &heap->stacks[size_class], 0);
    }
}
