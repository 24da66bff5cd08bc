// SPDX-License-Identifier: MIT
// Stacks are given up when a few chunks in them keep many zones that are free otherwise, and another zone is to be cut.
#include "core/heap_stacks.h"

#include "tests/core/driver.h"
#include "tests/core/test.h"

enum {
    UNIT = 4096,
    HEAP_BYTES = 128 << 10,
    MIB = 1 << 20,
    BYTES = 48, // a class with room for many in a zone
    CLASS = 2,
    DIRTY_BYTES_MAX = 16 * MIB,
    COUNT_MAX = 12 * MIB / BYTES,
};

static struct driver driver;
static void *chunks[COUNT_MAX];

static struct heap *begin(void)
{
    driver_begin(&driver, &(struct driver_options){
                              .unit_bytes = UNIT,
                              .section_bytes = 64 << 20,
                              .dirty_bytes_max = DIRTY_BYTES_MAX,
                          });
    driver.arena->config.stack_bytes_max = MIB;
    return driver_acquire(&driver, HEAP_BYTES);
}

static size_t held(const struct heap *heap, unsigned size_class)
{
    return (size_t)(heap->stacks[size_class].top - heap->stacks[size_class].bottom);
}

static size_t chunks_per_zone(void)
{
    return zone_layout_of(CLASS, UNIT).chunk_count;
}

// Chunks number first to last - 1, whose zones have no others.
static void make(struct heap *heap, size_t first, size_t last)
{
    for (size_t index = first; index < last; index++) {
        chunks[index] = driver_alloc(&driver, heap, BYTES, 16).ptr;
        assert_non_null(chunks[index]);
    }
}

// Frees those that are first in a share of `of` chunks, or all but those.
static void free_some(struct heap *heap, size_t first, size_t last, size_t of, bool is_first)
{
    for (size_t index = first; index < last; index++) {
        if ((index % of == 0) == is_first) {
            driver_free(&driver, heap, chunks[index]);
        }
    }
}

// Of each zone something is freed late, and stays at hand.
static void scatter(struct heap *heap, size_t count)
{
    make(heap, 0, count);
    free_some(heap, 0, count, chunks_per_zone() / 2, false);
    free_some(heap, 0, count, chunks_per_zone() / 2, true);
    assert_true(held(heap, CLASS) != 0);
}

// A zone of another class is cut.
static void cut(struct heap *heap, size_t bytes)
{
    size_t zones = driver.arena->zone_count;
    assert_non_null(driver_alloc(&driver, heap, bytes, 16).ptr);
    assert_true(driver.arena->zone_count <= zones + 1);
    assert_true(heap_is_valid(heap));
}

static void what_keeps_zones_goes_home(void **state)
{
    (void)state;
    struct heap *heap = begin();
    size_t count = 4 * MIB / BYTES;
    scatter(heap, count);
    size_t zones = driver.arena->zone_count;
    assert_true(zones > count / chunks_per_zone() / 2);
    assert_true(heap_returns(heap)->dirty_bytes > 2 * MIB);
    const struct run_table *runs = section_runs(arena_first_section(driver.arena));
    uint32_t fresh = runs->fresh;
    cut(heap, 96);
    assert_int_equal(runs->fresh, fresh); // out of one of them
    assert_int_equal(held(heap, CLASS), 0);
    // The last of the class, and the new one.
    assert_int_equal(driver.arena->zone_count, 2);
    assert_true(heap_returns(heap)->scattered < MIB);
    driver_end(&driver);
}

static void little_is_not_worth_it(void **state)
{
    (void)state;
    struct heap *heap = begin();
    scatter(heap, MIB / BYTES);
    size_t at_hand = held(heap, CLASS);
    assert_true(heap_returns(heap)->dirty_bytes < MIB);
    assert_true(heap_returns(heap)->dirty_bytes > heap_returns(heap)->held_bytes);
    cut(heap, 96);
    assert_int_equal(held(heap, CLASS), at_hand);
    driver_end(&driver);
}

static void zones_in_use_stay_in_use(void **state)
{
    (void)state;
    struct heap *heap = begin();
    size_t count = 10 * MIB / BYTES;
    make(heap, 0, count);
    free_some(heap, 0, count, 3, true);
    const struct heap_return *back = heap_returns(heap);
    size_t at_hand = held(heap, CLASS);
    assert_true(back->dirty_bytes > 2 * MIB && back->dirty_bytes < back->held_bytes);
    cut(heap, 96);
    assert_int_equal(held(heap, CLASS), at_hand);
    driver_end(&driver);
}

static void free_runs_that_suffice_do(void **state)
{
    (void)state;
    struct heap *heap = begin();
    void *large = driver_alloc(&driver, heap, DIRTY_BYTES_MAX / 2, 16).ptr;
    scatter(heap, 4 * MIB / BYTES);
    driver_free(&driver, heap, large);
    assert_true(arena_has_to_spare(driver.arena));
    size_t at_hand = held(heap, CLASS);
    cut(heap, 96);
    assert_int_equal(held(heap, CLASS), at_hand);
    // Once they are taken it is worth it.
    large = driver_alloc(&driver, heap, DIRTY_BYTES_MAX / 2, 16).ptr;
    assert_false(arena_has_to_spare(driver.arena));
    cut(heap, 112);
    assert_int_equal(held(heap, CLASS), 0);
    driver_free(&driver, heap, large);
    driver_end(&driver);
}

static void it_is_not_tried_again_for_nothing(void **state)
{
    (void)state;
    struct heap *heap = begin();
    struct heap_return *back = heap_returns(heap);
    size_t count = 4 * MIB / BYTES;
    make(heap, 0, count);
    free_some(heap, 0, count, chunks_per_zone() / 2, false);
    cut(heap, 96);
    assert_int_equal(held(heap, CLASS), 0);
    uintptr_t left = back->dirty_bytes;
    assert_int_equal(back->scattered, left);
    assert_true(left > 2 * MIB);
    // Nothing more is free than what is in zones of which something is in use.
    driver_free(&driver, heap, chunks[0]);
    cut(heap, 112);
    assert_int_equal(held(heap, CLASS), 1);
    // A MiB more, and a quarter of what was left.
    back->scattered = (back->dirty_bytes - MIB) * 4 / 5 + UNIT;
    cut(heap, 128);
    assert_int_equal(held(heap, CLASS), 1);
    back->scattered = (back->dirty_bytes - MIB) * 4 / 5 - UNIT;
    cut(heap, 160);
    assert_int_equal(held(heap, CLASS), 0);
    // What has become less since counts as little.
    back->scattered = back->dirty_bytes + MIB;
    cut(heap, 192);
    assert_int_equal(back->scattered, back->dirty_bytes);
    driver_end(&driver);
}

static void nothing_is_counted_where_nothing_goes_back(void **state)
{
    (void)state;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT, .section_bytes = 64 << 20});
    struct heap *heap = driver_acquire(&driver, HEAP_BYTES);
    assert_null(heap_returns(heap));
    scatter(heap, 4 * MIB / BYTES);
    size_t at_hand = held(heap, CLASS);
    cut(heap, 96);
    assert_int_equal(held(heap, CLASS), at_hand);
    driver_end(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_keeps_zones_goes_home),
        cmocka_unit_test(little_is_not_worth_it),
        cmocka_unit_test(zones_in_use_stay_in_use),
        cmocka_unit_test(free_runs_that_suffice_do),
        cmocka_unit_test(it_is_not_tried_again_for_nothing),
        cmocka_unit_test(nothing_is_counted_where_nothing_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
