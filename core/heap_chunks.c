// SPDX-License-Identifier: MIT
// What a heap does with chunks: hands them out, takes them back, keeps some at hand in its stacks.
#include "core/check.h"
#include "core/heap_hand.h"
#include "core/heap_stacks.h"
#include "core/heap_zones.h"
#include "core/offset.h"

#include <string.h>

enum {
    STACK_REFILL_CAPACITY_MAX = 64, // refills deepen a stack to this many entries,
    STACK_REFILL_BYTES_MAX = 16384, // and these bytes, so that growing programs refill rarely
    // One of several heaps takes as much at a time of chunks that were never handed out.
    REFILL_FRESH_BYTES = 16384,
    LOOKS_PER_ZONE = 4, // at stacks, with each new zone
    UNSETTLED_END = 1,  // of the list of zones that a flush has to settle: no zone is there
};

enum {
    SCARCE_ZONE_SHARE = 256
}; // of memory that is scarce: a zone that takes more waits for as many chunks

// What a heap of a server notes in `served` beyond the chunks of a class that it serves as runs: that it has asked for memory
// for its first zone, or has had one.
enum { SERVED_ASKED = 1, SERVED_FIRST_ZONE = 2 };

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

// Counts what leaves a zone: by that it is told how much time the heap has had to use again what it keeps.
static void note_taken(struct heap *heap, size_t bytes)
{
    struct heap_return *back = heap_returns(heap);
    if (back != NULL) {
        back->taken_bytes += bytes;
    }
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
    uint32_t count = zone_take(zone, stack->top, want < most ? want : most);
    stack->top += count;
    note_taken(heap, count * size_class_bytes(size_class));
    heap_relist(heap, zone);
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

struct grant heap_take(struct heap *heap, unsigned size_class, size_t bytes)
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
    if (zone == NULL) {
        return (struct grant){.ptr = NULL};
    }
    if (refill(heap, size_class, zone)) {
        return hand_out(heap, --stack->top, bytes);
    }
    struct chunk_entry entry;
    zone_take(zone, &entry, 1);
    note_taken(heap, size_class_bytes(size_class));
    heap_relist(heap, zone);
    return hand_out(heap, &entry, bytes);
}

// Whether so much memory is not worth it for a zone of this class, of which so many chunks have been served alone.
static bool is_dear(const struct arena *arena, size_t chunk_bytes, uint32_t served)
{
    size_t zone_bytes = ZONE_CHUNKS_MIN * chunk_bytes;
    return arena_is_scarce(arena) && zone_bytes > arena_space_bytes(arena) / SCARCE_ZONE_SHARE &&
           served * bits_align_up(chunk_bytes, arena->config.page_bytes) < zone_bytes;
}

// How many chunks of a class a heap of a server serves as runs before it has a zone.
static uint32_t served_before_zone(unsigned size_class)
{
    size_t chunk_bytes = size_class_bytes(size_class);
    return chunk_bytes > HEAP_RUN_CLASS_BYTES ? (uint32_t)(chunk_bytes / HEAP_BYTES_PER_RUN) : 0;
}

// Whether a class is still served as runs although it could have a zone. A server's zone of large chunks claims
// much address space, which one use of the class is not worth. On a buffer any zone claims memory: if that is no
// small part of what is free, it has to wait until the class has so many runs that they take as much.
static bool serves_as_run(const struct heap *heap, unsigned size_class)
{
    const struct arena *arena = heap_arena(heap);
    size_t chunk_bytes = size_class_bytes(size_class);
    uint32_t served = heap->stacks[size_class].served;
    if (arena->config.free_per_zone == 0) {
        return served < served_before_zone(size_class) || is_dear(arena, chunk_bytes, served);
    }
    size_t zone_bytes = ZONE_CHUNKS_MIN * chunk_bytes;
    size_t free_bytes = (arena->unit_count - arena->used_unit_count) << arena->unit_shift;
    return zone_bytes * arena->config.free_per_zone > free_bytes &&
           served * bits_align_up(chunk_bytes, arena_unit_bytes(arena)) < zone_bytes;
}

void heap_note_run_freed(struct heap *heap, size_t bytes)
{
    unsigned size_class = bytes <= SIZE_CLASS_SMALL_MAX ? size_class_of(bytes) : SIZE_CLASS_NONE;
    if (size_class < heap->class_count && heap->stacks[size_class].served != 0) {
        heap->stacks[size_class].served--;
    }
}

// Serves a chunk of a class as a run. Where memory is scarce it wants a mapping, which is taken for had.
static struct grant take_run(struct heap *heap, unsigned size_class, size_t bytes, size_t align,
                             struct need *need)
{
    struct arena *arena = heap_arena(heap);
    struct grant grant = {.ptr = NULL};
    if (arena_is_scarce(arena) && large_wastes_unit(arena, bytes)) {
        *need = large_need_for_mapping(arena, bytes, align);
    } else {
        grant = large_take(arena, bytes, align, need);
    }
    bool is_served = grant.ptr != NULL || need->kind == NEED_MAPPING;
    if (is_served && heap->stacks[size_class].served != UINT16_MAX) {
        heap->stacks[size_class].served++;
    }
    return grant;
}

struct grant heap_take_run(struct heap *heap, unsigned size_class, size_t bytes)
{
    struct grant grant = {.ptr = NULL};
    struct heap_stack *stack = &heap->stacks[size_class];
    if (stack->served != UINT16_MAX && serves_as_run(heap, size_class)) {
        grant = large_take_free(heap_arena(heap), bytes);
        stack->served = (uint16_t)(stack->served + (grant.ptr != NULL));
    }
    return grant;
}

// Whether the next zone of a class is to be virgin. The first one of a SMALL class is hardly ever used up: cut of memory that
// was used before it would keep that from others, who would touch other pages instead.
static bool is_to_be_virgin(const struct heap *heap, unsigned size_class)
{
    const struct arena *arena = heap_arena(heap);
    return arena->map.wide && size_class >= SIZE_CLASS_TINY_COUNT &&
           heap->stacks[size_class].served < served_before_zone(size_class) + SERVED_FIRST_ZONE &&
           !arena_is_scarce(arena);
}

// A new zone. For a virgin one memory is asked for once.
static struct zone *new_zone(struct heap *heap, unsigned size_class, struct need *need)
{
    struct arena *arena = heap_arena(heap);
    struct heap_stack *stack = &heap->stacks[size_class];
    uint32_t owner = heap->owner | (uint32_t)((uintptr_t)stack - (uintptr_t)heap);
    uintptr_t self = offset_of(arena, heap);
    if (is_to_be_virgin(heap, size_class)) {
        uint32_t before = served_before_zone(size_class);
        bool was_asked = stack->served != before;
        struct zone *zone = arena_new_virgin_zone(arena, size_class, owner, self, need);
        bool asks = zone == NULL && !was_asked && need->kind != NEED_NOTHING;
        stack->served = (uint16_t)(before + (asks ? SERVED_ASKED : SERVED_FIRST_ZONE));
        if (zone != NULL || asks) {
            return zone;
        }
    }
    uint32_t units = zone_layout_of(size_class, arena_unit_bytes(arena)).unit_count;
    heap_hand_yield(heap, (size_t)units << arena->unit_shift);
    return arena_new_zone(arena, size_class, owner, self, need);
}

// Units of zones of one class that became empty after the first of those that wait to go back was this one.
static size_t emptied_units(const struct heap *heap, unsigned size_class, uintptr_t first)
{
    size_t unit_count = zone_layout_of(size_class, arena_unit_bytes(heap_arena(heap))).unit_count;
    size_t units = 0;
    for (uintptr_t empty = heap->empties; empty != first; empty = zone_at(heap, empty)->next) {
        units += unit_count;
    }
    return units;
}

// Gives home what stacks hold that nobody uses: a few chunks keep many zones from being dissolved, while others want more.
static void give_up_idle(struct heap *heap)
{
    for (unsigned look = 0; look < LOOKS_PER_ZONE; look++) {
        unsigned size_class = heap_look_for_idle(heap);
        if (size_class != SIZE_CLASS_NONE) {
            uintptr_t first = heap->empties;
            flush_down_to(heap, &heap->stacks[size_class], 0);
            arena_note_wanted(heap_arena(heap), emptied_units(heap, size_class, first));
        }
    }
}

struct grant heap_alloc(struct heap *heap, size_t bytes, size_t align, struct need *need)
{
    struct arena *arena = heap_arena(heap);
    unsigned size_class = heap_class_for(heap, bytes, align);
    *need = (struct need){.kind = NEED_NOTHING};
    heap_send_parcels(heap);
    if (size_class == SIZE_CLASS_NONE) {
        heap_hand_yield(heap, bytes);
        return large_take(arena, bytes, align, need);
    }
    struct grant grant = heap_take(heap, size_class, bytes);
    // On a buffer memory is dearer than time.
    bool any = arena->config.free_per_zone != 0;
    if (grant.ptr == NULL) {
        heap_look_home_grown(arena);
        if (heap_adopt(heap, size_class, any)) {
            grant = heap_take(heap, size_class, bytes);
        }
    }
    if (grant.ptr != NULL) {
        return grant;
    }
    if (serves_as_run(heap, size_class)) {
        heap_hand_yield(heap, bytes);
        return take_run(heap, size_class, bytes, align, need);
    }
    struct zone *zone = new_zone(heap, size_class, need);
    if (zone == NULL) {
        // On a buffer there may still be room for one chunk; others get more memory first.
        return arena->config.free_per_zone == 0 ? grant
                                                : take_run(heap, size_class, bytes, align, need);
    }
    heap_relist(heap, zone);
    heap_adopt_next(heap);
    give_up_idle(heap);
    return heap_take(heap, size_class, bytes);
}

// ---- free ---------------------------------------------------------------------------------------

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
