// SPDX-License-Identifier: MIT
// When an arena lets go of free memory, and of which.
#include "core/arena.h"
#include "tests/core/driver.h"
#include "tests/core/test.h"

#include <string.h>

enum { MIB = 1 << 20, UNIT = 4096, DUE = 8 * MIB };

static struct driver driver;

static void begin(size_t dirty_bytes_max)
{
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT,
                                                   .dirty_bytes_max = dirty_bytes_max,
                                                   .section_bytes = 64 * MIB});
}

static struct run take(size_t bytes)
{
    struct need need;
    struct run run = arena_take_run(driver.arena, bytes, 1, &need);
    while (run.section == NULL && driver_meet(&driver, &need)) {
        run = arena_take_run(driver.arena, bytes, 1, &need);
    }
    assert_non_null(run.section);
    return run;
}

static void *address_of(const struct run *run)
{
    return section_unit_at(run->section, run->first);
}

static struct leaving give(const struct run *run)
{
    struct leaving leaving = {.kind = LEAVING_NOTHING};
    arena_give_run(driver.arena, run->section, run->first, &leaving);
    assert_true(arena_is_valid(driver.arena));
    return leaving;
}

static void nothing_is_purged_before_so_much_was_given_back(void **state)
{
    (void)state;
    begin(1);
    struct run large = take(DUE - UNIT);
    struct run small = take(UNIT);
    struct run apart = take(UNIT); // keeps what follows from merging
    struct run again = take(DUE - UNIT);
    struct run last = take(UNIT);
    assert_int_equal(give(&large).kind, LEAVING_NOTHING);
    struct leaving leaving = give(&small);
    assert_int_equal(leaving.kind, LEAVING_PURGE);
    assert_int_equal(leaving.range.base, (uintptr_t)address_of(&large));
    assert_int_equal(leaving.range.bytes, DUE);
    assert_int_equal(driver.arena->leaving_count, 1);
    driver_let_go(&driver, &leaving);
    // The count begins anew.
    assert_int_equal(give(&again).kind, LEAVING_NOTHING);
    leaving = give(&last);
    assert_int_equal(leaving.kind, LEAVING_PURGE);
    assert_int_equal(leaving.range.base, (uintptr_t)address_of(&again));
    driver_let_go(&driver, &leaving);
    give(&apart);
    driver_end(&driver);
}

static void what_may_be_kept_grows_with_what_is_in_use(void **state)
{
    (void)state;
    // 9 MiB will be free, of which `kept` may be beside a quarter of 8 MiB in use.
    for (size_t kept = 7 * MIB - UNIT; kept <= 7 * MIB; kept += UNIT) {
        begin(kept);
        struct run used = take(8 * MIB);
        struct run freed = take(9 * MIB);
        struct leaving leaving = give(&freed);
        assert_int_equal(leaving.kind, kept < 7 * MIB ? LEAVING_PURGE : LEAVING_NOTHING);
        driver_let_go(&driver, &leaving);
        give(&used);
        driver_end(&driver);
    }
}

static void short_runs_are_not_worth_a_purge(void **state)
{
    (void)state;
    for (size_t length = MIB - UNIT; length <= MIB; length += UNIT) {
        begin(1);
        struct run runs[20];
        for (unsigned run = 0; run < 20; run++) {
            runs[run] = take(length);
        }
        unsigned purged = 0;
        for (unsigned run = 0; run < 20; run += 2) {
            struct leaving leaving = give(&runs[run]);
            purged += leaving.kind == LEAVING_PURGE;
            assert_true(leaving.kind == LEAVING_NOTHING || leaving.range.bytes == MIB);
            assert_int_equal(driver.arena->leaving_count, leaving.kind == LEAVING_PURGE);
            driver_let_go(&driver, &leaving);
        }
        assert_int_equal(purged, length == MIB);
        driver_end(&driver);
    }
}

static void the_longest_run_of_all_sections_goes(void **state)
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
        driver.arena->config.dirty_bytes_max = SIZE_MAX;
        assert_int_equal(give(&rest[shorter]).kind, LEAVING_NOTHING);
        driver.arena->config.dirty_bytes_max = 1;
        struct leaving leaving = give(&runs[which]);
        assert_int_equal(leaving.kind, LEAVING_PURGE);
        assert_int_equal(leaving.range.base, (uintptr_t)address_of(&runs[which]));
        driver_let_go(&driver, &leaving);
        driver_end(&driver);
    }
}

static void who_does_not_ask_gets_nothing_to_purge(void **state)
{
    (void)state;
    begin(1);
    struct run run = take(DUE);
    arena_give_run(driver.arena, run.section, run.first, NULL);
    assert_int_equal(driver.arena->leaving_count, 0);
    assert_int_equal(section_runs(run.section)->dirty_count, DUE / UNIT);
    driver_end(&driver);
}

static void what_was_purged_is_zero_again(void **state)
{
    (void)state;
    begin(1);
    struct run run = take(DUE);
    memset(address_of(&run), 0xFF, DUE);
    struct leaving leaving = give(&run);
    assert_int_equal(leaving.kind, LEAVING_PURGE);
    driver_let_go(&driver, &leaving);
    struct run again = take(DUE);
    assert_ptr_equal(address_of(&again), (void *)leaving.range.base);
    assert_true(again.clean);
    assert_true(bytes_are(address_of(&again), DUE, 0));
    driver_end(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_purged_before_so_much_was_given_back),
        cmocka_unit_test(what_may_be_kept_grows_with_what_is_in_use),
        cmocka_unit_test(short_runs_are_not_worth_a_purge),
        cmocka_unit_test(the_longest_run_of_all_sections_goes),
        cmocka_unit_test(who_does_not_ask_gets_nothing_to_purge),
        cmocka_unit_test(what_was_purged_is_zero_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
