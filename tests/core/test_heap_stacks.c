// SPDX-License-Identifier: MIT
// The stacks of a heap: how deep they become, from which memory, and what a heap without any does.
#include "core/heap_stacks.h"

#include "core/offset.h"
#include "tests/core/driver.h"
#include "tests/core/random.h"
#include "tests/core/test.h"

enum { HEAP_BYTES = 1 << 20, MANY = 20000 };

static struct driver driver;
static void *chunks[MANY];

static struct heap *begin(size_t stack_bytes_max, size_t heap_bytes)
{
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 4096, .section_bytes = 64 << 20});
    driver.arena->config.stack_bytes_max = stack_bytes_max;
    return driver_acquire(&driver, heap_bytes);
}

static void *alloc(struct heap *heap, size_t bytes)
{
    void *ptr = driver_alloc(&driver, heap, bytes, 16).ptr;
    assert_non_null(ptr);
    return ptr;
}

// Allocates so many chunks and frees them all.
static struct heap_stack *swing(struct heap *heap, size_t bytes, unsigned count)
{
    for (unsigned index = 0; index < count; index++) {
        chunks[index] = alloc(heap, bytes);
    }
    for (unsigned index = 0; index < count; index++) {
        driver_free(&driver, heap, chunks[index]);
    }
    return &heap->stacks[size_class_of(bytes)];
}

static size_t held(const struct heap_stack *stack)
{
    return (size_t)(stack->top - stack->bottom);
}

static void a_stack_that_overflows_doubles_up_to_a_bound_of_bytes_and_entries(void **state)
{
    (void)state;
    const struct {
        size_t bytes;
        unsigned capacity;
    } wanted[] = {
        {16, HEAP_STACK_CAPACITY_MAX},
        {32, HEAP_STACK_CAPACITY_MAX},
        {48, 4096},
        {1024, 256},
        {1280, 128},
        {32768, 8},
    };
    for (unsigned sample = 0; sample < sizeof(wanted) / sizeof(*wanted); sample++) {
        struct heap *heap = begin(1 << 20, HEAP_BYTES);
        size_t bytes = wanted[sample].bytes;
        unsigned runs = (unsigned)bytes / HEAP_BYTES_PER_RUN; // which have no part in it
        const struct heap_stack *stack =
            swing(heap, bytes, wanted[sample].capacity * 2 + 10 + runs);
        assert_int_equal(stack->capacity, wanted[sample].capacity);
        assert_int_equal(stack->limit - stack->bottom, stack->capacity);
        assert_int_equal(heap->budget, (1 << 20) - wanted[sample].capacity * bytes);
        assert_true(heap_is_valid(heap));
        driver_end(&driver);
    }
}

static void all_stacks_together_keep_within_the_budget(void **state)
{
    (void)state;
    struct heap *heap = begin(4096, HEAP_BYTES);
    assert_int_equal(swing(heap, 16, 600)->capacity, 256);
    assert_int_equal(heap->budget, 0);
    // A first stack is given whatever is left; it is not deepened.
    assert_int_equal(swing(heap, 32, 600)->capacity, 8);
    assert_int_equal(heap->budget, 0);
    driver_end(&driver);
    heap = begin(4095, HEAP_BYTES);
    assert_int_equal(swing(heap, 16, 600)->capacity, 128);
    assert_int_equal(heap->budget, 2047);
    driver_end(&driver);
    heap = begin(100, HEAP_BYTES);
    assert_int_equal(swing(heap, 16, 600)->capacity, 8);
    assert_int_equal(heap->budget, 0);
    driver_end(&driver);
}

static void refills_deepen_a_stack_and_fill_half_of_it(void **state)
{
    (void)state;
    const struct {
        size_t bytes;
        unsigned capacity[6]; // after each refill
    } wanted[] = {
        {16, {8, 16, 32, 64, 64, 64}},
        {640, {8, 16, 16, 16, 16, 16}},
        {1024, {8, 16, 16, 16, 16, 16}},
        {4096, {2, 4, 4, 4, 4, 4}},
    };
    for (unsigned sample = 0; sample < sizeof(wanted) / sizeof(*wanted); sample++) {
        struct heap *heap = begin(1 << 20, HEAP_BYTES);
        const struct heap_stack *stack = &heap->stacks[size_class_of(wanted[sample].bytes)];
        for (unsigned refill = 0; refill < 6; refill++) {
            assert_int_equal(held(stack), 0);
            alloc(heap, wanted[sample].bytes);
            assert_int_equal(stack->capacity, wanted[sample].capacity[refill]);
            assert_int_equal(held(stack), wanted[sample].capacity[refill] / 2 - 1);
            while (held(stack) != 0) {
                alloc(heap, wanted[sample].bytes);
            }
        }
        driver_end(&driver);
    }
}

static void of_several_heaps_each_takes_few_chunks_that_were_never_handed_out(void **state)
{
    (void)state;
    const struct {
        size_t bytes;
        unsigned alone; // chunks that a refill takes of a deep stack's zone
        unsigned with_others;
    } wanted[] = {{128, 1024, 128}, {1024, 128, 16}, {8192, 16, 2}, {12288, 8, 1}, {32768, 4, 1}};
    for (unsigned sample = 0; sample < sizeof(wanted) / sizeof(*wanted); sample++) {
        size_t bytes = wanted[sample].bytes;
        driver_begin(&driver,
                     &(struct driver_options){.unit_bytes = 65536, .section_bytes = 64 << 20});
        driver.arena->config.stack_bytes_max = 1 << 20;
        struct heap *heap = driver_acquire(&driver, HEAP_BYTES);
        struct heap_stack *stack = swing(heap, bytes, 4 * wanted[sample].alone + 64);
        assert_int_equal(stack->capacity, 2 * wanted[sample].alone);
        for (unsigned others = 0; others < 2; others++) {
            heap_trim(heap);
            assert_int_equal(driver.arena->zone_count, 0);
            void *ptr = alloc(heap, bytes);
            unsigned count = others == 0 ? wanted[sample].alone : wanted[sample].with_others;
            struct zone *zone = chunk_locate(driver.arena, ptr).zone;
            // No more than the zone has.
            count = count < zone->chunk_count ? count : zone->chunk_count;
            assert_int_equal(held(stack) + 1, count);
            assert_int_equal(zone->fresh_index, count);
            driver_free(&driver, heap, ptr);
            assert_non_null(driver_acquire(&driver, HEAP_BYTES));
        }
        // What was handed out before is taken as ever.
        heap_trim(heap);
        swing(heap, bytes, wanted[sample].alone);
        heap_flush(heap);
        driver_give_empty(&driver, heap);
        size_t zones = driver.arena->zone_count;
        assert_int_not_equal(zones, 0);
        void *ptr = alloc(heap, bytes);
        assert_int_equal(driver.arena->zone_count, zones);
        const struct zone *zone = chunk_locate(driver.arena, ptr).zone;
        assert_true(held(stack) + 1 == wanted[sample].alone || zone->free_count == 0);
        driver_free(&driver, heap, ptr);
        driver_end(&driver);
    }
}

static void an_overflow_sends_the_older_half_home(void **state)
{
    (void)state;
    struct heap *heap = begin(1, HEAP_BYTES);
    struct heap_stack *stack = swing(heap, 1024, 8);
    assert_int_equal(stack->capacity, 8);
    heap_flush(heap);
    for (unsigned index = 0; index < 9; index++) {
        chunks[index] = alloc(heap, 1024);
    }
    heap_flush(heap);
    for (unsigned index = 0; index < 9; index++) {
        driver_free(&driver, heap, chunks[index]);
        assert_int_equal(held(stack), index < 8 ? index + 1 : 5);
    }
    for (unsigned entry = 0; entry < 5; entry++) {
        assert_ptr_equal(stack->bottom[entry].chunk, chunks[4 + entry]);
    }
    assert_true(heap_is_valid(heap));
    driver_end(&driver);
}

static void stacks_lie_one_behind_the_other_by_class(void **state)
{
    (void)state;
    struct heap *heap = begin(1 << 20, HEAP_BYTES);
    memset(offset_to(heap, heap->memory), 0xEE, heap->memory_end - heap->memory);
    const struct heap_stack *stacks = heap->stacks;
    // The last comes first; each that is there gets deeper, and moves those behind it.
    struct random random = random_seeded(20);
    unsigned count = 0;
    for (unsigned round = 0; round < 400; round++) {
        unsigned size_class = random_below(&random, 8) * 5;
        void *ptr = alloc(heap, size_class_bytes(size_class));
        if (chunk_locate(driver.arena, ptr).zone->kind != ZONE_LARGE && count < MANY) {
            chunks[count++] = ptr;
        }
        if (random_below(&random, 2) == 0 && count != 0) {
            driver_free(&driver, heap, chunks[--count]);
        }
        const struct chunk_entry *next = offset_to(heap, heap->memory);
        for (unsigned at = 0; at < SIZE_CLASS_COUNT; at++) {
            if (stacks[at].capacity == 0) {
                assert_ptr_equal(stacks[at].bottom, &heap->none + 1);
                continue;
            }
            assert_ptr_equal(stacks[at].bottom, next + 1);
            assert_ptr_equal(stacks[at].limit, next + 1 + stacks[at].capacity);
            assert_null(next->chunk);
            next = stacks[at].limit;
        }
        assert_true(heap_is_valid(heap)); // and what they hold with them
        assert_true((uintptr_t)next <= (uintptr_t)heap + heap->memory_end - heap->memory_unused);
    }
    assert_true(stacks[0].capacity != 0 && stacks[35].capacity != 0);
    driver_end(&driver);
}

static void no_stack_becomes_so_deep_that_others_have_none(void **state)
{
    (void)state;
    begin(1 << 20, HEAP_BYTES);
    size_t bytes = bits_align_up(heap_bytes_min(driver.arena), _Alignof(struct chunk_entry));
    // Eight entries and the one below for each TINY class, two and one for the SMALL ones: with 16 more the first can double
    // twice, from 8 to 32 less 8, but has one entry too little.
    size_t firsts = (SIZE_CLASS_TINY_COUNT * 9 + (SIZE_CLASS_COUNT - SIZE_CLASS_TINY_COUNT) * 3) *
                    sizeof(struct chunk_entry);
    for (unsigned less = 0; less < 2; less++) {
        struct heap *heap =
            driver_acquire(&driver, bytes + firsts + 24 * sizeof(struct chunk_entry) - less);
        assert_int_equal(swing(heap, 16, 600)->capacity, less == 0 ? 32 : 16);
        for (unsigned size_class = 1; size_class < SIZE_CLASS_COUNT; size_class++) {
            assert_true(heap_deepen(heap, size_class));
        }
        assert_int_equal(heap->memory_unused,
                         less == 0 ? 0 : 16 * sizeof(struct chunk_entry) - less);
        assert_int_equal(heap_deepen(heap, 1), less != 0);
        assert_true(heap_is_valid(heap));
    }
    driver_end(&driver);
}

static void a_stack_that_lies_elsewhere_is_not_valid(void **state)
{
    (void)state;
    struct heap *heap = begin(1 << 20, HEAP_BYTES);
    alloc(heap, 16);
    alloc(heap, 32);
    assert_true(heap_is_valid(heap));
    struct heap_stack *stack = &heap->stacks[1];
    struct heap_stack there = *stack;
    stack->bottom++; // what is there now is a chunk
    assert_false(heap_is_valid(heap));
    *stack = there;
    stack->limit--; // above the top still
    assert_false(heap_is_valid(heap));
    *stack = there;
    memmove(stack->bottom + 1, stack->bottom - 1, 8 * sizeof(*stack->bottom));
    stack->bottom += 2;
    stack->top += 2;
    stack->limit += 2;
    assert_false(heap_is_valid(heap));
    memmove(there.bottom - 1, there.bottom + 1, 8 * sizeof(*there.bottom));
    *stack = there;
    heap->memory_unused += sizeof(*stack->bottom);
    assert_false(heap_is_valid(heap));
    heap->memory_unused -= sizeof(*stack->bottom);
    driver_end(&driver);
}

static void memory_for_stacks_is_used_to_the_last_entry(void **state)
{
    (void)state;
    for (size_t less = 0; less < 2; less++) {
        begin(1 << 20, HEAP_BYTES);
        size_t bytes = bits_align_up(heap_bytes_min(driver.arena), _Alignof(struct chunk_entry));
        size_t first = 9 * sizeof(struct chunk_entry); // eight, and one below the bottom
        struct heap *heap = driver_acquire(&driver, bytes + first - less);
        alloc(heap, 16);
        assert_int_equal(heap->stacks[0].capacity, less == 0 ? 8 : 0);
        assert_int_equal(heap->memory_unused, less == 0 ? 0 : first - less);
        driver_end(&driver);
    }
}

static void a_heap_without_memory_for_stacks_serves_from_its_zones(void **state)
{
    (void)state;
    begin(1 << 20, HEAP_BYTES);
    struct heap *heap = driver_acquire(&driver, heap_bytes_min(driver.arena));
    for (unsigned index = 0; index < 250; index++) {
        chunks[index] = alloc(heap, 1000);
        assert_int_equal(heap->stacks[size_class_of(1000)].capacity, 0);
        assert_true(heap_is_valid(heap));
    }
    assert_int_equal(driver.arena->zone_count, 3);
    for (unsigned index = 0; index < 250; index++) {
        driver_free(&driver, heap, chunks[index]);
        assert_true(heap_is_valid(heap));
    }
    assert_int_equal(driver.arena->zone_count, 1);
    driver_end(&driver);
}

static void an_empty_zone_goes_back_if_another_has_anything_to_take(void **state)
{
    (void)state;
    // The other zone has 1 to 100 free chunks, that is, is in each list once.
    for (unsigned others = 1; others < 100; others += 24) {
        struct heap *heap = begin(1 << 20, HEAP_BYTES);
        for (unsigned index = 0; index < 200; index++) {
            chunks[index] = alloc(heap, 1024);
        }
        assert_int_equal(driver.arena->zone_count, 2);
        for (unsigned index = 0; index < others; index++) {
            driver_free(&driver, heap, chunks[index]);
        }
        heap_flush(heap);
        for (unsigned index = 100; index < 200; index++) {
            driver_free(&driver, heap, chunks[index]);
        }
        heap_flush(heap);
        driver_give_empty(&driver, heap);
        assert_int_equal(driver.arena->zone_count, 1);
        driver_end(&driver);
    }
}

static void an_empty_zone_that_waits_to_go_back_is_in_its_place(void **state)
{
    (void)state;
    struct heap *heap = begin(1 << 20, HEAP_BYTES);
    for (unsigned index = 0; index < 200; index++) {
        chunks[index] = alloc(heap, 1024);
    }
    for (unsigned index = 0; index < 200; index++) {
        struct chunk chunk = chunk_locate(driver.arena, chunks[index]);
        heap_put(heap, &chunk);
    }
    heap_flush(heap);
    assert_true(heap_has_empty(heap));
    assert_true(heap_is_valid(heap));
    // In its place, but not without being there.
    uintptr_t waiting = heap->empties;
    heap->empties = 0;
    assert_false(heap_is_valid(heap));
    heap->empties = waiting;
    driver_give_empty(&driver, heap);
    assert_true(heap_is_valid(heap));
    driver_end(&driver);
}

static void the_first_stack_of_a_class_takes_what_is_said(void **state)
{
    (void)state;
    struct heap *heap = begin(1 << 20, HEAP_BYTES);
    uintptr_t unused = heap->memory_unused;
    alloc(heap, 700);
    assert_int_equal(unused - heap->memory_unused, heap_first_stack_bytes());
    driver_end(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stack_that_overflows_doubles_up_to_a_bound_of_bytes_and_entries),
        cmocka_unit_test(all_stacks_together_keep_within_the_budget),
        cmocka_unit_test(refills_deepen_a_stack_and_fill_half_of_it),
        cmocka_unit_test(of_several_heaps_each_takes_few_chunks_that_were_never_handed_out),
        cmocka_unit_test(an_overflow_sends_the_older_half_home),
        cmocka_unit_test(stacks_lie_one_behind_the_other_by_class),
        cmocka_unit_test(no_stack_becomes_so_deep_that_others_have_none),
        cmocka_unit_test(a_stack_that_lies_elsewhere_is_not_valid),
        cmocka_unit_test(memory_for_stacks_is_used_to_the_last_entry),
        cmocka_unit_test(a_heap_without_memory_for_stacks_serves_from_its_zones),
        cmocka_unit_test(an_empty_zone_goes_back_if_another_has_anything_to_take),
        cmocka_unit_test(an_empty_zone_that_waits_to_go_back_is_in_its_place),
        cmocka_unit_test(the_first_stack_of_a_class_takes_what_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
