// SPDX-License-Identifier: MIT
// Stacks that nobody uses give their chunks home, as the heap makes zones for others.
#include "core/heap_stacks.h"

#include "core/offset.h"
#include "tests/core/driver.h"
#include "tests/core/test.h"

#include <string.h>

enum {
    UNIT = 4096,
    HEAP_BYTES = 128 << 10,
    LOOKS = 4,  // with each new zone
    SAME = 3,   // of them in a row are enough at first,
    MOST = 192, // and so many at last
};

static struct driver driver;

static struct heap *begin(void)
{
    driver_begin(&driver, &(struct driver_options){
                              .unit_bytes = UNIT,
                              .section_bytes = 64 << 20,
                              .dirty_bytes_max = 64 << 20,
                          });
    driver.arena->config.stack_bytes_max = 1 << 20;
    return driver_acquire(&driver, HEAP_BYTES);
}

static size_t held(const struct heap *heap, unsigned size_class)
{
    return (size_t)(heap->stacks[size_class].top - heap->stacks[size_class].bottom);
}

// Looks at each stack once, beginning with the first. Returns the only one that was found idle.
static unsigned look(struct heap *heap)
{
    unsigned found = SIZE_CLASS_NONE;
    for (unsigned size_class = 0; size_class < heap->class_count; size_class++) {
        assert_int_equal(heap_swing(heap)->next_look, size_class);
        unsigned idle = heap_look_for_idle(heap);
        assert_true(idle == SIZE_CLASS_NONE || (idle == size_class && found == SIZE_CLASS_NONE));
        found = idle != SIZE_CLASS_NONE ? idle : found;
    }
    assert_int_equal(heap_swing(heap)->next_look, 0);
    return found;
}

// As if no zone had been made yet.
static void begin_to_look(struct heap *heap)
{
    heap_swing(heap)->next_look = 0;
    memset(heap_swing(heap)->looks, 0, sizeof(heap_swing(heap)->looks));
}

// How often all stacks are looked at until one is found idle.
static unsigned looks_until_idle(struct heap *heap, unsigned size_class)
{
    unsigned count = 1;
    unsigned found = look(heap);
    for (; found == SIZE_CLASS_NONE && count <= 2 * MOST; count++) {
        found = look(heap);
    }
    assert_int_equal(found, size_class);
    return count;
}

// A chunk of 48 bytes comes, and its stack holds some.
static void *use(struct heap *heap)
{
    void *ptr = driver_alloc(&driver, heap, 48, 16).ptr;
    assert_non_null(ptr);
    assert_true(held(heap, 2) != 0);
    return ptr;
}

static void a_stack_that_stays_as_it_is_is_idle(void **state)
{
    (void)state;
    struct heap *heap = begin();
    (void)use(heap);
    begin_to_look(heap);
    // The first look sees that it is another; then so many at which it is the same, and the next time more.
    assert_int_equal(looks_until_idle(heap, 2), 1 + SAME);
    for (unsigned most = 2 * SAME; most <= MOST; most *= 2) {
        assert_int_equal(looks_until_idle(heap, 2), most);
    }
    assert_int_equal(looks_until_idle(heap, 2), MOST);
    // A heap that begins anew has forgotten that.
    heap_flush(heap);
    heap_begin_stacks(heap);
    assert_int_equal(look(heap), SIZE_CLASS_NONE);
    (void)use(heap);
    assert_int_equal(looks_until_idle(heap, 2), 1 + SAME);
    driver_end(&driver);
}

static void one_that_is_used_is_not(void **state)
{
    (void)state;
    struct heap *heap = begin();
    void *ptr = use(heap);
    begin_to_look(heap);
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned same = 0; same < SAME; same++) {
            assert_int_equal(look(heap), SIZE_CLASS_NONE);
        }
        driver_free(&driver, heap, ptr);
        for (unsigned same = 0; same < SAME; same++) {
            assert_int_equal(look(heap), SIZE_CLASS_NONE);
        }
        ptr = use(heap);
    }
    driver_end(&driver);
}

static void an_empty_one_is_idle_as_long_as_it_has_memory(void **state)
{
    (void)state;
    struct heap *heap = begin();
    (void)use(heap);
    while (held(heap, 2) != 0) {
        (void)driver_alloc(&driver, heap, 48, 16);
    }
    begin_to_look(heap);
    assert_int_equal(looks_until_idle(heap, 2), SAME); // it was none before the first
    heap_give_up_class(heap, 2);
    for (unsigned round = 0; round < 2 * MOST; round++) {
        assert_int_equal(look(heap), SIZE_CLASS_NONE);
    }
    driver_end(&driver);
}

static void what_comes_from_zones_or_goes_there_is_used(void **state)
{
    (void)state;
    struct heap *heap = begin();
    (void)use(heap);
    heap_swing(heap)->looks[2].same = 2;
    heap_note_flush(heap, 2);
    assert_int_equal(heap_swing(heap)->looks[2].same, 0);
    while (held(heap, 2) != 0) {
        heap_swing(heap)->looks[2].same = 2;
        (void)driver_alloc(&driver, heap, 48, 16);
    }
    assert_int_equal(heap_swing(heap)->looks[2].same, 2);
    (void)driver_alloc(&driver, heap, 48, 16);
    assert_int_equal(heap_swing(heap)->looks[2].same, 0);
    driver_end(&driver);
}

static void what_a_stack_lacks_is_told_once(void **state)
{
    (void)state;
    struct heap *heap = begin();
    (void)use(heap);
    heap->budget = 0;
    assert_false(heap_deepen(heap, 2));
    assert_true(heap_lacks_budget(heap));
    assert_false(heap_lacks_budget(heap));
    driver_end(&driver);
}

static void what_is_given_up_is_there_for_others(void **state)
{
    (void)state;
    struct heap *heap = begin();
    struct heap_swing *swing = heap_swing(heap);
    const uintptr_t budget = heap->budget;
    const uintptr_t swing_budget = swing->budget;
    (void)use(heap);
    assert_true(heap->budget < budget);
    swing->flushes[2] = 2;
    heap_deepen_swinging(heap, 2);
    assert_true(swing->budget < swing_budget);
    assert_false(heap_lacks_budget(heap));
    struct chunk_entry *bottom = heap->stacks[2].bottom;
    assert_true(heap_deepen(heap, 3));
    assert_ptr_equal(heap->stacks[3].bottom, heap->stacks[2].limit + 1);
    swing->flushes[2] = 2;
    heap_give_up_class(heap, 2);
    assert_int_equal(held(heap, 2), 0);
    assert_int_equal(heap->stacks[2].capacity, 0);
    assert_ptr_equal(heap->stacks[2].limit, heap->stacks[2].top);
    assert_int_equal(swing->flushes[2], 0);
    assert_ptr_equal(heap->stacks[3].bottom, bottom);
    heap_give_up_class(heap, 3);
    assert_int_equal(heap->budget, budget);
    assert_int_equal(swing->budget, swing_budget);
    assert_true(heap_is_valid(heap));
    (void)use(heap);
    assert_true(heap->budget < budget);
    heap_give_up_class(heap, 2);
    assert_int_equal(heap->budget, budget);
    // A heap that begins anew owes nothing.
    (void)use(heap);
    heap_flush(heap);
    heap_begin_stacks(heap);
    (void)use(heap);
    heap_give_up_class(heap, 2);
    assert_int_equal(heap->budget, budget);
    driver_end(&driver);
}

static void a_heap_that_keeps_nothing_to_give_back_looks_at_none(void **state)
{
    (void)state;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT, .section_bytes = 1 << 20});
    struct heap *heap = driver_acquire(&driver, HEAP_BYTES);
    assert_null(heap_swing(heap));
    (void)use(heap);
    for (unsigned round = 0; round < 1000; round++) {
        assert_int_equal(heap_look_for_idle(heap), SIZE_CLASS_NONE);
    }
    driver_end(&driver);
}

static void make_and_free_most(struct heap *heap, size_t bytes)
{
    enum { COUNT = 2000, AT_HAND_BYTES = 16 << 10 };
    static void *chunks[COUNT];
    heap->budget = AT_HAND_BYTES;
    heap_swing(heap)->budget = 0;
    for (unsigned index = 0; index < COUNT; index++) {
        chunks[index] = driver_alloc(&driver, heap, bytes, 16).ptr;
    }
    // Every tenth comes last, and stays at hand.
    for (unsigned part = 1; part <= 10; part++) {
        for (unsigned index = part % 10; index < COUNT; index += 10) {
            driver_free(&driver, heap, chunks[index]);
        }
    }
}

// Chunks of two sizes are freed but for those at hand, which lie in many zones. Then zones of another size are made.
static void zones_that_idle_chunks_hold_are_dissolved(void **state)
{
    (void)state;
    struct heap *heap = begin();
    make_and_free_most(heap, 48);
    size_t pinned = driver.arena->zone_count;
    make_and_free_most(heap, 64);
    size_t also_pinned = driver.arena->zone_count - pinned;
    assert_in_range(held(heap, 2), 50, 500);
    assert_in_range(held(heap, 3), 50, 500);
    assert_true(pinned > 5 && also_pinned > 5);
    begin_to_look(heap);
    // Each zone of another size is four looks.
    unsigned most = (1U + SAME) * heap->class_count / LOOKS + 2;
    size_t before = 0;
    unsigned made = 0;
    while (held(heap, 2) != 0 && made <= most) {
        before = driver.arena->zone_count;
        assert_non_null(driver_alloc(&driver, heap, 1000, 16).ptr);
        made += driver.arena->zone_count > before;
    }
    assert_int_equal(held(heap, 2), 0);
    assert_int_equal(held(heap, 3), 0);
    assert_in_range(made, most / 2, most);
    assert_true(heap_is_valid(heap));
    // The last call has made a zone, too, and dissolved all of theirs but the last of each class. As much more may be kept
    // free for others.
    assert_int_equal(before + 1 - driver.arena->zone_count, pinned - 1 + also_pinned - 1);
    assert_int_equal(driver.arena->spare_units,
                     (pinned - 1) * zone_layout_of(2, UNIT).unit_count +
                         (also_pinned - 1) * zone_layout_of(3, UNIT).unit_count);
    assert_true(driver_is_valid(&driver));
    driver_end(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stack_that_stays_as_it_is_is_idle),
        cmocka_unit_test(one_that_is_used_is_not),
        cmocka_unit_test(an_empty_one_is_idle_as_long_as_it_has_memory),
        cmocka_unit_test(what_comes_from_zones_or_goes_there_is_used),
        cmocka_unit_test(what_a_stack_lacks_is_told_once),
        cmocka_unit_test(what_is_given_up_is_there_for_others),
        cmocka_unit_test(a_heap_that_keeps_nothing_to_give_back_looks_at_none),
        cmocka_unit_test(zones_that_idle_chunks_hold_are_dissolved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
