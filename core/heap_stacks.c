// SPDX-License-Identifier: MIT
#include "core/heap_stacks.h"

#include "core/check.h"

#include <string.h>

enum {
    STACK_CAPACITY_MIN = 8, // entries of a TINY class's first stack
    SWING_FLUSHES = 2,      // halves of a stack that went home before it is one that swings
    SWING_FACTOR = 2,       // times the budget for what overflows, for stacks that swing
    SWING_MEMORY_BYTES = 4 * (64 << 10), // that a heap gets when its own are used up
    IDLE_LOOKS = 3, // at which a stack was the same before it goes home; twice as many each time
    IDLE_DOUBLINGS = 6, // up to so often
};

// ---- memory -------------------------------------------------------------------------------------

size_t heap_first_stack_bytes(void)
{
    return (STACK_CAPACITY_MIN + 1) * sizeof(struct chunk_entry);
}

// Memory for 1 << level entries and the one below the bottom, or NULL. Returns the bottom.
static struct chunk_entry *take_stack_memory(struct heap *heap, unsigned level)
{
    struct chunk_entry *spare = heap->spare[level];
    if (spare != NULL) {
        heap->spare[level] = spare->chunk;
        spare[-1] = (struct chunk_entry){.chunk = NULL};
        return spare;
    }
    size_t bytes = (((size_t)1 << level) + 1) * sizeof(struct chunk_entry);
    if (heap->memory_end - heap->memory_next < bytes) {
        return NULL;
    }
    struct chunk_entry *memory = offset_to(heap, heap->memory_next);
    heap->memory_next += bytes;
    memory->chunk = NULL; // it may have been used before the heap was revived
    return memory + 1;
}

// What a stack has of it is there for others.
static void give_stack_memory(struct heap *heap, const struct heap_stack *stack)
{
    if (stack->capacity != 0) {
        unsigned level = bits_lowest(stack->capacity);
        stack->bottom->chunk = heap->spare[level];
        heap->spare[level] = stack->bottom;
    }
}

void heap_begin_stacks(struct heap *heap)
{
    const struct arena *arena = heap_arena(heap);
    heap->budget = arena->config.stack_bytes_max;
    heap->memory_next = bits_align_up(heap_bytes_min(arena), _Alignof(struct chunk_entry));
    memset(heap->spare, 0, sizeof(heap->spare));
    for (unsigned size_class = 0; size_class < heap->class_count; size_class++) {
        struct chunk_entry *bottom = &heap->none + 1;
        uint16_t served = heap->stacks[size_class].served;
        heap->stacks[size_class] = (struct heap_stack){
            .top = bottom,
            .limit = bottom,
            .bottom = bottom,
            .served = served,
        };
    }
    struct heap_swing *swing = heap_swing(heap);
    if (swing != NULL) {
        heap->memory_end = swing->own_bytes;
        swing->budget = SWING_FACTOR * arena->config.stack_bytes_max;
        swing->wants_memory = false;
        swing->wants_budget = false;
        memset(swing->paid, 0, sizeof(swing->paid));
        memset(swing->flushes, 0, sizeof(swing->flushes));
        swing->next_look = 0;
        memset(swing->looks, 0, sizeof(swing->looks));
    }
}

bool heap_wants_memory(const struct heap *heap)
{
    const struct heap_swing *swing = heap_swing(heap);
    return swing != NULL && swing->wants_memory;
}

bool heap_take_memory(struct heap *heap, struct need *need)
{
    struct heap_swing *swing = heap_swing(heap);
    struct arena *arena = heap_arena(heap);
    *need = (struct need){.kind = NEED_NOTHING};
    swing->wants_memory = false;
    if (swing->memory == 0) {
        struct run run = {.section = NULL};
        if (!arena_is_short(arena)) {
            run = arena_take_meta(arena, SWING_MEMORY_BYTES, need);
        }
        if (run.section == NULL) {
            return false;
        }
        swing->memory = offset_of(heap, section_unit_at(run.section, run.first));
    }
    heap->memory_next = swing->memory;
    heap->memory_end = swing->memory + SWING_MEMORY_BYTES;
    return true;
}

size_t heap_own_bytes(const struct heap *heap)
{
    const struct heap_swing *swing = heap_swing(heap);
    size_t unit = arena_unit_bytes(heap_arena(heap));
    if (swing == NULL) {
        return bits_align_up(heap->memory_end, unit);
    }
    size_t more = swing->memory != 0 ? SWING_MEMORY_BYTES : 0;
    return bits_align_up(swing->own_bytes, unit) + more;
}

// ---- depth --------------------------------------------------------------------------------------

// Whether a stack with memory may become twice as deep, as far as its own bounds and a budget go; if the budget alone is too
// small, that is noted. *bytes: of chunks that it would grow by.
static bool may_double(struct heap *heap, unsigned size_class, size_t bytes_max, uintptr_t budget,
                       size_t *bytes)
{
    const struct heap_stack *stack = &heap->stacks[size_class];
    *bytes = stack->capacity * size_class_bytes(size_class);
    if (2 * *bytes > bytes_max || stack->capacity == 1U << (HEAP_STACK_LEVELS - 1)) {
        return false;
    }
    struct heap_swing *swing = heap_swing(heap);
    if (*bytes > budget && swing != NULL) {
        swing->wants_budget = true;
    }
    return *bytes <= budget;
}

// Moves a stack to memory for so many entries. False if there is none.
static bool move_stack(struct heap *heap, struct heap_stack *stack, size_t capacity)
{
    struct chunk_entry *bottom = take_stack_memory(heap, bits_lowest(capacity));
    if (bottom == NULL) {
        return false;
    }
    size_t count = (size_t)(stack->top - stack->bottom);
    memcpy(bottom, stack->bottom, count * sizeof(*bottom));
    give_stack_memory(heap, stack);
    stack->bottom = bottom;
    stack->top = bottom + count;
    stack->limit = bottom + capacity;
    stack->capacity = (uint16_t)capacity;
    return true;
}

// Makes a stack deeper, and pays for it out of one of the budgets.
static bool deepen(struct heap *heap, unsigned size_class, size_t capacity, size_t bytes,
                   uintptr_t *budget)
{
    if (!move_stack(heap, &heap->stacks[size_class], capacity)) {
        return false;
    }
    bytes = bytes < *budget ? bytes : *budget;
    *budget -= bytes;
    struct heap_swing *swing = heap_swing(heap);
    if (swing != NULL) {
        struct heap_paid *paid = &swing->paid[size_class];
        *(budget == &heap->budget ? &paid->first : &paid->swing) += (uint32_t)bytes;
        swing->flushes[size_class] = 0;
    }
    return true;
}

bool heap_deepen(struct heap *heap, unsigned size_class)
{
    const struct heap_stack *stack = &heap->stacks[size_class];
    if (stack->capacity == 0) {
        // Whatever is left of the budget.
        size_t first = size_class < SIZE_CLASS_TINY_COUNT ? STACK_CAPACITY_MIN : 2;
        return deepen(heap, size_class, first, first * size_class_bytes(size_class), &heap->budget);
    }
    size_t bytes;
    return may_double(heap, size_class, HEAP_STACK_BYTES_MAX, heap->budget, &bytes) &&
           deepen(heap, size_class, stack->capacity * (size_t)2, bytes, &heap->budget);
}

void heap_note_flush(struct heap *heap, unsigned size_class)
{
    struct heap_swing *swing = heap_swing(heap);
    if (swing == NULL) {
        return;
    }
    swing->looks[size_class].same = 0;
    if (swing->flushes[size_class] < SWING_FLUSHES) {
        swing->flushes[size_class]++;
    }
}

void heap_note_refill(struct heap *heap, unsigned size_class)
{
    struct heap_swing *swing = heap_swing(heap);
    if (swing != NULL) {
        swing->looks[size_class].same = 0;
    }
}

void heap_deepen_swinging(struct heap *heap, unsigned size_class)
{
    struct heap_swing *swing = heap_swing(heap);
    const struct heap_stack *stack = &heap->stacks[size_class];
    size_t bytes;
    if (swing == NULL || swing->flushes[size_class] < SWING_FLUSHES || stack->capacity == 0 ||
        !may_double(heap, size_class, HEAP_SWING_BYTES_MAX, swing->budget, &bytes)) {
        return;
    }
    if (!deepen(heap, size_class, stack->capacity * (size_t)2, bytes, &swing->budget)) {
        swing->flushes[size_class] = 0; // it asks again when as much has gone home
        swing->wants_memory = heap->memory_end != swing->memory + SWING_MEMORY_BYTES;
    }
}

void heap_flatten(struct heap *heap, unsigned size_class)
{
    struct heap_swing *swing = heap_swing(heap);
    struct heap_stack *stack = &heap->stacks[size_class];
    CHECK(stack->top == stack->bottom);
    give_stack_memory(heap, stack);
    stack->top = stack->limit = stack->bottom = &heap->none + 1;
    stack->capacity = 0;
    struct heap_paid *paid = &swing->paid[size_class];
    heap->budget += paid->first;
    swing->budget += paid->swing;
    *paid = (struct heap_paid){.first = 0};
    swing->flushes[size_class] = 0;
}

bool heap_lacks_budget(struct heap *heap)
{
    struct heap_swing *swing = heap_swing(heap);
    bool lacks = swing != NULL && swing->wants_budget;
    if (lacks) {
        swing->wants_budget = false;
    }
    return lacks;
}

// ---- idle ---------------------------------------------------------------------------------------

unsigned heap_look_for_idle(struct heap *heap)
{
    struct heap_swing *swing = heap_swing(heap);
    if (swing == NULL) {
        return SIZE_CLASS_NONE;
    }
    unsigned size_class = swing->next_look;
    swing->next_look = (uint8_t)(size_class + 1U < heap->class_count ? size_class + 1U : 0);
    const struct heap_stack *stack = &heap->stacks[size_class];
    struct heap_look *look = &swing->looks[size_class];
    uint16_t count = (uint16_t)(stack->top - stack->bottom);
    look->same = stack->capacity != 0 && count == look->count ? look->same + 1U : 0;
    look->count = count;
    if (look->same < IDLE_LOOKS << look->given) {
        return SIZE_CLASS_NONE;
    }
    look->same = 0;
    look->given = look->given < IDLE_DOUBLINGS ? look->given + 1U : IDLE_DOUBLINGS;
    return size_class;
}
