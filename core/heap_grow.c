// SPDX-License-Identifier: MIT
// Where a heap gets chunks of a class of which it has none: from a zone that is nobody's, a new one, or a run.
#include "core/heap_grow.h"

#include "core/heap_hand.h"
#include "core/heap_stacks.h"
#include "core/heap_zones.h"
#include "core/offset.h"

enum {
    LITTLE_CHUNKS = 32,  // handed out of a class's zone, or held by its stack: fewer are little
    BORROWED_MAX = 1024, // of other classes, which takes several times as long: more are no little
    LOOKS_PER_ZONE = 4,  // at stacks, with each new zone
    // So much more must lie free in a heap's zones than when stacks were last given up for it, and a share of what did then.
    SCATTERED_BYTES_MIN = 1 << 20,
    SCATTERED_GROWTH_SHARE = 4,
    // Of memory that is scarce: a zone that takes more waits for as many chunks.
    SCARCE_ZONE_SHARE = 256,
};

// What a heap of a server notes in `served` beyond the chunks of a class that it serves as runs: that it has asked for memory
// for its first zone, or has had one.
enum { SERVED_ASKED = 1, SERVED_FIRST_ZONE = 2 };

static struct zone *zone_at(const struct heap *heap, uintptr_t offset)
{
    return offset_to(heap_arena(heap), offset);
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

bool heap_uses_little(const struct heap *heap, unsigned size_class, const struct zone *zone)
{
    const struct heap_stack *stack = &heap->stacks[size_class];
    const struct heap_swing *swing = heap_swing(heap);
    if (size_class < SIZE_CLASS_TINY_COUNT || !heap_arena(heap)->map.wide || swing == NULL ||
        swing->borrowed[size_class] >= BORROWED_MAX) {
        return false;
    }
    return zone == NULL ? stack->served < served_before_zone(size_class) + SERVED_FIRST_ZONE
                        : zone->fresh_index < LITTLE_CHUNKS && stack->capacity < LITTLE_CHUNKS;
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
            heap_give_up_class(heap, size_class);
            arena_note_wanted(heap_arena(heap), emptied_units(heap, size_class, first));
        }
    }
}

// What a program has freed in no order leaves a few chunks of each zone in a stack, and those keep all of them from being
// dissolved; the next chunks of the class would then be these, and stay in as many zones. So before a heap of whose zones more
// lies free than is in use gets another one, all its stacks go home, unless there is enough free memory for others anyway.
static void give_up_scattered(struct heap *heap)
{
    struct heap_return *back = heap_returns(heap);
    if (back == NULL) {
        return;
    }
    if (back->scattered > back->dirty_bytes) {
        back->scattered = back->dirty_bytes;
    }
    uintptr_t grown = back->dirty_bytes - back->scattered;
    if (grown < SCATTERED_BYTES_MIN + back->scattered / SCATTERED_GROWTH_SHARE ||
        back->dirty_bytes < back->held_bytes || arena_has_to_spare(heap_arena(heap))) {
        return;
    }
    heap_flush(heap);
    while (heap_give_empty(heap)) {
    }
    back->scattered = back->dirty_bytes;
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
    struct grant grant = heap_take(heap, size_class, bytes, align);
    // On a buffer memory is dearer than time.
    bool any = arena->config.free_per_zone != 0;
    if (grant.ptr == NULL) {
        heap_look_home_grown(arena);
        if (heap_adopt(heap, size_class, any)) {
            grant = heap_take(heap, size_class, bytes, align);
        }
    }
    if (grant.ptr != NULL) {
        return grant;
    }
    if (serves_as_run(heap, size_class)) {
        heap_hand_yield(heap, bytes);
        return take_run(heap, size_class, bytes, align, need);
    }
    give_up_scattered(heap);
    struct zone *zone = new_zone(heap, size_class, need);
    if (zone == NULL) {
        // On a buffer there may still be room for one chunk; others get more memory first.
        return arena->config.free_per_zone == 0 ? grant
                                                : take_run(heap, size_class, bytes, align, need);
    }
    heap_relist(heap, zone);
    heap_adopt_next(heap);
    give_up_idle(heap);
    return heap_take(heap, size_class, bytes, align);
}
