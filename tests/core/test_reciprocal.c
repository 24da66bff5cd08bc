// SPDX-License-Identifier: MIT
#include "core/reciprocal.h"

#include "core/size_class.h"
#include "core/zone.h"
#include "tests/core/portable.h"
#include "tests/core/random.h"
#include "tests/core/test.h"

// Holds one division against the machine's own. count: chunks that the bound stands for.
static void expect_division(uint64_t offset, uint64_t size, uint64_t count)
{
    struct quotient quotient = reciprocal_divide(offset, reciprocal_of(size));
    bool is_start = offset % size == 0 && offset / size < count;
    if (quotient.index != offset / size ||
        (quotient.remainder < reciprocal_bound(reciprocal_of(size), size, count)) != is_start) {
        fail_msg("%llu divided by %llu, %llu times", (unsigned long long)offset,
                 (unsigned long long)size, (unsigned long long)count);
    }
}

static void expect_same_portably(uint64_t offset, uint64_t reciprocal)
{
    struct quotient quotient = reciprocal_divide(offset, reciprocal);
    struct portable_quotient portable = portable_divide(offset, reciprocal);
    if (quotient.index != portable.index || quotient.remainder != portable.remainder) {
        fail_msg("%llu times %llu", (unsigned long long)offset, (unsigned long long)reciprocal);
    }
}

static void every_offset_of_every_zone_is_divided_exactly(void **state)
{
    (void)state;
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        uint64_t size = size_class_bytes(size_class);
        uint64_t reciprocal = reciprocal_of(size);
        struct zone_layout layout = zone_layout_of(size_class, 65536);
        uint64_t bound = reciprocal_bound(reciprocal, size, layout.chunk_count);
        // The whole run, its tail included, and two chunks' worth of what follows.
        uint64_t end = (uint64_t)layout.unit_count * 65536 + 2 * size;
        uint64_t offset = 0;
        for (uint64_t index = 0; offset < end; index++) {
            struct quotient start = reciprocal_divide(offset, reciprocal);
            assert_int_equal(start.index, index);
            assert_int_equal(start.remainder < bound, index < layout.chunk_count);
            bool all = true;
            for (uint64_t inside = 1; inside < size; inside++) {
                struct quotient quotient = reciprocal_divide(offset + inside, reciprocal);
                all = all && quotient.index == index && quotient.remainder >= bound;
            }
            assert_true(all);
            offset += size;
        }
    }
}

static void sizes_up_to_32_kib_divide_offsets_below_two_to_the_48(void **state)
{
    (void)state;
    struct random random = random_seeded(2);
    for (uint64_t size = 2; size <= 32768; size++) {
        uint64_t most = ((uint64_t)1 << 48) / size;
        for (unsigned sample = 0; sample < 8; sample++) {
            uint64_t quotient = random_next(&random) % most;
            uint64_t count = 1 + random_next(&random) % most;
            expect_division(quotient * size, size, count);
            expect_division(quotient * size + 1, size, count);
            expect_division(quotient * size + size - 1, size, count);
            expect_division(quotient * size + random_next(&random) % size, size, count);
            expect_division(count * size, size, count);
            expect_division((count - 1) * size, size, count);
        }
    }
}

static void no_address_below_a_zone_is_taken_for_a_chunk_of_it(void **state)
{
    (void)state;
    struct random random = random_seeded(4);
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        uint64_t size = size_class_bytes(size_class);
        uint64_t reciprocal = reciprocal_of(size);
        uint64_t bound =
            reciprocal_bound(reciprocal, size, zone_layout_of(size_class, 65536).chunk_count);
        for (uint64_t below = 1; below <= 4 * size; below++) {
            assert_true(reciprocal_divide(0 - below, reciprocal).remainder >= bound);
        }
        for (unsigned sample = 0; sample < 20000; sample++) {
            uint64_t chunks = 1 + random_next(&random) % (((uint64_t)1 << 48) / size);
            uint64_t inside = random_next(&random) % size;
            assert_true(reciprocal_divide(0 - chunks * size, reciprocal).remainder >= bound);
            assert_true(reciprocal_divide(inside - chunks * size, reciprocal).remainder >= bound);
        }
        assert_true(reciprocal_divide(0 - ((uint64_t)1 << 48), reciprocal).remainder >= bound);
    }
}

static void any_size_gives_the_quotient_of_small_offsets(void **state)
{
    (void)state;
    struct random random = random_seeded(3);
    for (unsigned round = 0; round < 200000; round++) {
        uint64_t size = 2 + (random_next(&random) >> (33 + random_below(&random, 30)));
        uint64_t most = UINT64_MAX / size / size;
        uint64_t quotient = most < 3 ? 0 : random_next(&random) % (most - 2);
        expect_division(quotient * size + random_next(&random) % size, size, quotient + 1);
    }
}

static void the_reciprocal_is_the_first_above_the_exact_one(void **state)
{
    (void)state;
    for (uint64_t size = 2; size <= 65536; size++) {
        // r * size = 2^64 + d with 0 < d <= size.
        uint64_t over = reciprocal_of(size) * size;
        assert_true(over > 0 && over <= size);
    }
}

static void a_bound_for_no_chunk_refuses_every_offset(void **state)
{
    (void)state;
    for (uint64_t size = 2; size <= 32768; size++) {
        assert_int_equal(reciprocal_bound(reciprocal_of(size), size, 0), 0);
    }
}

static void the_portable_division_gives_the_same_bits(void **state)
{
    (void)state;
    struct random random = random_seeded(5);
    const uint64_t corners[] = {0,         1, UINT32_MAX, (uint64_t)UINT32_MAX + 1, UINT64_MAX - 1,
                                UINT64_MAX};
    for (unsigned first = 0; first < 6; first++) {
        for (unsigned second = 0; second < 6; second++) {
            expect_same_portably(corners[first], corners[second]);
        }
    }
    for (unsigned round = 0; round < 500000; round++) {
        unsigned narrow = random_below(&random, 64);
        expect_same_portably(random_next(&random) >> narrow, random_next(&random));
    }
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        uint64_t reciprocal = reciprocal_of(size_class_bytes(size_class));
        for (uint64_t offset = 0; offset < 4 << 20; offset += 97) {
            expect_same_portably(offset, reciprocal);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_offset_of_every_zone_is_divided_exactly),
        cmocka_unit_test(sizes_up_to_32_kib_divide_offsets_below_two_to_the_48),
        cmocka_unit_test(no_address_below_a_zone_is_taken_for_a_chunk_of_it),
        cmocka_unit_test(any_size_gives_the_quotient_of_small_offsets),
        cmocka_unit_test(the_reciprocal_is_the_first_above_the_exact_one),
        cmocka_unit_test(a_bound_for_no_chunk_refuses_every_offset),
        cmocka_unit_test(the_portable_division_gives_the_same_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
