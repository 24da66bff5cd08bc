// SPDX-License-Identifier: MIT
// Random programs against a model, on arenas of every kind.
#include "tests/core/churn.h"
#include "tests/core/test.h"

static struct churn churn;

enum { HEAP_BYTES = 65536 };

static void run_program(unsigned steps, unsigned audit_each)
{
    for (unsigned step = 0; step < steps; step++) {
        churn_step(&churn);
        if (step % audit_each == 0) {
            churn_audit(&churn);
        }
    }
    churn_audit(&churn);
}

static void programs_on_a_buffer_of_small_units(void **state)
{
    (void)state;
    struct random random = random_seeded(101);
    for (unsigned round = 0; round < 6; round++) {
        const struct driver_options options = {
            .unit_bytes = (size_t)256 << round % 3,
            .section_bytes = 1 << 20,
            .section_phase = 64 * (size_t)round,
            .zone_bytes_max = round % 2 != 0 ? 65536 : 0,
            .parcel_count = round % 3 != 0 ? 4 : 0,
        };
        churn_begin(&churn, &options, 1 + round % 4, 8192, random_next(&random));
        churn.held_most = 300 + 200 * (size_t)round;
        run_program(4000, 200);
        assert_int_equal(churn.fail_count, 0);
        assert_in_range(churn.driver.asks_most, 1, 2);
        churn_end(&churn);
    }
}

static void programs_on_sections_that_are_committed_as_needed(void **state)
{
    (void)state;
    struct random random = random_seeded(102);
    for (unsigned round = 0; round < 4; round++) {
        const struct driver_options options = {
            .unit_bytes = round % 2 != 0 ? 16384 : 4096,
            .page_bytes = 4096,
            .section_bytes = 8 << 20,
            .commits = true,
        };
        churn_begin(&churn, &options, 1 + round, HEAP_BYTES, random_next(&random));
        churn.held_most = 1000;
        churn.bytes_most = 300000;
        run_program(3000, 200);
        assert_int_equal(churn.fail_count, 0);
        assert_in_range(churn.driver.asks_most, 1, 2);
        assert_true(churn.zero_count > 100);
        churn_end(&churn);
    }
}

static void programs_on_a_wide_arena(void **state)
{
    (void)state;
    struct random random = random_seeded(103);
    for (unsigned round = 0; round < 2; round++) {
        const struct driver_options options = {
            .unit_bytes = 65536,
            .page_bytes = 4096,
            .run_bytes_max = 1 << 20,
            .dirty_bytes_max = round != 0 ? 1 << 20 : 0,
            .parcel_count = round != 0 ? 32 : 1,
            .section_bytes = 32 << 20,
            .commits = true,
            .wide = true,
        };
        churn_begin(&churn, &options, 4, HEAP_BYTES, random_next(&random));
        churn.held_most = 600;
        churn.bytes_most = 2 << 20;
        run_program(2500, 250);
        assert_int_equal(churn.fail_count, 0);
        assert_in_range(churn.driver.asks_most, 1, 2);
        churn_end(&churn);
    }
}

static void heaps_of_the_smallest_size_work_without_room_for_stacks(void **state)
{
    (void)state;
    struct random random = random_seeded(104);
    const struct driver_options options = {.unit_bytes = 1024, .section_bytes = 8 << 20};
    churn_begin(&churn, &options, 3, 4096, random_next(&random));
    churn.held_most = 1500;
    run_program(6000, 500);
    assert_int_equal(churn.fail_count, 0);
    churn_end(&churn);
}

static void a_program_that_only_grows_and_shrinks_gives_all_back(void **state)
{
    (void)state;
    struct random random = random_seeded(105);
    const struct driver_options options = {.unit_bytes = 4096, .section_bytes = 8 << 20};
    churn_begin(&churn, &options, 2, HEAP_BYTES, random_next(&random));
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned count = 0; count < 3000; count++) {
            size_t bytes = random_size(&churn.random, 1500);
            assert_true(churn_alloc(&churn, churn_heap(&churn), bytes, 16));
        }
        churn_audit(&churn);
        churn_free_all(&churn);
        churn_expect_all_returned(&churn);
    }
    churn_end(&churn);
}

static void refusals_leave_all_as_it_was_and_later_successes_work(void **state)
{
    (void)state;
    struct random random = random_seeded(106);
    for (unsigned round = 0; round < 3; round++) {
        const struct driver_options options = {
            .unit_bytes = 4096,
            .section_bytes = round != 0 ? 2 << 20 : 0,
            .commits = round != 1,
        };
        churn_begin(&churn, &options, 3, HEAP_BYTES, random_next(&random));
        churn.bytes_most = 200000;
        for (unsigned phase = 0; phase < 40; phase++) {
            // A few asks are met, then none is.
            churn.driver.asks_allowed = random_below(&random, 3);
            size_t bytes = 1 + random_size(&random, 200000);
            size_t count = churn.held_count;
            while (churn_alloc(&churn, churn.heaps[0], 20000 + bytes, 16)) {
                count++;
            }
            assert_int_equal(churn.driver.asks_allowed, 0);
            assert_int_equal(churn.held_count, count);
            churn_audit(&churn);
            for (unsigned step = 0; step < 40; step++) {
                churn_step(&churn);
            }
            churn_audit(&churn);
            churn.driver.asks_allowed = SIZE_MAX;
            assert_true(churn_alloc(&churn, churn.heaps[0], 20000 + bytes, 16));
            for (size_t kept = 20 + random_below(&random, 100); churn.held_count > kept;) {
                churn_free(&churn, churn_heap(&churn), random_below(&random, (uint32_t)kept));
            }
        }
        churn_end(&churn);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_on_a_buffer_of_small_units),
        cmocka_unit_test(programs_on_sections_that_are_committed_as_needed),
        cmocka_unit_test(programs_on_a_wide_arena),
        cmocka_unit_test(heaps_of_the_smallest_size_work_without_room_for_stacks),
        cmocka_unit_test(a_program_that_only_grows_and_shrinks_gives_all_back),
        cmocka_unit_test(refusals_leave_all_as_it_was_and_later_successes_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
