// SPDX-License-Identifier: MIT
// A table that gives up its last units, and free runs that are cut where they stand in their list.
#include "core/run.h"

#include "tests/core/region.h"
#include "tests/core/test.h"

enum { UNITS = 200 };

static struct region memory;
static struct run_table *table;

static void begin(void)
{
    memory = region_new(run_table_bytes(UNITS), 64, 0);
    table = (struct run_table *)memory.base;
    run_table_init(table, UNITS);
    table->committed = UNITS;
}

static void end(void)
{
    assert_true(run_table_is_valid(table));
    assert_true(region_is_guarded(&memory));
    region_delete(&memory);
}

static uint32_t take(uint32_t count)
{
    bool clean = false;
    uint32_t first = run_take_fresh(table, (struct run_shape){.count = count, .align = 1}, &clean);
    assert_int_not_equal(first, RUN_NONE);
    return first;
}

static uint32_t cut(uint32_t count, bool expected_clean)
{
    bool clean = !expected_clean;
    uint32_t first = run_cut_end(table, count, &clean);
    assert_int_not_equal(first, RUN_NONE);
    assert_int_equal(clean, expected_clean);
    assert_int_equal(table->unit_count, first);
    assert_int_equal(table->committed, first);
    assert_true(run_table_is_valid(table));
    return first;
}

static void virgin_units_are_given_up_as_they_are(void **state)
{
    (void)state;
    begin();
    take(50);
    assert_int_equal(cut(100, true), 100);
    assert_int_equal(table->fresh, 50);
    table->fresh_is_zero = false;
    assert_int_equal(cut(50, false), 50);
    bool clean = false;
    assert_int_equal(run_cut_end(table, 1, &clean), RUN_NONE);
    end();
}

static void a_free_run_at_the_end_is_cut_as_well(void **state)
{
    (void)state;
    begin();
    take(50);
    uint32_t last = take(100);
    run_give(table, last, false);
    // Fifty virgin units and ten of those that were used.
    assert_int_equal(cut(60, false), 140);
    assert_int_equal(table->fresh, 140);
    assert_int_equal(table->free_count, 90);
    assert_int_equal(table->dirty_count, 90);
    // All of the free run.
    assert_int_equal(cut(90, false), 50);
    assert_int_equal(table->fresh, 50);
    assert_int_equal(table->free_count, 0);
    bool clean = false;
    assert_int_equal(run_cut_end(table, 1, &clean), RUN_NONE);
    assert_int_equal(table->unit_count, 50);
    end();
}

static void what_was_never_dirty_is_given_up_clean(void **state)
{
    (void)state;
    for (unsigned is_zero = 0; is_zero < 2; is_zero++) {
        begin();
        table->fresh_is_zero = is_zero != 0;
        take(50);
        uint32_t last = take(100);
        run_give(table, last, true);
        assert_int_equal(cut(60, is_zero != 0), 140);
        assert_int_equal(table->dirty_count, 0);
        end();
    }
}

static void units_in_use_are_not_given_up(void **state)
{
    (void)state;
    begin();
    uint32_t first = take(50);
    take(100);
    bool clean = false;
    assert_int_equal(run_cut_end(table, 51, &clean), RUN_NONE);
    run_give(table, first, false);
    assert_int_equal(run_cut_end(table, 51, &clean), RUN_NONE);
    assert_int_equal(table->unit_count, UNITS);
    end();
}

static void a_table_that_is_not_all_committed_stays_as_long(void **state)
{
    (void)state;
    begin();
    table->committed = UNITS - 1;
    bool clean = false;
    assert_int_equal(run_cut_end(table, 1, &clean), RUN_NONE);
    end();
}

static void a_shorter_table_works_on(void **state)
{
    (void)state;
    begin();
    uint32_t first = take(100);
    cut(50, true);
    uint32_t second = take(50);
    assert_int_equal(second, 100);
    bool clean = false;
    struct run_shape shape = {.count = 1, .align = 1};
    assert_int_equal(run_take_fresh(table, shape, &clean), RUN_NONE);
    assert_int_equal(run_commitment_for(table, shape), RUN_NONE);
    run_give(table, first, false);
    run_give(table, second, false);
    assert_int_equal(run_longest_free(table), 150);
    assert_int_equal(run_frontier(table), 150);
    end();
}

// Cuts off what nobody has at the end.
static void cut_tail(uint32_t expected)
{
    assert_int_equal(table->unit_count - run_frontier(table), expected);
    run_cut_tail(table);
    assert_int_equal(table->unit_count, expected);
    assert_int_equal(table->fresh, expected);
    assert_int_equal(run_frontier(table), 0);
    assert_true(run_table_is_valid(table));
}

static void a_tail_of_virgin_units_is_cut(void **state)
{
    (void)state;
    // All committed, some, and none beyond those in use.
    for (uint32_t committed = 50; committed <= UNITS; committed += 75) {
        begin();
        take(50);
        table->committed = committed;
        cut_tail(50);
        assert_int_equal(table->committed, 50);
        cut_tail(50); // there is nothing more
        end();
    }
}

static void a_tail_of_free_units_is_cut_with_the_virgin_ones(void **state)
{
    (void)state;
    for (unsigned is_clean = 0; is_clean < 2; is_clean++) {
        begin();
        take(50);
        uint32_t last = take(100);
        table->committed = 160;
        run_give(table, last, is_clean != 0);
        cut_tail(50);
        assert_int_equal(table->committed, 50);
        assert_int_equal(table->free_count, 0);
        assert_int_equal(table->dirty_count, 0);
        end();
    }
}

static void only_the_last_free_run_is_the_tail(void **state)
{
    (void)state;
    begin();
    uint32_t first = take(50);
    take(10);
    uint32_t last = take(100);
    take(40);
    run_give(table, first, false);
    run_give(table, last, false);
    cut_tail(200); // of units in use
    assert_int_equal(table->free_count, 150);
    run_give(table, 160, false);
    cut_tail(60);
    assert_int_equal(table->free_count, 50);
    bool clean = true;
    assert_int_equal(run_take(table, (struct run_shape){.count = 50, .align = 1}, &clean), 0);
    assert_int_equal(run_commitment_for(table, (struct run_shape){.count = 1, .align = 1}),
                     RUN_NONE);
    end();
}

static void a_table_can_be_cut_to_nothing(void **state)
{
    (void)state;
    begin();
    cut_tail(0);
    end();
    begin();
    run_give(table, take(UNITS), false);
    cut_tail(0);
    bool clean = true;
    assert_int_equal(run_take(table, (struct run_shape){.count = 1, .align = 1}, &clean), RUN_NONE);
    assert_int_equal(run_dirtiest(table), RUN_NONE);
    end();
}

// Three free runs of one list, each after a run in use; the one freed last comes first in it.
static void three_of_a_list(uint32_t used[3])
{
    begin();
    uint32_t free[3];
    for (unsigned index = 0; index < 3; index++) {
        used[index] = take(2);
        free[index] = take(35);
    }
    take(1);
    for (unsigned index = 0; index < 3; index++) {
        run_give(table, free[index], false);
    }
    assert_true(run_table_is_valid(table));
}

static void a_free_run_that_is_cut_keeps_its_place_in_its_list(void **state)
{
    (void)state;
    for (unsigned index = 0; index < 3; index++) {
        uint32_t used[3];
        three_of_a_list(used);
        bool clean = true;
        assert_true(run_grow(table, used[index], 4, &clean)); // 33 are left, still of that list
        assert_false(clean);
        assert_int_equal(table->free_count, 103);
        assert_int_equal(table->dirty_count, 103);
        assert_true(run_table_is_valid(table));
        // And 31, which are of another.
        assert_true(run_grow(table, used[index], 6, &clean));
        assert_int_equal(table->free_count, 101);
        assert_true(run_table_is_valid(table));
        for (unsigned other = 0; other < 3; other++) {
            run_give(table, used[other], false);
            assert_true(run_table_is_valid(table));
        }
        assert_int_equal(run_longest_free(table), 111);
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(virgin_units_are_given_up_as_they_are),
        cmocka_unit_test(a_free_run_at_the_end_is_cut_as_well),
        cmocka_unit_test(what_was_never_dirty_is_given_up_clean),
        cmocka_unit_test(units_in_use_are_not_given_up),
        cmocka_unit_test(a_table_that_is_not_all_committed_stays_as_long),
        cmocka_unit_test(a_shorter_table_works_on),
        cmocka_unit_test(a_tail_of_virgin_units_is_cut),
        cmocka_unit_test(a_tail_of_free_units_is_cut_with_the_virgin_ones),
        cmocka_unit_test(only_the_last_free_run_is_the_tail),
        cmocka_unit_test(a_table_can_be_cut_to_nothing),
        cmocka_unit_test(a_free_run_that_is_cut_keeps_its_place_in_its_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
