// SPDX-License-Identifier: MIT
#include "core/heap_stacks.h"

#include "core/check.h"

#include <string.h>

enum {
    STACK_CAPACITY_MIN = 8, // entries of a TINY class's first stack
    SMALL_CAPACITY_MIN = 2, // of a SMALL one's
    SWING_FLUSHES = 2,      // halves of a stack that went home before it is one that swings
    SWING_FACTOR = 2,       // times the budget for what overflows, for stacks that swing
    // Memory that a heap gets when its own is used up, in place of that twice as much, and so on.
    SWING_MEMORY_MIN = 64 << 10,
    SWING_MEMORY_MAX = 4 * SWING_MEMORY_MIN,
    IDLE_LOOKS = 3, // at which a stack was the same before it goes home; twice as many each time
    IDLE_DOUBLINGS = 6, // up to so often
};

// ---- memory -------------------------------------------------------------------------------------

static size_t first_capacity(unsigned size_class)
{
    return size_class < SIZE_CLASS_TINY_COUNT ? STACK_CAPACITY_MIN : SMALL_CAPACITY_MIN;
}

static size_t stack_bytes(size_t capacity)
{
    return (capacity + 1) * sizeof(struct chunk_entry);
}

size_t heap_first_stack_bytes(void)
{
    return stack_bytes(STACK_CAPACITY_MIN);
}

// What the first stacks of those classes take that have none: no other becomes so deep that there is no room for them.
static size_t kept_for_first_stacks(const struct heap *heap)
{
    size_t bytes = 0;
    for (unsigned size_class = 0; size_class < heap->class_count; size_class++) {
        if (heap->stacks[size_class].capacity == 0) {
            bytes += stack_bytes(first_capacity(size_class));
        }
    }
    return bytes;
}

// Where the stacks of all classes lie if one of them gets another capacity: one behind the other, the smallest class first, each
// behind the entry below its bottom; where what the heap began with ends, in what it has got later. False if they have no room.
static bool lay_out(const struct heap *heap, unsigned changed, size_t capacity,
                    struct chunk_entry **bottoms, size_t *unused)
{
    const struct heap_swing *swing = heap_swing(heap);
    uintptr_t more_bytes = swing != NULL ? swing->memory_bytes : 0;
    uintptr_t next = heap->memory;
    uintptr_t end = heap->memory_end;
    for (unsigned size_class = 0; size_class < heap->class_count; size_class++) {
        size_t entries = size_class == changed ? capacity : heap->stacks[size_class].capacity;
        bottoms[size_class] = (struct chunk_entry *)&heap->none + 1;
        if (entries == 0) {
            continue;
        }
        size_t bytes = stack_bytes(entries);
        if (end - next < bytes && more_bytes != 0) {
            next = swing->memory;
            end = next + more_bytes;
            more_bytes = 0;
        }
        if (end - next < bytes) {
            return false;
        }
        bottoms[size_class] = (struct chunk_entry *)offset_to(heap, next) + 1;
        next += bytes;
    }
    *unused = end - next + more_bytes;
    return true;
}

bool heap_stacks_are_in_place(const struct heap *heap)
{
    struct chunk_entry *bottoms[SIZE_CLASS_COUNT];
    size_t unused;
    bool are = lay_out(heap, SIZE_CLASS_COUNT, 0, bottoms, &unused);
    for (unsigned size_class = 0; are && size_class < heap->class_count; size_class++) {
        const struct heap_stack *stack = &heap->stacks[size_class];
        uintptr_t bottom = (uintptr_t)stack->bottom + ((uintptr_t)heap - heap->address);
        are = bottom == (uintptr_t)bottoms[size_class] &&
              stack->limit == stack->bottom + stack->capacity;
    }
    return are && heap->memory_unused <= unused;
}

static void move_stack(struct heap_stack *stack, struct chunk_entry *bottom)
{
    size_t count = (size_t)(stack->top - stack->bottom);
    memmove(bottom, stack->bottom, count * sizeof(*bottom));
    if (stack->capacity != 0) {
        bottom[-1].chunk = NULL; // the memory may have been used before
    }
    stack->bottom = bottom;
    stack->top = bottom + count;
    stack->limit = bottom + stack->capacity;
}

// Gives a stack room for so many entries, no fewer than it holds, and moves those of larger classes. False if so many bytes of
// memory would not be left.
static bool set_capacity(struct heap *heap, unsigned changed, size_t capacity, size_t kept)
{
    struct chunk_entry *bottoms[SIZE_CLASS_COUNT];
    size_t unused;
    if (!lay_out(heap, changed, capacity, bottoms, &unused) || unused < kept) {
        return false;
    }
    heap->memory_unused = unused < heap->memory_unused ? unused : heap->memory_unused;
    struct heap_stack *stacks = heap->stacks;
    bool goes_up = capacity > stacks[changed].capacity;
    stacks[changed].capacity = (uint16_t)capacity;
    // Each goes where none is any more.
    unsigned last = heap->class_count - 1U;
    for (unsigned done = 0; done <= last - changed; done++) {
        unsigned size_class = goes_up ? last - done : changed + done;
        if (bottoms[size_class] != stacks[size_class].bottom || size_class == changed) {
            move_stack(&stacks[size_class], bottoms[size_class]);
        }
    }
    return true;
}

void heap_begin_stacks(struct heap *heap)
{
    const struct arena *arena = heap_arena(heap);
    heap->budget = arena->config.stack_bytes_max;
    heap->memory_unused = 0; // it may have been used before the heap was revived
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

static size_t next_memory_bytes(const struct heap_swing *swing)
{
    return swing->memory_bytes == 0 ? SWING_MEMORY_MIN : 2 * swing->memory_bytes;
}

bool heap_take_memory(struct heap *heap, struct need *need)
{
    struct heap_swing *swing = heap_swing(heap);
    struct arena *arena = heap_arena(heap);
    *need = (struct need){.kind = NEED_NOTHING};
    swing->wants_memory = false;
    struct run run = {.section = NULL};
    if (!arena_is_short(arena)) {
        run = arena_take_meta(arena, next_memory_bytes(swing), need);
    }
    if (run.section == NULL) {
        return false;
    }
    void *outgrown = swing->memory_bytes != 0 ? offset_to(heap, swing->memory) : NULL;
    swing->memory = offset_of(heap, section_unit_at(run.section, run.first));
    swing->memory_bytes = next_memory_bytes(swing);
    heap->memory_unused = swing->memory_bytes + (outgrown == NULL ? heap->memory_unused : 0);
    bool fits = set_capacity(heap, 0, heap->stacks[0].capacity, 0);
    CHECK(fits);
    if (outgrown != NULL) {
        arena_give_meta(arena, outgrown);
    }
    return true;
}

size_t heap_own_bytes(const struct heap *heap)
{
    const struct heap_swing *swing = heap_swing(heap);
    size_t more = swing != NULL ? swing->memory_bytes : 0;
    return bits_align_up(heap->memory_end, arena_unit_bytes(heap_arena(heap))) + more;
}

// ---- depth --------------------------------------------------------------------------------------

// Whether a stack with memory may become twice as deep, as far as its own bounds and a budget go; if the budget alone is too
// small, that is noted. *bytes: of chunks that it would grow by.
static bool may_double(struct heap *heap, unsigned size_class, size_t bytes_max, uintptr_t budget,
                       size_t *bytes)
{
    const struct heap_stack *stack = &heap->stacks[size_class];
    *bytes = stack->capacity * size_class_bytes(size_class);
    if (2 * *bytes > bytes_max || stack->capacity == HEAP_STACK_CAPACITY_MAX) {
        return false;
    }
    struct heap_swing *swing = heap_swing(heap);
    if (*bytes > budget && swing != NULL) {
        swing->wants_budget = true;
    }
    return *bytes <= budget;
}

// Makes a stack deeper, and pays for it out of one of the budgets.
static bool deepen(struct heap *heap, unsigned size_class, size_t capacity, size_t bytes,
                   uintptr_t *budget)
{
    bool is_first = heap->stacks[size_class].capacity == 0;
    if (!set_capacity(heap, size_class, capacity, is_first ? 0 : kept_for_first_stacks(heap))) {
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
        size_t first = first_capacity(size_class);
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
        swing->wants_memory = swing->memory_bytes < SWING_MEMORY_MAX;
    }
}

void heap_flatten(struct heap *heap, unsigned size_class)
{
    struct heap_swing *swing = heap_swing(heap);
    CHECK(heap->stacks[size_class].top == heap->stacks[size_class].bottom);
    bool fits = set_capacity(heap, size_class, 0, 0);
    CHECK(fits);
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
