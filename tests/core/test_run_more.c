// SPDX-License-Identifier: MIT
// Questions about a run table, and runs at its bounds.
#include "core/run.h"

#include "tests/core/region.h"
#include "tests/core/test.h"

#include <string.h>

static struct region memory;

static struct run_table *table_new(uint32_t unit_count)
{
    memory = region_new(run_table_bytes(unit_count), 64, 0);
    struct run_table *table = (struct run_table *)memory.base;
    run_table_init(table, unit_count);
    table->committed = unit_count;
    return table;
}

static uint32_t take_fresh(struct run_table *table, uint32_t count)
{
    bool clean = false;
    uint32_t first = run_take_fresh(table, (struct run_shape){.count = count, .align = 1}, &clean);
    assert_true(run_table_is_valid(table));
    return first;
}

static void a_table_takes_as_many_bytes_as_it_says(void **state)
{
    (void)state;
    for (uint32_t count = 1; count < 3000; count += 1 + count / 9) {
        struct run_table *table = table_new(count);
        const unsigned char *end = (unsigned char *)(run_unit(table, count - 1) + 1);
        assert_int_equal(end - memory.base, run_table_bytes(count));
        assert_true(run_table_is_valid(table));
        region_delete(&memory);
    }
}

static void the_frontier_begins_at_the_free_run_below_it(void **state)
{
    (void)state;
    struct run_table *table = table_new(40);
    assert_int_equal(run_frontier(table), 40);
    uint32_t first = take_fresh(table, 5);
    uint32_t second = take_fresh(table, 7);
    assert_int_equal(run_frontier(table), 28);
    run_give(table, first, false);
    assert_int_equal(run_frontier(table), 28);
    run_give(table, second, false);
    assert_int_equal(run_frontier(table), 40);
    take_fresh(table, 40);
    assert_int_equal(run_frontier(table), 0);
    region_delete(&memory);
}

static void virgin_units_are_taken_though_others_are_free(void **state)
{
    (void)state;
    struct run_table *table = table_new(40);
    uint32_t free = take_fresh(table, 5);
    run_give(table, free, false);
    table->committed = 20;
    assert_int_equal(run_take_virgin(table, 16), RUN_NONE);
    assert_int_equal(run_take_virgin(table, 15), 5);
    assert_true(run_table_is_valid(table));
    assert_int_equal(table->fresh, 20);
    assert_int_equal(table->free_count, 5);
    assert_int_equal(table->dirty_count, 5);
    assert_int_equal(run_take_virgin(table, 1), RUN_NONE);
    // Units that nobody has used yet may be known to hold anything.
    table->committed = 40;
    table->fresh_is_zero = false;
    assert_int_equal(run_take_virgin(table, 1), RUN_NONE);
    table->fresh_is_zero = true;
    assert_int_equal(run_take_virgin(table, 1), 20);
    assert_true(run_table_is_valid(table));
    region_delete(&memory);
}

static void the_longest_dirty_run_is_found_behind_clean_ones(void **state)
{
    (void)state;
    struct run_table *table = table_new(100);
    assert_int_equal(run_dirtiest(table), RUN_NONE);
    uint32_t runs[6];
    const uint32_t counts[] = {4, 4, 4, 9, 9, 2};
    for (unsigned run = 0; run < 6; run++) {
        runs[run] = take_fresh(table, counts[run]);
        take_fresh(table, 1); // keeps them apart
    }
    assert_int_equal(run_dirtiest(table), RUN_NONE);
    run_give(table, runs[0], true);
    run_give(table, runs[3], true);
    assert_int_equal(run_dirtiest(table), RUN_NONE); // free, and all clean
    run_give(table, runs[1], false);
    run_give(table, runs[2], true); // the first of its list
    assert_int_equal(run_dirtiest(table), runs[1]);
    run_give(table, runs[5], false);
    assert_int_equal(run_dirtiest(table), runs[1]);
    run_give(table, runs[4], false);
    assert_int_equal(run_dirtiest(table), runs[4]);
    region_delete(&memory);
}

static void virgin_units_may_hold_anything(void **state)
{
    (void)state;
    struct run_table *table = table_new(40);
    assert_true(table->fresh_is_zero);
    table->fresh_is_zero = false;
    bool clean = true;
    // Skipped for alignment, and taken.
    uint32_t first =
        run_take_fresh(table, (struct run_shape){.count = 3, .align = 8, .phase = 3}, &clean);
    assert_int_equal(first, 5);
    assert_false(clean);
    assert_int_equal(table->dirty_count, 5);
    assert_true(run_table_is_valid(table));
    region_delete(&memory);
}

static void virgin_units_add_to_what_is_known_of_the_run_below(void **state)
{
    (void)state;
    for (unsigned is_zero = 0; is_zero < 2; is_zero++) {
        for (unsigned is_clean = 0; is_clean < 2; is_clean++) {
            struct run_table *table = table_new(40);
            take_fresh(table, 5);
            table->fresh_is_zero = is_zero != 0;
            run_give(table, 0, is_clean != 0);
            bool clean = false;
            const struct run_shape shape = {.count = 8, .align = 1};
            assert_int_equal(run_take_fresh(table, shape, &clean), 0);
            assert_int_equal(clean, is_zero != 0 && is_clean != 0);
            assert_true(run_table_is_valid(table));
            region_delete(&memory);
        }
    }
}

static void what_is_left_of_a_run_is_clean_above_all_old_bytes(void **state)
{
    (void)state;
    struct run_table *table = table_new(40);
    take_fresh(table, 1);
    take_fresh(table, 38);
    run_give(table, 0, false);
    run_give(table, 1, true);
    assert_int_equal(run_dirt(table, 0).end, 1);
    bool clean = true;
    // 38 are of the same list as 39.
    assert_int_equal(run_take(table, (struct run_shape){.count = 1, .align = 1}, &clean), 0);
    assert_false(clean);
    assert_int_equal(table->dirty_count, 0);
    assert_true(run_table_is_valid(table));
    assert_int_equal(run_take(table, (struct run_shape){.count = 38, .align = 1}, &clean), 1);
    assert_true(clean);
    region_delete(&memory);
}

static void what_a_run_lacks_to_grow_is_told_only_if_it_is_commitment(void **state)
{
    (void)state;
    struct run_table *table = table_new(40);
    table->committed = 20;
    uint32_t first = take_fresh(table, 5);
    uint32_t second = take_fresh(table, 5);
    // Enough is committed: 15 units for the second one.
    assert_int_equal(run_commitment_to_grow(table, second, 15), RUN_NONE);
    assert_int_equal(run_commitment_to_grow(table, second, 16), 21);
    assert_int_equal(run_commitment_to_grow(table, second, 35), 40);
    assert_int_equal(run_commitment_to_grow(table, second, 36), RUN_NONE);
    assert_int_equal(run_commitment_to_grow(table, second, UINT32_MAX), RUN_NONE);
    // The first one has a neighbour.
    assert_int_equal(run_commitment_to_grow(table, first, 30), RUN_NONE);
    region_delete(&memory);
}

static void a_run_that_grows_keeps_its_kind_and_note(void **state)
{
    (void)state;
    const enum run_kind kinds[] = {RUN_LARGE, RUN_ZONE, RUN_META};
    for (unsigned sample = 0; sample < 3; sample++) {
        struct run_table *table = table_new(40);
        uint32_t first = take_fresh(table, 4);
        uint32_t second = take_fresh(table, 6);
        take_fresh(table, 1);
        run_mark(table, first, kinds[sample], 1234);
        run_give(table, second, true);
        bool clean = false;
        assert_true(run_grow(table, first, 8, &clean));
        assert_true(clean);
        assert_int_equal(run_unit(table, first)->kind, kinds[sample]);
        assert_int_equal(run_note(run_unit(table, first)), 1234);
        assert_int_equal(run_note(run_unit(table, first + 7)),
                         kinds[sample] == RUN_LARGE ? RUN_TAIL : 1234);
        assert_true(run_table_is_valid(table));
        run_shrink(table, first, 3);
        assert_int_equal(run_unit(table, first)->kind, kinds[sample]);
        assert_int_equal(run_note(run_unit(table, first)), 1234);
        assert_int_equal(run_note(run_unit(table, first + 2)),
                         kinds[sample] == RUN_LARGE ? RUN_TAIL : 1234);
        assert_false(run_grow(table, first, 11, &clean)); // one more than is free
        assert_true(run_table_is_valid(table));
        region_delete(&memory);
    }
}

static void a_large_run_is_found_from_each_of_its_units(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= 5; count++) {
        struct run_table *table = table_new(40);
        uint32_t before = take_fresh(table, 3);
        uint32_t first = take_fresh(table, count);
        uint32_t other = take_fresh(table, 4);
        uint32_t after = take_fresh(table, 2);
        run_mark(table, first, RUN_LARGE, 0); // a chunk of no bytes has a run, too
        run_mark(table, other, RUN_LARGE, 77);
        run_give(table, before, false);
        for (uint32_t unit = 0; unit < 40; unit++) {
            uint32_t wanted = unit >= first && unit < other ? first : RUN_NONE;
            wanted = unit >= other && unit < after ? other : wanted;
            assert_int_equal(run_large_holding(table, unit), wanted);
        }
        region_delete(&memory);
    }
}

static void above_the_frontier_there_is_no_large_run(void **state)
{
    (void)state;
    for (uint32_t count = 1; count <= 2; count++) {
        struct run_table *table = table_new(10);
        run_mark(table, take_fresh(table, count), RUN_LARGE, 5);
        for (uint32_t unit = 0; unit < 10; unit++) {
            assert_int_equal(run_large_holding(table, unit), unit < count ? 0 : RUN_NONE);
        }
        region_delete(&memory);
    }
}

static void each_unit_of_a_run_tells_its_kind(void **state)
{
    (void)state;
    struct run_table *table = table_new(40);
    const enum run_kind kinds[] = {RUN_LARGE, RUN_ZONE, RUN_META, RUN_RECORDS, RUN_LEAVING};
    for (uint32_t run = 0; run < 5; run++) {
        run_mark(table, take_fresh(table, run + 1), kinds[run], 9);
    }
    uint32_t free = take_fresh(table, 3);
    take_fresh(table, 1);
    run_give(table, free, false);
    for (uint32_t run = 0, unit = 0; run < 5; run++) {
        for (uint32_t end = unit + run + 1; unit < end; unit++) {
            assert_int_equal(run_kind_at(table, unit), kinds[run]);
        }
    }
    for (uint32_t unit = free; unit < free + 3; unit++) {
        assert_int_equal(run_kind_at(table, unit), RUN_FREE);
    }
    region_delete(&memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_takes_as_many_bytes_as_it_says),
        cmocka_unit_test(the_frontier_begins_at_the_free_run_below_it),
        cmocka_unit_test(the_longest_dirty_run_is_found_behind_clean_ones),
        cmocka_unit_test(virgin_units_may_hold_anything),
        cmocka_unit_test(virgin_units_add_to_what_is_known_of_the_run_below),
        cmocka_unit_test(what_is_left_of_a_run_is_clean_above_all_old_bytes),
        cmocka_unit_test(what_a_run_lacks_to_grow_is_told_only_if_it_is_commitment),
        cmocka_unit_test(virgin_units_are_taken_though_others_are_free),
        cmocka_unit_test(a_run_that_grows_keeps_its_kind_and_note),
        cmocka_unit_test(a_large_run_is_found_from_each_of_its_units),
        cmocka_unit_test(above_the_frontier_there_is_no_large_run),
        cmocka_unit_test(each_unit_of_a_run_tells_its_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
