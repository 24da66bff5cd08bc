// SPDX-License-Identifier: MIT
// What an arena gives back to the system: when, of which runs, and what becomes of them.
#include "core/arena.h"
#include "tests/core/driver.h"
#include "tests/core/test.h"

#include <string.h>

enum { MIB = 1 << 20, UNIT = 4096, SLACK = 4 * MIB };

static struct driver driver;

static void begin(size_t dirty_bytes_max)
{
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT,
                                                   .dirty_bytes_max = dirty_bytes_max,
                                                   .section_bytes = 64 * MIB});
}

static struct run take(size_t bytes)
{
    return driver_take_run(&driver, bytes);
}

static void *address_of(const struct run *run)
{
    return section_unit_at(run->section, run->first);
}

static void give(const struct run *run)
{
    arena_give_run(driver.arena, run->section, run->first);
    assert_true(arena_is_valid(driver.arena));
}

// What leaves next; of kind LEAVING_NOTHING if nothing does.
static struct leaving next(void)
{
    struct leaving leaving = {.kind = LEAVING_NOTHING};
    bool any = arena_next_leaving(driver.arena, &leaving);
    assert_int_equal(any, leaving.kind == LEAVING_PURGE);
    assert_int_equal(driver.arena->leaving_count, any);
    return leaving;
}

static size_t dirty_bytes(void)
{
    size_t dirty = 0;
    for (struct section *section = arena_first_section(driver.arena); section != NULL;
         section = arena_next_section(driver.arena, section)) {
        dirty += section_runs(section)->dirty_count * (size_t)UNIT;
    }
    return dirty;
}

static void nothing_leaves_before_the_bound_is_passed(void **state)
{
    (void)state;
    for (size_t more = 0; more <= UNIT; more += UNIT) {
        begin(3 * MIB);
        struct run run = take(3 * MIB + SLACK + more);
        memset(address_of(&run), 0xFF, UNIT);
        give(&run);
        assert_int_equal(next().kind, more != 0 ? LEAVING_PURGE : LEAVING_NOTHING);
        driver_end(&driver);
    }
}

static void what_may_be_kept_grows_with_what_is_in_use(void **state)
{
    (void)state;
    // 9 MiB will be free, of which `kept` and the slack may be beside an eighth of 16 MiB in use.
    for (size_t kept = 3 * MIB - UNIT; kept <= 3 * MIB; kept += UNIT) {
        begin(kept);
        struct run used = take(16 * MIB);
        struct run freed = take(9 * MIB);
        give(&freed);
        assert_int_equal(next().kind, kept < 3 * MIB ? LEAVING_PURGE : LEAVING_NOTHING);
        give(&used);
        driver_end(&driver);
    }
}

// Gives every other one of runs of a MiB back.
static void give_apart(struct run runs[20])
{
    for (unsigned run = 0; run < 20; run++) {
        runs[run] = take(MIB);
    }
    for (unsigned run = 0; run < 20; run += 2) {
        give(&runs[run]);
    }
}

static void once_begun_it_goes_on_to_the_bound(void **state)
{
    (void)state;
    begin(4 * MIB);
    struct run runs[20];
    give_apart(runs);
    // 10 MiB are free; 4, an eighth of 10 in use, and the slack may be: no more than 9.25.
    size_t allowed = 4 * MIB + 10 * MIB / 8;
    unsigned count = 0;
    for (struct leaving leaving = next(); leaving.kind != LEAVING_NOTHING; leaving = next()) {
        assert_int_equal(leaving.range.bytes, MIB);
        driver_let_go(&driver, &leaving);
        assert_true(arena_is_valid(driver.arena));
        count++;
    }
    assert_int_equal(dirty_bytes(), allowed / MIB * MIB);
    assert_int_equal(count, (10 * MIB - dirty_bytes()) / MIB);
    driver_end(&driver);
}

static void the_last_run_that_gives_goes_below_the_bound(void **state)
{
    (void)state;
    begin(4 * MIB);
    struct run run = take(10 * MIB);
    take(8 * MIB);
    give(&run);
    // 4 and an eighth of 8 in use may be; an eighth less is.
    struct leaving leaving = next();
    assert_int_equal(leaving.range.bytes, 10 * MIB - (5 * MIB - 5 * MIB / 8));
    driver_let_go(&driver, &leaving);
    assert_int_equal(next().kind, LEAVING_NOTHING);
    driver_end(&driver);
}

static void a_refusal_is_kept_and_tried_again(void **state)
{
    (void)state;
    begin(1);
    struct run run = take(2 * SLACK);
    give(&run);
    driver.keeps = true;
    struct leaving leaving = next();
    assert_int_equal(driver.arena->clean_units, (2 * SLACK) / UNIT);
    driver_let_go(&driver, &leaving);
    assert_int_equal(driver.arena->clean_units, 0);
    assert_int_equal(dirty_bytes(), 2 * SLACK);
    assert_int_equal(next().kind, LEAVING_PURGE);
    driver_end(&driver);
}

static void what_is_leaving_is_nobodys_meanwhile(void **state)
{
    (void)state;
    begin(1);
    struct run run = take(2 * SLACK);
    give(&run);
    struct leaving leaving = next();
    struct run other = take(2 * SLACK);
    assert_ptr_not_equal(address_of(&other), (void *)leaving.range.base);
    assert_int_equal(dirty_bytes(), 0);
    driver_let_go(&driver, &leaving);
    assert_int_equal(driver.arena->leaving_count, 0);
    assert_true(arena_is_valid(driver.arena));
    driver_end(&driver);
}

static void what_has_no_access_any_more_is_never_handed_out(void **state)
{
    (void)state;
    begin(1);
    struct run run = take(2 * SLACK);
    give(&run);
    struct leaving leaving = next();
    size_t used = driver.arena->used_unit_count;
    size_t meta = driver.arena->meta_unit_count;
    arena_left(driver.arena, &leaving, LEFT_RESERVED);
    assert_int_equal(driver.arena->used_unit_count, used + 2 * SLACK / UNIT);
    assert_int_equal(driver.arena->meta_unit_count, meta + 2 * SLACK / UNIT);
    assert_int_equal(dirty_bytes(), 0);
    assert_true(arena_is_valid(driver.arena));
    struct run other = take(2 * SLACK);
    assert_ptr_not_equal(address_of(&other), (void *)leaving.range.base);
    driver_end(&driver);
}

static void the_longest_run_of_all_sections_goes_first(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 3; which++) {
        begin(1);
        driver_add_section(&driver, 13 * MIB);
        driver_add_section(&driver, 13 * MIB);
        driver_add_section(&driver, 13 * MIB);
        struct run runs[3], rest[3];
        for (unsigned run = 0; run < 3; run++) {
            runs[run] = take(9 * MIB);
            rest[run] = take(3 * MIB);
        }
        assert_ptr_not_equal(runs[0].section, runs[1].section);
        assert_ptr_not_equal(runs[1].section, runs[2].section);
        // One section is still as it came, two have free runs of different lengths.
        unsigned shorter = (which + 1) % 3;
        give(&rest[shorter]);
        assert_int_equal(next().kind, LEAVING_NOTHING);
        give(&runs[which]);
        struct leaving leaving = next();
        assert_int_equal(leaving.kind, LEAVING_PURGE);
        assert_int_equal(leaving.range.base, (uintptr_t)address_of(&runs[which]));
        driver_let_go(&driver, &leaving);
        driver_end(&driver);
    }
}

static void what_was_purged_is_zero_again(void **state)
{
    (void)state;
    begin(1);
    struct run run = take(2 * SLACK);
    memset(address_of(&run), 0xFF, 2 * SLACK);
    give(&run);
    struct leaving leaving = next();
    assert_int_equal(leaving.kind, LEAVING_PURGE);
    driver_let_go(&driver, &leaving);
    struct run again = take(2 * SLACK);
    assert_ptr_equal(address_of(&again), (void *)leaving.range.base);
    assert_true(again.clean);
    assert_true(bytes_are(address_of(&again), 2 * SLACK, 0));
    driver_end(&driver);
}

static void a_trim_takes_all_but_what_is_to_be_kept(void **state)
{
    (void)state;
    for (size_t keep = 0; keep <= 12 * MIB; keep += 3 * MIB) {
        begin(SIZE_MAX);
        struct run runs[20];
        give_apart(runs);
        assert_int_equal(next().kind, LEAVING_NOTHING);
        struct leaving leaving;
        while (arena_next_surplus(driver.arena, keep, &leaving)) {
            driver_let_go(&driver, &leaving);
        }
        assert_int_equal(dirty_bytes(), keep < 10 * MIB ? keep : 10 * MIB);
        driver_end(&driver);
    }
}

static void where_mappings_have_split_only_long_runs_leave(void **state)
{
    (void)state;
    for (unsigned longer = 0; longer < 2; longer++) {
        begin(SIZE_MAX);
        struct run run = take(MIB - UNIT + longer * UNIT);
        give(&run);
        struct leaving leaving;
        driver.arena->splits = true;
        atomic_store(&driver.arena->split_count, 16384 - 1);
        assert_true(arena_next_surplus(driver.arena, 0, &leaving));
        driver.keeps = true;
        driver_let_go(&driver, &leaving);
        assert_int_equal(atomic_load(&driver.arena->split_count), 16384);
        assert_int_equal(arena_next_surplus(driver.arena, 0, &leaving), longer);
        driver_end(&driver);
    }
    // Too much is kept, and all of it in short runs.
    begin(1);
    struct run runs[20];
    for (unsigned run = 0; run < 20; run++) {
        runs[run] = take(MIB - UNIT);
    }
    for (unsigned run = 0; run < 20; run += 2) {
        give(&runs[run]);
    }
    driver.arena->splits = true;
    atomic_store(&driver.arena->split_count, 16384);
    assert_true(dirty_bytes() > 9 * (size_t)MIB);
    assert_int_equal(next().kind, LEAVING_NOTHING);
    driver_end(&driver);
    // Where they do not split, nothing is counted.
    begin(SIZE_MAX);
    struct run run = take(MIB);
    give(&run);
    struct leaving leaving;
    assert_true(arena_next_surplus(driver.arena, 0, &leaving));
    driver_let_go(&driver, &leaving);
    assert_int_equal(atomic_load(&driver.arena->split_count), 0);
    driver_end(&driver);
}

// ---- how much -------------------------------------------------------------------------------------

// Gives back a run of so many bytes, and lets go what is too much. Returns how much that was.
static size_t give_and_let_go(size_t bytes)
{
    struct run run = take(bytes);
    give(&run);
    size_t sum = 0;
    for (struct leaving leaving = next(); leaving.kind != LEAVING_NOTHING; leaving = next()) {
        sum += leaving.range.bytes;
        driver_let_go(&driver, &leaving);
        assert_true(arena_is_valid(driver.arena));
    }
    return sum;
}

static void the_start_of_a_run_stays_and_is_taken_first(void **state)
{
    (void)state;
    begin(4 * MIB);
    struct run run = take(12 * MIB);
    memset(address_of(&run), 0xFF, 12 * MIB);
    give(&run);
    struct leaving leaving = next();
    size_t kept = 4 * MIB - MIB / 2;
    assert_int_equal(leaving.range.base, (uintptr_t)address_of(&run) + kept);
    assert_int_equal(leaving.range.bytes, 12 * MIB - kept);
    assert_int_equal(dirty_bytes(), kept);
    driver_let_go(&driver, &leaving);
    assert_int_equal(dirty_bytes(), kept);
    assert_int_equal(next().kind, LEAVING_NOTHING);
    struct run first = take(kept);
    assert_ptr_equal(address_of(&first), address_of(&run));
    assert_false(first.clean);
    assert_int_equal(dirty_bytes(), 0);
    struct run second = take(12 * MIB - kept);
    assert_ptr_equal(address_of(&second), (void *)leaving.range.base);
    assert_true(second.clean);
    assert_true(bytes_are(address_of(&second), 12 * MIB - kept, 0));
    driver_end(&driver);
}

static void what_is_known_to_be_clean_above_stays(void **state)
{
    (void)state;
    begin(1);
    struct run run = take(2 * SLACK);
    struct run after = take(2 * SLACK);
    give(&run);
    run_give(section_runs(after.section), after.first, true);
    arena_count_unused(driver.arena, after.count);
    struct leaving leaving = next();
    assert_int_equal(leaving.range.base, (uintptr_t)address_of(&run));
    assert_int_equal(leaving.range.bytes, 2 * SLACK);
    driver_let_go(&driver, &leaving);
    struct run all = take(4 * SLACK);
    assert_ptr_equal(address_of(&all), address_of(&run));
    assert_true(all.clean);
    driver_end(&driver);
}

static void a_mib_leaves_at_least(void **state)
{
    (void)state;
    static const size_t bytes[] = {MIB / 2, MIB, MIB + UNIT, 2 * MIB, 8 * MIB};
    for (unsigned index = 0; index < sizeof bytes / sizeof *bytes; index++) {
        begin(SIZE_MAX);
        struct run run = take(bytes[index]);
        give(&run);
        struct leaving leaving;
        assert_true(arena_next_surplus(driver.arena, bytes[index] - UNIT, &leaving));
        assert_int_equal(leaving.range.bytes, bytes[index] < MIB ? bytes[index] : (size_t)MIB);
        driver_let_go(&driver, &leaving);
        driver_end(&driver);
    }
}

static void what_was_taken_again_is_kept_the_next_time(void **state)
{
    (void)state;
    begin(4 * MIB);
    assert_int_equal(give_and_let_go(18 * MIB), 14 * MIB + MIB / 2);
    assert_int_equal(driver.arena->spare_units, 0);
    for (unsigned round = 0; round < 5; round++) {
        assert_int_equal(give_and_let_go(18 * MIB), 0);
        assert_int_equal(driver.arena->spare_units, 3 * 4 * MIB / UNIT);
    }
    // More is not, and it becomes less by an eighth of what is too much.
    assert_int_not_equal(give_and_let_go(36 * MIB), 0);
    assert_int_equal(driver.arena->spare_units, (12 * MIB - 20 * MIB / 8) / UNIT);
    // Who wants all back has no use for it.
    struct leaving leaving;
    assert_true(arena_next_surplus(driver.arena, 0, &leaving));
    driver_let_go(&driver, &leaving);
    assert_int_equal(driver.arena->spare_units, 0);
    driver_end(&driver);
}

// In MiB, and what is kept beside at last in quarters of one: 2 are clean now, 34 dirty, and all were once in use.
static void it_is_four_times_as_much_as_was_taken_again_less_a_share(void **state)
{
    (void)state;
    static const struct {
        size_t dirty_bytes_max, spare, clean, quarters;
    } cases[] = {
        {16, 0, 0, 0},    {16, 0, 1, 0},  {16, 0, 2, 0}, {16, 0, 3, 7},   {16, 0, 4, 23},
        {16, 16, 0, 64},  {16, 8, 0, 27}, {16, 1, 2, 0}, {16, 0, 9, 103}, {16, 0, 10, 108},
        {16, 0, 62, 108}, {4, 0, 5, 33},  {4, 0, 6, 48}, {4, 0, 62, 48},
    };
    for (unsigned index = 0; index < sizeof cases / sizeof *cases; index++) {
        begin(cases[index].dirty_bytes_max * MIB);
        struct run clean = take(2 * MIB);
        struct run run = take(34 * MIB);
        run_give(section_runs(clean.section), clean.first, true);
        arena_count_unused(driver.arena, clean.count);
        driver.arena->spare_units = (uint32_t)(cases[index].spare * MIB / UNIT);
        driver.arena->clean_units = (uint32_t)(cases[index].clean * MIB / UNIT);
        give(&run);
        struct leaving leaving = next();
        assert_int_equal(driver.arena->spare_units, cases[index].quarters * (MIB / 4) / UNIT);
        if (leaving.kind != LEAVING_NOTHING) {
            driver_let_go(&driver, &leaving);
        }
        driver_end(&driver);
    }
}

static void what_becomes_free_for_others_is_kept_for_them(void **state)
{
    (void)state;
    begin(4 * MIB);
    struct run in_use = take(8 * MIB);
    arena_note_wanted(driver.arena, MIB / UNIT);
    arena_note_wanted(driver.arena, 2 * MIB / UNIT);
    assert_int_equal(driver.arena->spare_units, 3 * MIB / UNIT);
    // So much more than the bound.
    struct run run = take(4 * MIB + MIB + 3 * MIB + SLACK);
    give(&run);
    assert_int_equal(next().kind, LEAVING_NOTHING);
    // It is bounded: three quarters of what was in use, three times the configuration's.
    arena_note_wanted(driver.arena, 100 * MIB / UNIT);
    assert_int_equal(driver.arena->spare_units, 12 * MIB / UNIT);
    give(&in_use);
    driver_end(&driver);
    begin(16 * MIB);
    run = take(8 * MIB);
    arena_note_wanted(driver.arena, 100 * MIB / UNIT);
    assert_int_equal(driver.arena->spare_units, driver.arena->used_unit_max * 3 / 4);
    give(&run);
    driver_end(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_leaves_before_the_bound_is_passed),
        cmocka_unit_test(what_may_be_kept_grows_with_what_is_in_use),
        cmocka_unit_test(once_begun_it_goes_on_to_the_bound),
        cmocka_unit_test(the_last_run_that_gives_goes_below_the_bound),
        cmocka_unit_test(a_refusal_is_kept_and_tried_again),
        cmocka_unit_test(what_is_leaving_is_nobodys_meanwhile),
        cmocka_unit_test(what_has_no_access_any_more_is_never_handed_out),
        cmocka_unit_test(the_longest_run_of_all_sections_goes_first),
        cmocka_unit_test(what_was_purged_is_zero_again),
        cmocka_unit_test(a_trim_takes_all_but_what_is_to_be_kept),
        cmocka_unit_test(where_mappings_have_split_only_long_runs_leave),
        cmocka_unit_test(the_start_of_a_run_stays_and_is_taken_first),
        cmocka_unit_test(what_is_known_to_be_clean_above_stays),
        cmocka_unit_test(a_mib_leaves_at_least),
        cmocka_unit_test(what_was_taken_again_is_kept_the_next_time),
        cmocka_unit_test(it_is_four_times_as_much_as_was_taken_again_less_a_share),
        cmocka_unit_test(what_becomes_free_for_others_is_kept_for_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
