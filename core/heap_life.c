// SPDX-License-Identifier: MIT
// The life of heaps: made for a thread, given up by it, taken over by the next.
#include "core/heap_life.h"

#include "core/heap_hand.h"
#include "core/heap_stacks.h"

#include <string.h>

// Gives up stacks, and empty zones, from these classes on.
static void give_up(struct heap *heap, unsigned first_stack, unsigned first_zone)
{
    heap_flush_from(heap, first_stack);
    heap_send_parcels(heap);
    heap_drain(heap);
    heap_unlist_empty(heap, first_zone);
    while (heap_give_empty(heap)) {
    }
    heap_hand_drop(heap);
}

void heap_trim(struct heap *heap)
{
    // What came home to zones that are nobody's is everybody's to take.
    heap_look_home(heap_arena(heap));
    for (unsigned size_class = 0; size_class < heap->class_count; size_class++) {
        while (heap_adopt(heap, size_class, true)) {
        }
    }
    give_up(heap, 0, 0);
    (void)heap_receive_idle(heap_arena(heap));
}

void heap_drain_all(struct arena *arena)
{
    for (struct heap *heap = offset_to(arena, arena->heaps); heap != NULL;
         heap = offset_to(arena, heap->next_heap)) {
        heap_send_parcels(heap);
    }
    (void)heap_receive_idle(arena);
    for (struct heap *heap = offset_to(arena, arena->heaps); heap != NULL;
         heap = offset_to(arena, heap->next_heap)) {
        heap_drain(heap);
        while (heap_give_empty(heap)) {
        }
    }
}

void heap_trim_idle(struct arena *arena)
{
    for (struct heap *heap = offset_to(arena, arena->idle_heaps); heap != NULL;
         heap = offset_to(arena, heap->next_idle)) {
        give_up(heap, 0, 0);
    }
    if (arena->common != 0) {
        give_up(offset_to(arena, arena->common), 0, 0);
    }
}

// A chunk of a larger class than the request's, whose state can note so much slack.
static struct grant take_larger(struct heap *heap, size_t bytes, size_t align)
{
    struct grant grant = {.ptr = NULL};
    if (align > SIZE_CLASS_STEP || bytes > SIZE_CLASS_SMALL_MAX) {
        return grant;
    }
    for (unsigned larger = size_class_of(bytes) + 1; larger < heap->class_count; larger++) {
        size_t slack = size_class_bytes(larger) - bytes;
        if (slack <= size_class_slack_max(larger)) {
            grant = heap_take(heap, larger, bytes, align);
        }
        if (grant.ptr != NULL) {
            break;
        }
    }
    return grant;
}

struct grant heap_scrape(struct heap *heap, size_t bytes, size_t align)
{
    struct need need;
    heap_trim(heap);
    heap_trim_idle(heap_arena(heap));
    struct grant grant = heap_alloc(heap, bytes, align, &need);
    return grant.ptr != NULL ? grant : take_larger(heap, bytes, align);
}

// What heaps have to tell what goes back to the system, if anything does, and which stacks swing.
static size_t return_bytes(const struct arena *arena)
{
    return arena->config.dirty_bytes_max != SIZE_MAX
               ? sizeof(struct heap_return) + sizeof(struct heap_swing)
               : 0;
}

static size_t hand_bytes(const struct arena *arena)
{
    return arena->config.hand_bytes_max != 0 ? sizeof(struct heap_hand) : 0;
}

size_t heap_bytes_min(const struct arena *arena)
{
    size_t each = sizeof(struct heap_stack) + ZONE_FILL_COUNT * sizeof(uintptr_t);
    return offsetof(struct heap, stacks) + arena->class_count * each +
           arena->config.parcel_count * sizeof(struct heap_parcel) + return_bytes(arena) +
           hand_bytes(arena);
}

void heap_begin(struct heap *heap)
{
    const struct arena *arena = heap_arena(heap);
    heap->address = (uintptr_t)heap;
    heap->empties = 0;
    heap->home = (struct home_list){.rest = 0};
    heap->parcels_open = 0;
    size_t parcels = heap->parcel_count * sizeof(struct heap_parcel);
    memset((char *)heap + heap->lists, 0, heap->parcels + parcels - heap->lists);
    if (heap->back != 0) {
        *heap_returns(heap) = (struct heap_return){.is_on = false};
    }
    if (heap->hand != 0) {
        struct heap_hand *hand = offset_to(heap, heap->hand);
        *hand = (struct heap_hand){.count = 0};
        hand->units_max = arena->config.hand_bytes_max >> arena->unit_shift;
        hand->class_bytes_max =
            arena->class_count != 0 ? size_class_bytes(arena->class_count - 1) : 0;
    }
    heap_begin_stacks(heap);
}

static void heap_init(struct heap *heap, struct arena *arena, size_t bytes)
{
    // Relaxed: other heaps read it without the lock, to know their share of what may be kept (heap_return.c).
    uint32_t id = arena->heap_count + 1;
    atomic_store_explicit((_Atomic uint32_t *)&arena->heap_count, id, memory_order_relaxed);
    heap->owner = id << HEAP_OWNER_SHIFT;
    heap->class_count = (uint16_t)arena->class_count;
    heap->arena = (uintptr_t)arena - (uintptr_t)heap;
    heap->lists = offsetof(struct heap, stacks) + heap->class_count * sizeof(struct heap_stack);
    heap->parcels = heap->lists + heap->class_count * ZONE_FILL_COUNT * sizeof(uintptr_t);
    heap->parcel_count = arena->config.parcel_count;
    uintptr_t next = heap->parcels + heap->parcel_count * sizeof(struct heap_parcel);
    if (return_bytes(arena) != 0) {
        heap->back = (uint16_t)next;
        *heap_swing(heap) = (struct heap_swing){.memory_bytes = 0};
        next += return_bytes(arena);
    }
    if (hand_bytes(arena) != 0) {
        heap->hand = (uint16_t)next;
    }
    heap->memory = bits_align_up(heap_bytes_min(arena), _Alignof(struct chunk_entry));
    heap->memory_end = bytes;
    heap->next_heap = arena->heaps;
    arena->heaps = offset_of(arena, heap);
    heap_begin(heap);
    heap->memory_unused = bytes - heap->memory;
}

static struct chunk_entry *moved(struct chunk_entry *entry, uintptr_t distance)
{
    return (struct chunk_entry *)((uintptr_t)entry + distance);
}

// The arena lies elsewhere than when the heap's pointers were written: they move with it.
static void move_in(struct heap *heap)
{
    uintptr_t distance = (uintptr_t)heap - heap->address;
    if (distance == 0) {
        return;
    }
    heap->address = (uintptr_t)heap;
    for (unsigned size_class = 0; size_class < heap->class_count; size_class++) {
        struct heap_stack *stack = &heap->stacks[size_class];
        stack->bottom = moved(stack->bottom, distance);
        stack->limit = moved(stack->limit, distance);
        stack->top =
            moved(stack->top, distance); // a heap that waits for a thread has nothing at hand
    }
}

struct heap *heap_acquire(struct arena *arena, size_t bytes, struct need *need)
{
    *need = (struct need){.kind = NEED_NOTHING};
    if (arena->idle_heaps != 0) {
        struct heap *heap = offset_to(arena, arena->idle_heaps);
        arena->idle_heaps = heap->next_idle;
        atomic_store_explicit(&heap->is_idle, false, memory_order_relaxed);
        move_in(heap);
        return heap;
    }
    if (arena->heap_count == HEAP_ID_MAX) {
        return NULL;
    }
    struct run run = arena_take_meta(arena, bytes, need);
    if (run.section == NULL) {
        return NULL;
    }
    struct heap *heap = section_unit_at(run.section, run.first);
    heap_init(heap, arena, bytes);
    return heap;
}

struct heap *heap_common(struct arena *arena, size_t bytes, struct need *need)
{
    if (arena->common == 0) {
        struct heap *heap = heap_acquire(arena, bytes, need);
        if (heap != NULL) {
            atomic_store_explicit(&heap->is_idle, true, memory_order_relaxed);
            arena->common = offset_of(arena, heap);
        }
    }
    return offset_to(arena, arena->common);
}

void heap_make_idle(struct arena *arena, struct heap *heap)
{
    // Relaxed: who does not see it yet lists a zone where the heap's next thread, or a trim, finds it.
    atomic_store_explicit(&heap->is_idle, true, memory_order_relaxed);
    heap->next_idle = arena->idle_heaps;
    arena->idle_heaps = offset_of(arena, heap);
}

void heap_retire(struct heap *heap)
{
    struct arena *arena = heap_arena(heap);
    // On a buffer memory is dearer than time. SMALL zones are large, and the next thread may want none of them.
    bool keeps_stacks = heap_swing(heap) != NULL;
    struct heap *next = offset_to(arena, arena->idle_heaps);
    if (keeps_stacks && next != NULL) {
        give_up(next, 0, SIZE_CLASS_TINY_COUNT); // it is the next one no more
    }
    give_up(heap, keeps_stacks ? SIZE_CLASS_TINY_COUNT : 0, SIZE_CLASS_TINY_COUNT);
    heap_make_idle(arena, heap);
    (void)heap_receive_idle(arena);
}

uint32_t heap_count_in_use(const struct arena *arena)
{
    uint32_t count = arena->heap_count - (arena->common != 0);
    for (struct heap *heap = offset_to(arena, arena->idle_heaps); heap != NULL;
         heap = offset_to(arena, heap->next_idle)) {
        count--;
    }
    return count;
}
