// SPDX-License-Identifier: MIT
// What leaves of free memory for what is taken of memory that was never used.
#include "core/large.h"
#include "tests/core/driver.h"
#include "tests/core/test.h"

#include <string.h>

enum { MIB = 1 << 20, UNIT = 65536 };

static struct driver driver;

static void begin(size_t dirty_bytes_max)
{
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT,
                                                   .page_bytes = 4096,
                                                   .dirty_bytes_max = dirty_bytes_max,
                                                   .section_bytes = 64 * MIB,
                                                   .wide = true});
}

static struct run take(size_t bytes)
{
    return driver_take_run(&driver, bytes);
}

static uintptr_t address_of(const struct run *run)
{
    return (uintptr_t)section_unit_at(run->section, run->first);
}

static void give(const struct run *run)
{
    arena_give_run(driver.arena, run->section, run->first);
    assert_true(arena_is_valid(driver.arena));
}

enum { RUNS_MAX = 16 };

// Free runs that hold old bytes, each by so much longer than the one before, and behind each something in use. Returns the
// first.
static struct run leave_dirty_runs(unsigned count, size_t bytes, size_t more)
{
    struct run runs[RUNS_MAX];
    for (unsigned index = 0; index < count; index++, bytes += more) {
        runs[index] = take(bytes);
        take(UNIT);
        memset((void *)address_of(&runs[index]), 0xFF, bytes);
    }
    for (unsigned index = 0; index < count; index++) {
        give(&runs[index]);
    }
    return runs[0];
}

static struct run leave_dirty(size_t bytes)
{
    return leave_dirty_runs(1, bytes, 0);
}

static size_t dirty_units(void)
{
    size_t dirty = 0;
    for (struct section *section = arena_first_section(driver.arena); section != NULL;
         section = arena_next_section(driver.arena, section)) {
        dirty += section_runs(section)->dirty_count;
    }
    return dirty;
}

static struct leaving next(void)
{
    struct leaving leaving = {.kind = LEAVING_NOTHING};
    bool any = arena_next_leaving(driver.arena, &leaving);
    assert_int_equal(any, leaving.kind == LEAVING_PURGE);
    return leaving;
}

static void as_much_leaves_as_is_taken_of_virgin_memory(void **state)
{
    (void)state;
    for (size_t taken = 9 * MIB; taken <= 40 * MIB; taken += 31 * MIB) {
        begin(4 * MIB);
        struct run dirty = leave_dirty(8 * MIB);
        assert_int_equal(next().kind, LEAVING_NOTHING);
        take(taken);
        assert_true(arena_has_grown(driver.arena));
        // A quarter of what may be kept is, and a sixteenth of what is in use.
        size_t keep = MIB / UNIT + driver.arena->used_unit_count / 16;
        struct leaving leaving = next();
        assert_int_equal(leaving.kind, LEAVING_PURGE);
        assert_int_equal(leaving.range.base, address_of(&dirty) + keep * UNIT);
        assert_int_equal(leaving.range.bytes, 8 * MIB - keep * UNIT);
        driver_let_go(&driver, &leaving);
        assert_int_equal(dirty_units(), keep);
        assert_false(arena_has_grown(driver.arena));
        assert_int_equal(next().kind, LEAVING_NOTHING);
        driver_end(&driver);
    }
}

static void no_more_leaves_than_is_taken(void **state)
{
    (void)state;
    begin(8 * MIB);
    (void)leave_dirty_runs(3, 3 * MIB, UNIT);
    take(3 * MIB + 3 * UNIT);
    assert_int_equal(driver.arena->grown_units, 3 * MIB / UNIT + 3);
    // Of one run no more than it has; what is still to leave is less than a MiB, and waits.
    struct leaving leaving = next();
    assert_int_equal(leaving.range.bytes, 3 * MIB + 2 * UNIT);
    driver_let_go(&driver, &leaving);
    assert_int_equal(driver.arena->grown_units, 1);
    assert_int_equal(next().kind, LEAVING_NOTHING);
    driver_end(&driver);
}

static void less_than_a_mib_waits_for_more(void **state)
{
    (void)state;
    begin(4 * MIB);
    (void)leave_dirty_runs(RUNS_MAX, MIB / 2, 0);
    take(MIB / 2 + UNIT);
    assert_int_equal(driver.arena->grown_units, 9);
    assert_false(arena_has_grown(driver.arena));
    assert_int_equal(next().kind, LEAVING_NOTHING);
    take(MIB / 2 + UNIT);
    assert_true(arena_has_grown(driver.arena));
    struct leaving leaving = next();
    assert_int_equal(leaving.range.bytes, MIB / 2);
    driver_let_go(&driver, &leaving);
    driver_end(&driver);
}

static void where_nothing_is_free_nothing_is_noted(void **state)
{
    (void)state;
    begin(4 * MIB);
    struct run run = take(20 * MIB);
    assert_int_equal(driver.arena->grown_units, 0);
    // Nor of what was free.
    give(&run);
    take(20 * MIB);
    assert_int_equal(driver.arena->grown_units, 0);
    driver_end(&driver);
    // Nor if nothing ever leaves.
    begin(0);
    (void)leave_dirty(8 * MIB);
    take(9 * MIB);
    assert_int_equal(driver.arena->grown_units, 0);
    driver_end(&driver);
}

static void units_that_were_taken_once_are_virgin_no_more(void **state)
{
    (void)state;
    begin(4 * MIB);
    assert_int_equal(arena_taken_units(driver.arena), 0);
    struct run run = take(3 * MIB);
    size_t taken = arena_taken_units(driver.arena);
    assert_int_equal(taken, driver.arena->used_unit_count);
    give(&run);
    take(3 * MIB);
    assert_int_equal(arena_taken_units(driver.arena), taken);
    take(70 * MIB); // in another section
    assert_int_equal(arena_taken_units(driver.arena), driver.arena->used_unit_count);
    driver_end(&driver);
}

static void a_run_that_grows_into_virgin_memory_counts(void **state)
{
    (void)state;
    begin(4 * MIB);
    struct run dirty = take(8 * MIB);
    struct need need;
    void *ptr = large_take(driver.arena, MIB, 1, &need).ptr;
    give(&dirty);
    struct chunk chunk = chunk_locate(driver.arena, ptr);
    uint32_t fresh = section_runs(dirty.section)->fresh;
    assert_true(large_resize(driver.arena, &chunk, 5 * MIB, &need));
    assert_int_equal(section_runs(dirty.section)->fresh - fresh, 5 * MIB / UNIT);
    assert_int_equal(driver.arena->grown_units, 5 * MIB / UNIT);
    chunk = chunk_locate(driver.arena, ptr);
    assert_true(large_resize(driver.arena, &chunk, 5 * MIB + UNIT, &need)); // there is room
    assert_int_equal(driver.arena->grown_units, 5 * MIB / UNIT);
    driver_end(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_much_leaves_as_is_taken_of_virgin_memory),
        cmocka_unit_test(no_more_leaves_than_is_taken),
        cmocka_unit_test(less_than_a_mib_waits_for_more),
        cmocka_unit_test(where_nothing_is_free_nothing_is_noted),
        cmocka_unit_test(units_that_were_taken_once_are_virgin_no_more),
        cmocka_unit_test(a_run_that_grows_into_virgin_memory_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
