// SPDX-License-Identifier: MIT
// Breaks each invariant of a run table on purpose, and wants run_table_is_valid() to notice.
#include "core/run.h"
#include "tests/core/region.h"
#include "tests/core/test.h"

static struct region memory;

// 20 units: used [0,4), free and dirty [4,8), used [8,10), free and clean [10,11), used [11,12);
// 16 of them committed.
static struct run_table *table_in_use(void)
{
    memory = region_new(run_table_bytes(20), 64, 0);
    struct run_table *table = (struct run_table *)memory.base;
    run_table_init(table, 20);
    table->committed = 16;
    const uint32_t counts[] = {4, 4, 2, 1, 1};
    bool clean = false;
    for (unsigned run = 0; run < 5; run++) {
        run_take_fresh(table, (struct run_shape){.count = counts[run], .align = 1}, &clean);
    }
    run_mark(table, 0, RUN_LARGE, 1);
    run_give(table, 4, false);
    run_give(table, 10, true);
    assert_true(run_table_is_valid(table));
    return table;
}

typedef void breaker(struct run_table *table);

static void expect_noticed(breaker *breaks)
{
    struct run_table *table = table_in_use();
    breaks(table);
    assert_false(run_table_is_valid(table));
    region_delete(&memory);
}

static uint16_t *heads(struct run_table *table)
{
    return (uint16_t *)(table + 1);
}

static void a_gap(struct run_table *table)
{
    run_unit(table, 8)->length = 1;
    run_unit(table, 9)->kind = RUN_INSIDE;
}

static void no_length(struct run_table *table)
{
    run_unit(table, 11)->length = 0;
}

static void a_run_over_the_frontier(struct run_table *table)
{
    run_unit(table, 11)->length = 2;
}

static void another_length_at_the_end(struct run_table *table)
{
    run_unit(table, 3)->length = 3;
}

static void another_kind_at_the_end(struct run_table *table)
{
    run_unit(table, 3)->kind = RUN_ZONE;
}

static void a_run_that_is_no_start(struct run_table *table)
{
    run_unit(table, 8)->kind = run_unit(table, 9)->kind = RUN_INSIDE;
}

static void free_neighbours(struct run_table *table)
{
    // Two free runs [4,8) and [8,10): lists and counts are right, only that they did not merge.
    run_give(table, 8, false);
    struct run_shape shape = {.count = 7, .align = 1};
    bool clean = false;
    run_take(table, shape, &clean);
    run_unit(table, 4)->kind = run_unit(table, 10)->kind = RUN_INSIDE;
    run_unit(table, 4)->length = run_unit(table, 7)->length = 4;
    run_unit(table, 4)->kind = run_unit(table, 7)->kind = RUN_META;
    run_unit(table, 8)->length = run_unit(table, 10)->length = 3;
    run_unit(table, 8)->kind = run_unit(table, 10)->kind = RUN_META;
    assert_true(run_table_is_valid(table));
    run_give(table, 4, false);
    run_unit(table, 7)->kind = RUN_META; // hides the neighbour
    run_give(table, 8, false);
    run_unit(table, 7)->kind = RUN_FREE;
}

static void a_free_run_in_no_list(struct run_table *table)
{
    heads(table)[4] = UINT16_MAX;
    table->bitmap[0] &= ~((uintptr_t)1 << 4);
}

static void a_list_without_its_bit(struct run_table *table)
{
    table->bitmap[0] &= ~((uintptr_t)1 << 4);
}

static void a_bit_without_a_list(struct run_table *table)
{
    table->bitmap[0] |= (uintptr_t)1 << 7;
}

static void a_free_run_in_the_wrong_list(struct run_table *table)
{
    heads(table)[3] = 4;
    heads(table)[4] = UINT16_MAX;
    table->bitmap[0] ^= (uintptr_t)3 << 3;
}

static void a_bit_beyond_the_lists(struct run_table *table)
{
    table->bitmap[RUN_BITMAP_WORDS - 1] = 1;
}

static void one_free_more(struct run_table *table)
{
    table->free_count++;
}

static void one_dirty_less(struct run_table *table)
{
    table->dirty_count--;
}

static void a_run_that_became_clean(struct run_table *table)
{
    run_unit(table, 4)->clean = run_unit(table, 7)->clean = true;
}

static void more_dirty_units_than_it_has(struct run_table *table)
{
    run_unit(table, 7)->dirty = run_unit(table, 7)->dirty_end = 5;
    table->dirty_count++;
}

static void a_dirty_unit_beyond_its_end(struct run_table *table)
{
    run_unit(table, 7)->dirty_end = 5;
}

static void more_dirty_units_than_lie_below_the_last(struct run_table *table)
{
    run_unit(table, 7)->dirty_end--;
}

static void no_dirty_unit_below_the_last(struct run_table *table)
{
    table->dirty_count -= run_unit(table, 7)->dirty;
    run_unit(table, 7)->dirty = 0;
    run_unit(table, 4)->clean = run_unit(table, 7)->clean = true;
}

static void a_last_unit_that_is_clean(struct run_table *table)
{
    run_unit(table, 7)->clean = true;
}

static void a_frontier_above_the_commitment(struct run_table *table)
{
    table->committed = 11;
}

static void a_commitment_above_the_end(struct run_table *table)
{
    table->committed = 21;
}

static void a_virgin_unit_with_a_kind(struct run_table *table)
{
    run_unit(table, 12)->kind = RUN_META;
}

static void a_virgin_unit_with_a_length(struct run_table *table)
{
    run_unit(table, 19)->length = 1;
}

static void a_virgin_unit_that_is_clean(struct run_table *table)
{
    run_unit(table, 15)->clean = true;
}

static void a_virgin_unit_with_a_request(struct run_table *table)
{
    run_unit(table, 15)->note = RUN_TAIL;
}

static void an_end_inside(struct run_table *table)
{
    run_unit(table, 1)->kind = RUN_LARGE;
}

static void a_length_inside(struct run_table *table)
{
    run_unit(table, 1)->length = 1;
}

static void a_length_at_the_last_but_one(struct run_table *table)
{
    run_unit(table, 2)->length = 1;
}

static void clean_inside(struct run_table *table)
{
    run_unit(table, 2)->clean = true;
}

static void a_note_inside_a_large_run(struct run_table *table)
{
    run_unit(table, 2)->note = 1;
}

static void a_note_inside_a_free_run(struct run_table *table)
{
    run_unit(table, 5)->note = 1;
}

static void a_run_in_use_beyond_the_frontier(struct run_table *table)
{
    run_unit(table, 11)->length = run_unit(table, 12)->length = 2;
    run_unit(table, 12)->kind = run_unit(table, 11)->kind;
    table->fresh = 12;
}

static void run_table_is_valid_checks_what_is_inside_runs(void **state)
{
    (void)state;
    expect_noticed(an_end_inside);
    expect_noticed(a_length_inside);
    expect_noticed(a_length_at_the_last_but_one);
    expect_noticed(clean_inside);
    expect_noticed(a_note_inside_a_large_run);
    expect_noticed(a_note_inside_a_free_run);
    expect_noticed(a_run_in_use_beyond_the_frontier);
}

static void notes_may_be_inside_of_a_zone(void **state)
{
    (void)state;
    struct run_table *table = table_in_use();
    run_mark(table, 0, RUN_ZONE, 0);
    for (uint32_t unit = 0; unit < 4; unit++) {
        run_set_note(run_unit(table, unit), 77);
    }
    assert_true(run_table_is_valid(table));
    region_delete(&memory);
}

static void run_table_is_valid_checks_r1(void **state)
{
    (void)state;
    expect_noticed(a_gap);
    expect_noticed(no_length);
    expect_noticed(a_run_over_the_frontier);
    expect_noticed(another_length_at_the_end);
    expect_noticed(another_kind_at_the_end);
    expect_noticed(a_run_that_is_no_start);
}

static void run_table_is_valid_checks_r2(void **state)
{
    (void)state;
    expect_noticed(free_neighbours);
}

static void run_table_is_valid_checks_r3(void **state)
{
    (void)state;
    expect_noticed(a_free_run_in_no_list);
    expect_noticed(a_list_without_its_bit);
    expect_noticed(a_bit_without_a_list);
    expect_noticed(a_free_run_in_the_wrong_list);
}

static void run_table_is_valid_checks_that_no_list_is_beyond_the_last(void **state)
{
    (void)state;
    expect_noticed(a_bit_beyond_the_lists);
}

static void run_table_is_valid_checks_r4(void **state)
{
    (void)state;
    expect_noticed(one_free_more);
    expect_noticed(one_dirty_less);
    expect_noticed(a_run_that_became_clean);
    expect_noticed(more_dirty_units_than_it_has);
    expect_noticed(a_dirty_unit_beyond_its_end);
    expect_noticed(more_dirty_units_than_lie_below_the_last);
    expect_noticed(no_dirty_unit_below_the_last);
    expect_noticed(a_last_unit_that_is_clean);
}

static void run_table_is_valid_checks_r5(void **state)
{
    (void)state;
    expect_noticed(a_frontier_above_the_commitment);
    expect_noticed(a_commitment_above_the_end);
    expect_noticed(a_virgin_unit_with_a_kind);
    expect_noticed(a_virgin_unit_with_a_length);
}

static void run_table_is_valid_checks_that_virgin_entries_are_all_zero(void **state)
{
    (void)state;
    expect_noticed(a_virgin_unit_that_is_clean);
    expect_noticed(a_virgin_unit_with_a_request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(run_table_is_valid_checks_r1),
        cmocka_unit_test(run_table_is_valid_checks_what_is_inside_runs),
        cmocka_unit_test(notes_may_be_inside_of_a_zone),
        cmocka_unit_test(run_table_is_valid_checks_r2),
        cmocka_unit_test(run_table_is_valid_checks_r3),
        cmocka_unit_test(run_table_is_valid_checks_that_no_list_is_beyond_the_last),
        cmocka_unit_test(run_table_is_valid_checks_r4),
        cmocka_unit_test(run_table_is_valid_checks_r5),
        cmocka_unit_test(run_table_is_valid_checks_that_virgin_entries_are_all_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
