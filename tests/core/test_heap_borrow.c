// SPDX-License-Identifier: MIT
// Requests of SMALL classes that are hardly used, served from freed chunks of larger ones.
#include "core/chunk.h"
#include "core/heap.h"
#include "tests/core/driver.h"
#include "tests/core/test.h"

enum {
    MIB = 1 << 20,
    UNIT = 65536,
    STEP = 512, // of the classes from 2 KiB to 4 KiB
    OWN = 2560, // the lowest of them
    LARGER = OWN + STEP,
    STEP_OF_REFILLS = 8,
    LITTLE = 32, // chunks of a class's first zone, or entries of its stack
    MOST = 1024, // chunks that a class gets of others
};

static struct driver driver;
static struct heap *heap;

static void begin(struct driver_options options)
{
    options.unit_bytes = UNIT;
    options.page_bytes = 4096;
    options.dirty_bytes_max = 16 * MIB;
    options.section_bytes = 64 * MIB;
    driver_begin(&driver, &options);
    heap = driver_acquire(&driver, (size_t)2 * UNIT);
    assert_non_null(heap);
}

static void *take_aligned(size_t bytes, size_t align)
{
    void *ptr = driver_alloc(&driver, heap, bytes, align).ptr;
    assert_non_null(ptr);
    const struct chunk chunk = chunk_locate(driver.arena, ptr);
    assert_int_equal(chunk.requested, bytes);
    return ptr;
}

static void *take(size_t bytes)
{
    return take_aligned(bytes, SIZE_CLASS_STEP);
}

static void give(void *ptr)
{
    driver_free(&driver, heap, ptr);
}

static size_t chunk_bytes_of(void *ptr)
{
    return chunk_locate(driver.arena, ptr).zone->chunk_bytes;
}

static void *take_and_give(size_t bytes)
{
    void *ptr = take(bytes);
    give(ptr);
    return ptr;
}

static void end(void)
{
    assert_true(driver_is_valid(&driver));
    driver_end(&driver);
}

static void a_freed_chunk_of_a_larger_class_serves_a_request(void **state)
{
    (void)state;
    begin((struct driver_options){.wide = true});
    void *freed = take_and_give(LARGER);
    assert_ptr_equal(take(OWN - STEP + 1), freed);
    // When it is freed it is what it was.
    void *own = take(OWN);
    assert_int_equal(chunk_bytes_of(own), OWN);
    give(freed);
    assert_ptr_equal(take(LARGER), freed);
    end();
}

static void classes_higher_up_waste_too_much(void **state)
{
    (void)state;
    begin((struct driver_options){.wide = true});
    void *far = take(OWN + 3 * STEP);
    void *near = take(OWN + 2 * STEP);
    give(far);
    assert_int_equal(chunk_bytes_of(take(OWN)), OWN);
    give(near);
    assert_ptr_equal(take(OWN), near);
    end();
}

static void the_nearest_class_comes_first(void **state)
{
    (void)state;
    begin((struct driver_options){.wide = true});
    void *far = take(OWN + 2 * STEP);
    void *near = take(LARGER);
    give(far);
    give(near);
    assert_ptr_equal(take(OWN), near);
    assert_ptr_equal(take(OWN), far);
    assert_int_equal(chunk_bytes_of(take(OWN)), OWN);
    end();
}

static void what_is_wanted_with_an_alignment_is_of_its_own_class(void **state)
{
    (void)state;
    begin((struct driver_options){.wide = true});
    take_and_give(LARGER);
    assert_int_equal(chunk_bytes_of(take_aligned(OWN, (size_t)2 * SIZE_CLASS_STEP)), OWN);
    end();
}

static void chunks_that_nobody_had_are_left_alone(void **state)
{
    (void)state;
    begin((struct driver_options){.wide = true});
    const struct heap_stack *stack = &heap->stacks[size_class_of(LARGER)];
    take(LARGER);
    assert_ptr_equal(stack->top, stack->bottom);
    assert_int_equal(chunk_bytes_of(take(OWN)), OWN);
    assert_ptr_equal(stack->top, stack->bottom); // nor do they leave their zone
    do {
        take(LARGER);
    } while (stack->top == stack->bottom);
    assert_int_equal(chunk_bytes_of(take(OWN)), OWN);
    end();
}

static void what_went_home_serves_as_well(void **state)
{
    (void)state;
    begin((struct driver_options){.wide = true});
    void *first = take(LARGER);
    void *freed = take(LARGER);
    take(LARGER);
    give(freed);
    give(first);
    heap_give_up_class(heap, size_class_of(LARGER));
    assert_ptr_equal(take(OWN), first);
    assert_ptr_equal(take(OWN), freed);
    assert_int_equal(chunk_bytes_of(take(OWN)), OWN);
    end();
}

static void own_chunks_that_were_freed_come_before(void **state)
{
    (void)state;
    begin((struct driver_options){.wide = true});
    void *own = take(OWN);
    take(OWN);
    take_and_give(LARGER);
    give(own);
    heap_give_up_class(heap, size_class_of(OWN));
    assert_ptr_equal(take(OWN), own);
    end();
}

// So many chunks of the class, and what its stack holds then.
static void take_all_of(unsigned count)
{
    const struct heap_stack *stack = &heap->stacks[size_class_of(OWN)];
    for (unsigned taken = 0; taken < count || stack->top != stack->bottom; taken++) {
        take(OWN);
    }
}

static void a_class_in_use_has_chunks_of_its_own(void **state)
{
    (void)state;
    begin((struct driver_options){.wide = true});
    take_all_of(LITTLE - STEP_OF_REFILLS);
    void *freed = take_and_give(LARGER);
    assert_ptr_equal(take(OWN), freed);
    take_all_of(STEP_OF_REFILLS);
    take_and_give(LARGER);
    assert_int_equal(chunk_bytes_of(take(OWN)), OWN);
    end();
}

static void so_has_one_whose_stack_is_deep(void **state)
{
    (void)state;
    begin((struct driver_options){.wide = true});
    const struct heap_stack *stack = &heap->stacks[size_class_of(OWN)];
    void *chunks[LITTLE / 2 + 1]; // more than half of what the stack is to hold
    for (unsigned count = 0; count < LITTLE / 2 + 1; count++) {
        chunks[count] = take(OWN);
    }
    for (unsigned count = 0; count < LITTLE / 2 + 1; count++) {
        give(chunks[count]);
    }
    assert_int_equal(stack->capacity, LITTLE);
    // Of the second zone hardly anything is handed out.
    struct zone *first = chunk_locate(driver.arena, chunks[0]).zone;
    void *last = take(OWN);
    while (chunk_locate(driver.arena, last).zone == first || stack->top != stack->bottom) {
        last = take(OWN);
    }
    assert_in_range(chunk_locate(driver.arena, last).zone->fresh_index, 1, LITTLE - 1);
    take_and_give(LARGER);
    assert_int_equal(chunk_bytes_of(take(OWN)), OWN);
    end();
}

// What is handed out and freed by turns would else never come to the stack of its own class.
static void so_has_one_that_had_many_of_others(void **state)
{
    (void)state;
    begin((struct driver_options){.wide = true});
    void *freed = take_and_give(LARGER);
    for (unsigned count = 0; count < MOST; count++) {
        assert_ptr_equal(take_and_give(OWN), freed);
    }
    assert_int_equal(chunk_bytes_of(take(OWN)), OWN);
    assert_ptr_equal(take(OWN - STEP), freed); // another class has not
    end();
}

static void tiny_classes_do_not_borrow(void **state)
{
    (void)state;
    begin((struct driver_options){.wide = true});
    take_and_give(SIZE_CLASS_TINY_MAX);
    size_t bytes = size_class_bytes(size_class_of(SIZE_CLASS_TINY_MAX) - 1);
    assert_int_equal(chunk_bytes_of(take(bytes)), bytes);
    end();
}

static void nor_does_a_buffer(void **state)
{
    (void)state;
    begin((struct driver_options){.wide = false});
    take_and_give(LARGER);
    assert_int_equal(chunk_bytes_of(take(OWN)), OWN);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_freed_chunk_of_a_larger_class_serves_a_request),
        cmocka_unit_test(classes_higher_up_waste_too_much),
        cmocka_unit_test(the_nearest_class_comes_first),
        cmocka_unit_test(what_is_wanted_with_an_alignment_is_of_its_own_class),
        cmocka_unit_test(chunks_that_nobody_had_are_left_alone),
        cmocka_unit_test(what_went_home_serves_as_well),
        cmocka_unit_test(own_chunks_that_were_freed_come_before),
        cmocka_unit_test(a_class_in_use_has_chunks_of_its_own),
        cmocka_unit_test(so_has_one_whose_stack_is_deep),
        cmocka_unit_test(so_has_one_that_had_many_of_others),
        cmocka_unit_test(tiny_classes_do_not_borrow),
        cmocka_unit_test(nor_does_a_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
