// SPDX-License-Identifier: MIT
#include "core/bits.h"

#include "core/offset.h"
#include "tests/core/random.h"
#include "tests/core/test.h"

static void a_power_of_two_has_one_bit(void **state)
{
    (void)state;
    assert_false(bits_is_power_of_two(0));
    for (unsigned bit = 0; bit < BITS_PER_WORD; bit++) {
        size_t power = (size_t)1 << bit;
        assert_true(bits_is_power_of_two(power));
        for (unsigned other = 0; other < bit; other++) {
            assert_false(bits_is_power_of_two(power | (size_t)1 << other));
        }
    }
    assert_false(bits_is_power_of_two(SIZE_MAX));
}

static void lowest_and_highest_find_the_ends_of_every_word(void **state)
{
    (void)state;
    struct random random = random_seeded(1);
    for (unsigned low = 0; low < BITS_PER_WORD; low++) {
        for (unsigned high = low; high < BITS_PER_WORD; high++) {
            uintptr_t ends = (uintptr_t)1 << low | (uintptr_t)1 << high;
            uintptr_t inside = ((uintptr_t)1 << high) - ((uintptr_t)1 << low);
            uintptr_t value = ends | ((uintptr_t)random_next(&random) & inside);
            assert_int_equal(bits_lowest(value), low);
            assert_int_equal(bits_highest(value), high);
        }
    }
}

static void align_up_gives_the_next_multiple(void **state)
{
    (void)state;
    for (uintptr_t step = 1; step <= 1024; step *= 2) {
        uintptr_t multiple = 0;
        for (uintptr_t value = 0; value < 4096; value++) {
            multiple += value > multiple ? step : 0;
            assert_int_equal(bits_align_up(value, step), multiple);
        }
    }
    assert_int_equal(bits_align_up(UINTPTR_MAX - 15, 16), UINTPTR_MAX - 15);
    assert_int_equal(bits_align_up(UINTPTR_MAX / 2, (uintptr_t)1 << 63), (uintptr_t)1 << 63);
}

static void divide_up_counts_the_pieces_that_hold_the_bytes(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 70; piece++) {
        size_t count = 0;
        for (size_t bytes = 0; bytes < 500; bytes++) {
            count += count * piece < bytes;
            assert_int_equal(bits_divide_up(bytes, piece), count);
        }
    }
    assert_int_equal(bits_divide_up(SIZE_MAX, 1), SIZE_MAX);
    assert_int_equal(bits_divide_up(SIZE_MAX, SIZE_MAX), 1);
    assert_int_equal(bits_divide_up(SIZE_MAX, 2), SIZE_MAX / 2 + 1);
}

static void offsets_lead_back_to_their_objects(void **state)
{
    (void)state;
    char objects[3];
    assert_null(offset_to(objects, 0));
    assert_int_equal(offset_of(objects, NULL), 0);
    assert_ptr_equal(offset_to(&objects[1], offset_of(&objects[1], &objects[2])), &objects[2]);
    // A distance downwards wraps around the address width.
    assert_ptr_equal(offset_to(&objects[1], offset_of(&objects[1], &objects[0])), &objects[0]);
    assert_int_equal(offset_of(&objects[1], &objects[0]), UINTPTR_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_power_of_two_has_one_bit),
        cmocka_unit_test(lowest_and_highest_find_the_ends_of_every_word),
        cmocka_unit_test(align_up_gives_the_next_multiple),
        cmocka_unit_test(divide_up_counts_the_pieces_that_hold_the_bytes),
        cmocka_unit_test(offsets_lead_back_to_their_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
