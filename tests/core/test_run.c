// SPDX-License-Identifier: MIT
#include "core/run.h"

#include "tests/core/region.h"
#include "tests/core/test.h"

#include <string.h>

static struct region memory;

// A table of this many units, all committed.
static struct run_table *table_new(uint32_t unit_count)
{
    memory = region_new(run_table_bytes(unit_count), 64, 0);
    struct run_table *table = (struct run_table *)memory.base;
    run_table_init(table, unit_count);
    assert_true(run_table_is_valid(table));
    table->committed = unit_count;
    return table;
}

static void table_delete(void)
{
    region_delete(&memory);
}

static const struct run_shape one = {.count = 1, .align = 1};

static uint32_t take_fresh(struct run_table *table, uint32_t count)
{
    bool clean = false;
    uint32_t first = run_take_fresh(table, (struct run_shape){.count = count, .align = 1}, &clean);
    assert_true(first == RUN_NONE || run_table_is_valid(table));
    return first;
}

static uint32_t give(struct run_table *table, uint32_t first, bool clean)
{
    uint32_t merged = run_give(table, first, clean);
    assert_true(run_table_is_valid(table));
    return merged;
}

// Units [0, 30) as six runs of five units each.
static struct run_table *six_runs(void)
{
    struct run_table *table = table_new(40);
    for (uint32_t run = 0; run < 6; run++) {
        assert_int_equal(take_fresh(table, 5), run * 5);
    }
    return table;
}

static void a_run_merges_with_both_neighbours_at_once(void **state)
{
    (void)state;
    struct run_table *table = six_runs();
    assert_int_equal(give(table, 5, true), 5);
    assert_int_equal(give(table, 15, true), 15);
    assert_int_equal(table->free_count, 10);
    assert_int_equal(give(table, 10, true), 5);
    assert_int_equal(table->free_count, 15);
    assert_int_equal(run_unit(table, 5)->length, 15);
    assert_int_equal(run_longest_free(table), 15);
    table_delete();
}

static void a_run_merges_with_the_one_before_or_the_one_after(void **state)
{
    (void)state;
    struct run_table *table = six_runs();
    give(table, 0, true);
    assert_int_equal(give(table, 5, true), 0);
    give(table, 25, true);
    assert_int_equal(give(table, 20, true), 20);
    assert_int_equal(run_unit(table, 0)->length, 10);
    assert_int_equal(run_unit(table, 20)->length, 10);
    table_delete();
}

static void a_merged_run_is_clean_only_if_all_its_parts_are(void **state)
{
    (void)state;
    for (unsigned dirty = 0; dirty < 8; dirty++) {
        struct run_table *table = six_runs();
        give(table, 5, (dirty & 1) == 0);
        give(table, 15, (dirty & 2) == 0);
        give(table, 10, (dirty & 4) == 0);
        uint32_t parts = (dirty & 1) + (dirty >> 1 & 1) + (dirty >> 2);
        assert_int_equal(table->dirty_count, 5 * parts);
        assert_int_equal(run_dirt(table, 5).count, 5 * parts);
        // Up to the last part that may hold old bytes.
        uint32_t end = (dirty & 2) != 0 ? 15 : (dirty & 4) != 0 ? 10 : (dirty & 1) != 0 ? 5 : 0;
        assert_int_equal(run_dirt(table, 5).end, end);
        bool clean = dirty != 0;
        assert_int_equal(run_take(table, one, &clean), 5);
        assert_int_equal(clean, dirty == 0);
        table_delete();
    }
}

static void what_was_never_used_is_clean(void **state)
{
    (void)state;
    struct run_table *table = table_new(16);
    bool clean = false;
    assert_int_equal(run_take(table, one, &clean), RUN_NONE);
    assert_int_equal(run_take_fresh(table, one, &clean), 0);
    assert_true(clean);
    table_delete();
}

static void a_fresh_run_begins_in_the_free_run_below(void **state)
{
    (void)state;
    for (unsigned dirty = 0; dirty < 2; dirty++) {
        struct run_table *table = six_runs();
        give(table, 25, dirty == 0);
        bool clean = dirty != 0;
        struct run_shape shape = {.count = 12, .align = 1};
        assert_int_equal(run_take_fresh(table, shape, &clean), 25);
        assert_int_equal(clean, dirty == 0);
        assert_int_equal(table->fresh, 37);
        assert_true(run_table_is_valid(table));
        table_delete();
    }
}

static void virgin_units_that_alignment_skips_become_a_free_run(void **state)
{
    (void)state;
    struct run_table *table = table_new(64);
    take_fresh(table, 3);
    bool clean = false;
    struct run_shape shape = {.count = 2, .align = 16, .phase = 5};
    assert_int_equal(run_take_fresh(table, shape, &clean), 11);
    assert_int_equal(table->fresh, 13);
    assert_int_equal(table->free_count, 8);
    assert_true(run_table_is_valid(table));
    table_delete();
}

static void behind_old_bytes_that_alignment_skips_a_fresh_run_is_clean(void **state)
{
    (void)state;
    struct run_table *table = table_new(64);
    take_fresh(table, 5);
    give(table, take_fresh(table, 1), false);
    bool clean = false;
    struct run_shape shape = {.count = 4, .align = 8};
    assert_int_equal(run_take_fresh(table, shape, &clean), 8);
    assert_true(clean);
    assert_int_equal(table->free_count, 3);
    assert_in_range(table->dirty_count, 1, 3);
    assert_true(run_table_is_valid(table));
    table_delete();
}

static void the_frontier_stops_at_what_is_committed(void **state)
{
    (void)state;
    struct run_table *table = table_new(40);
    table->committed = 10;
    struct run_shape ten = {.count = 10, .align = 1};
    struct run_shape eleven = {.count = 11, .align = 1};
    struct run_shape too_many = {.count = 41, .align = 1};
    assert_int_equal(take_fresh(table, 11), RUN_NONE);
    assert_int_equal(run_commitment_for(table, ten), 10);
    assert_int_equal(run_commitment_for(table, eleven), 11);
    assert_int_equal(run_commitment_for(table, too_many), RUN_NONE);
    assert_int_equal(table->fresh, 0);
    assert_int_equal(take_fresh(table, 10), 0);
    assert_int_equal(take_fresh(table, 1), RUN_NONE);
    assert_int_equal(run_commitment_for(table, one), 11);
    table->committed = 11;
    assert_int_equal(take_fresh(table, 1), 10);
    table_delete();
}

static void a_commitment_counts_the_free_run_below_the_frontier(void **state)
{
    (void)state;
    struct run_table *table = table_new(40);
    table->committed = 20;
    take_fresh(table, 10);
    take_fresh(table, 10);
    give(table, 10, false);
    struct run_shape fifteen = {.count = 15, .align = 1};
    assert_int_equal(run_commitment_for(table, fifteen), 25);
    struct run_shape thirty = {.count = 30, .align = 1};
    struct run_shape more = {.count = 31, .align = 1};
    assert_int_equal(run_commitment_for(table, thirty), 40);
    assert_int_equal(run_commitment_for(table, more), RUN_NONE);
    table_delete();
}

static void a_run_grows_into_the_free_units_after_it(void **state)
{
    (void)state;
    struct run_table *table = six_runs();
    run_mark(table, 5, RUN_LARGE, 1234);
    give(table, 10, true);
    bool clean = false;
    assert_false(run_grow(table, 5, 11, &clean));
    assert_true(run_grow(table, 5, 8, &clean));
    assert_true(clean);
    assert_true(run_table_is_valid(table));
    assert_int_equal(run_unit(table, 5)->length, 8);
    assert_int_equal(run_unit(table, 5)->kind, RUN_LARGE);
    assert_int_equal(run_unit(table, 5)->note, 1234);
    assert_int_equal(table->free_count, 2);
    for (uint32_t unit = 5; unit < 13; unit++) {
        assert_int_equal(run_large_holding(table, unit), 5);
    }
    assert_true(run_grow(table, 5, 10, &clean));
    assert_int_equal(table->free_count, 0);
    assert_false(run_grow(table, 5, 11, &clean));
    assert_true(run_table_is_valid(table));
    table_delete();
}

static void a_run_at_the_frontier_grows_into_virgin_units(void **state)
{
    (void)state;
    for (unsigned with_free = 0; with_free < 2; with_free++) {
        struct run_table *table = six_runs();
        table->committed = 35;
        uint32_t first = with_free != 0 ? 20 : 25;
        if (with_free != 0) {
            give(table, 25, false);
        }
        run_mark(table, first, RUN_LARGE, 1);
        uint32_t most = 35 - first;
        bool clean = false;
        assert_false(run_grow(table, first, most + 1, &clean));
        assert_int_equal(run_commitment_to_grow(table, first, most + 1), 36);
        assert_int_equal(run_commitment_to_grow(table, first, 40 - first), 40);
        assert_int_equal(run_commitment_to_grow(table, first, 41 - first), RUN_NONE);
        assert_int_equal(run_commitment_to_grow(table, 0, 30), RUN_NONE);
        assert_true(run_table_is_valid(table));
        assert_true(run_grow(table, first, most, &clean));
        assert_int_equal(clean, with_free == 0);
        assert_int_equal(table->fresh, 35);
        assert_int_equal(run_unit(table, first)->length, most);
        assert_true(run_table_is_valid(table));
        table_delete();
    }
}

static void a_run_shrinks_to_any_length(void **state)
{
    (void)state;
    for (uint32_t count = 1; count < 5; count++) {
        struct run_table *table = six_runs();
        run_mark(table, 10, RUN_LARGE, 99);
        give(table, 15, true);
        assert_int_equal(run_shrink(table, 10, count), 10 + count);
        assert_true(run_table_is_valid(table));
        assert_int_equal(run_unit(table, 10)->length, count);
        assert_int_equal(run_unit(table, 10)->note, 99);
        assert_int_equal(run_unit(table, 10)->kind, RUN_LARGE);
        assert_int_equal(run_unit(table, 10 + count)->length, 10 - count);
        assert_int_equal(table->dirty_count, 5 - count); // what follows was clean
        table_delete();
    }
}

// Ten units with old bytes, and ten clean ones.
static void pieces_of_a_free_run_know_what_is_clean(void **state)
{
    (void)state;
    static const struct {
        uint32_t first, count;     // of what leaves
        struct run_dirt low, high; // of what is left
    } pieces[] = {
        {0, 1, {0, 0}, {9, 9}},    {0, 10, {0, 0}, {0, 0}},   {0, 15, {0, 0}, {0, 0}},
        {9, 1, {9, 9}, {0, 0}},    {10, 1, {10, 10}, {0, 0}}, {4, 2, {4, 4}, {4, 4}},
        {19, 1, {10, 10}, {0, 0}}, {0, 20, {0, 0}, {0, 0}},
    };
    for (unsigned index = 0; index < sizeof pieces / sizeof *pieces; index++) {
        struct run_table *table = table_new(20);
        bool clean = false;
        assert_int_equal(run_take_fresh(table, (struct run_shape){.count = 10, .align = 1}, &clean),
                         0);
        assert_int_equal(run_take_fresh(table, (struct run_shape){.count = 10, .align = 1}, &clean),
                         10);
        run_give(table, 0, false);
        run_give(table, 10, true);
        uint32_t first = pieces[index].first;
        uint32_t end = first + pieces[index].count;
        run_leave(table, 0, first, pieces[index].count);
        assert_true(run_table_is_valid(table));
        assert_int_equal(run_unit(table, first)->kind, RUN_LEAVING);
        assert_int_equal(run_unit(table, first)->length, pieces[index].count);
        if (first != 0) {
            assert_int_equal(run_dirt(table, 0).count, pieces[index].low.count);
            assert_int_equal(run_dirt(table, 0).end, pieces[index].low.end);
        }
        if (end != 20) {
            assert_int_equal(run_dirt(table, end).count, pieces[index].high.count);
            assert_int_equal(run_dirt(table, end).end, pieces[index].high.end);
        }
        assert_int_equal(give(table, first, true), 0);
        table_delete();
    }
}

static void a_piece_above_all_old_bytes_is_handed_out_as_clean(void **state)
{
    (void)state;
    struct run_table *table = table_new(24);
    bool clean = true;
    const struct run_shape twelve = {.count = 12, .align = 1};
    assert_int_equal(run_take_fresh(table, twelve, &clean), 0);
    assert_int_equal(run_take_fresh(table, twelve, &clean), 12);
    run_give(table, 0, false);
    run_give(table, 12, true);
    // Below 12 units may hold old bytes: at their start, in the middle of them, and above them.
    assert_int_equal(
        run_take(table, (struct run_shape){.count = 2, .align = 16, .phase = 0}, &clean), 0);
    assert_false(clean);
    assert_int_equal(run_dirt(table, 2).count, 10);
    assert_int_equal(
        run_take(table, (struct run_shape){.count = 2, .align = 8, .phase = 0}, &clean), 8);
    assert_false(clean);
    assert_int_equal(run_dirt(table, 10).count, 2);
    assert_int_equal(run_dirt(table, 10).end, 2);
    assert_int_equal(
        run_take(table, (struct run_shape){.count = 7, .align = 4, .phase = 0}, &clean), 12);
    assert_true(clean);
    assert_int_equal(run_dirt(table, 10).count, 2);
    assert_int_equal(run_dirt(table, 19).count, 0);
    table_delete();
}

// Old bytes in the lowest eight and the highest eight of 24 units.
static void of_a_piece_its_share_may_hold_old_bytes(void **state)
{
    (void)state;
    for (uint32_t count = 1; count < 24; count++) {
        struct run_table *table = table_new(24);
        bool clean = true;
        const struct run_shape eight = {.count = 8, .align = 1};
        for (uint32_t first = 0; first < 24; first += 8) {
            assert_int_equal(run_take_fresh(table, eight, &clean), first);
        }
        run_give(table, 0, false);
        run_give(table, 8, true);
        run_give(table, 16, false);
        assert_int_equal(run_dirt(table, 0).count, 16);
        assert_int_equal(run_dirt(table, 0).end, 24);
        // What is cut off at the start: the rest has two of each three.
        assert_int_equal(run_take(table, (struct run_shape){.count = count, .align = 1}, &clean),
                         0);
        assert_false(clean);
        assert_int_equal(run_dirt(table, count).count, (16 * (24 - count) + 23) / 24);
        assert_int_equal(run_dirt(table, count).end, 24 - count);
        assert_int_equal(table->dirty_count, run_dirt(table, count).count);
        assert_true(run_table_is_valid(table));
        // At the start there may be as many as there can.
        run_give(table, 0, true);
        uint32_t all = run_dirt(table, 0).count;
        run_leave(table, 0, count, 24 - count);
        assert_int_equal(run_dirt(table, 0).count, count < all ? count : all);
        assert_true(run_table_is_valid(table));
        table_delete();
    }
}

static void a_leaving_run_is_neither_taken_nor_merged(void **state)
{
    (void)state;
    struct run_table *table = six_runs();
    give(table, 10, false);
    run_leave(table, 10, 10, 5);
    assert_true(run_table_is_valid(table));
    assert_int_equal(table->free_count, 0);
    assert_int_equal(table->dirty_count, 0);
    bool clean = false;
    assert_int_equal(run_take(table, one, &clean), RUN_NONE);
    give(table, 5, true);
    give(table, 15, true);
    assert_int_equal(run_unit(table, 5)->length, 5);
    assert_int_equal(run_unit(table, 10)->kind, RUN_LEAVING);
    assert_int_equal(give(table, 10, true), 5);
    assert_int_equal(run_unit(table, 5)->length, 15);
    assert_int_equal(table->dirty_count, 0);
    table_delete();
}

static void alignment_is_met_in_every_phase(void **state)
{
    (void)state;
    for (uint32_t align = 1; align <= 16; align *= 2) {
        for (uint32_t phase = 0; phase < align; phase++) {
            for (uint32_t count = 1; count < 12; count++) {
                struct run_table *table = table_new(128);
                struct run_shape shape = {.count = count, .align = align, .phase = phase};
                take_fresh(table, 3);
                uint32_t all = take_fresh(table, 100);
                bool clean = false;
                uint32_t fresh = run_take_fresh(table, shape, &clean);
                assert_true(fresh >= 103 || fresh == RUN_NONE);
                assert_true(fresh == RUN_NONE || (fresh + phase) % align == 0);
                give(table, all, false);
                uint32_t first = run_take(table, shape, &clean);
                assert_true(first >= 3 && first + count <= 128);
                assert_int_equal((first + phase) % align, 0);
                assert_int_equal(run_unit(table, first)->length, count);
                assert_false(clean);
                assert_true(run_table_is_valid(table));
                table_delete();
            }
        }
    }
}

static void tables_of_every_length_serve_all_their_units(void **state)
{
    (void)state;
    for (uint32_t count = 1; count < 300; count++) {
        struct run_table *table = table_new(count);
        assert_int_equal(take_fresh(table, count), 0);
        assert_int_equal(give(table, 0, false), 0);
        assert_int_equal(run_longest_free(table), count);
        bool clean = true;
        struct run_shape all = {.count = count, .align = 1};
        assert_int_equal(run_take(table, all, &clean), 0);
        assert_false(clean);
        assert_int_equal(run_take(table, one, &clean), RUN_NONE);
        assert_true(region_is_guarded(&memory));
        table_delete();
    }
}

// The promise: a free run that is an eighth longer than what is asked is found, wherever it lies.
static void a_run_an_eighth_longer_is_always_found(void **state)
{
    (void)state;
    for (uint32_t length = 1; length < 700; length++) {
        struct run_table *table = table_new(1000);
        take_fresh(table, 1);
        uint32_t whole = take_fresh(table, length);
        take_fresh(table, 1);
        give(table, whole, false);
        bool clean = false;
        struct run_shape shape = {.count = length - length / 9, .align = 1};
        assert_int_equal(run_take(table, shape, &clean), whole);
        table_delete();
    }
}

static void the_longest_free_run_is_known_to_within_an_eighth(void **state)
{
    (void)state;
    struct run_table *table = table_new(4000);
    uint32_t longest = 0;
    for (uint32_t length = 1; length < 80; length++) {
        uint32_t run = take_fresh(table, length);
        take_fresh(table, 1);
        give(table, run, false);
        longest = length;
        assert_true(run_longest_free(table) <= longest);
        assert_true(run_longest_free(table) + longest / 8 >= longest);
    }
    table_delete();
}

static void an_entry_in_halves_is_the_same_entry(void **state)
{
    (void)state;
    for (unsigned kind = RUN_INSIDE; kind <= RUN_LEAVING; kind++) {
        struct unit entry = {
            .length = (uint16_t)(1000 * kind), .kind = (uint8_t)kind, .note = ~kind};
        struct unit whole = {.length = 77, .note = 3};
        struct unit halves = whole;
        run_unit_write(&whole, entry);
        run_unit_write_halves(&halves, entry);
        assert_memory_equal(&whole, &entry, sizeof(entry));
        assert_memory_equal(&halves, &entry, sizeof(entry));
        struct unit read = run_unit_read(&whole);
        assert_memory_equal(&read, &entry, sizeof(entry));
        read = run_unit_read_halves(&halves);
        assert_memory_equal(&read, &entry, sizeof(entry));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_merges_with_both_neighbours_at_once),
        cmocka_unit_test(a_run_merges_with_the_one_before_or_the_one_after),
        cmocka_unit_test(a_merged_run_is_clean_only_if_all_its_parts_are),
        cmocka_unit_test(what_was_never_used_is_clean),
        cmocka_unit_test(a_fresh_run_begins_in_the_free_run_below),
        cmocka_unit_test(virgin_units_that_alignment_skips_become_a_free_run),
        cmocka_unit_test(behind_old_bytes_that_alignment_skips_a_fresh_run_is_clean),
        cmocka_unit_test(the_frontier_stops_at_what_is_committed),
        cmocka_unit_test(a_commitment_counts_the_free_run_below_the_frontier),
        cmocka_unit_test(a_run_grows_into_the_free_units_after_it),
        cmocka_unit_test(a_run_at_the_frontier_grows_into_virgin_units),
        cmocka_unit_test(a_run_shrinks_to_any_length),
        cmocka_unit_test(pieces_of_a_free_run_know_what_is_clean),
        cmocka_unit_test(a_piece_above_all_old_bytes_is_handed_out_as_clean),
        cmocka_unit_test(of_a_piece_its_share_may_hold_old_bytes),
        cmocka_unit_test(a_leaving_run_is_neither_taken_nor_merged),
        cmocka_unit_test(alignment_is_met_in_every_phase),
        cmocka_unit_test(tables_of_every_length_serve_all_their_units),
        cmocka_unit_test(a_run_an_eighth_longer_is_always_found),
        cmocka_unit_test(the_longest_free_run_is_known_to_within_an_eighth),
        cmocka_unit_test(an_entry_in_halves_is_the_same_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
