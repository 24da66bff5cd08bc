// SPDX-License-Identifier: MIT
#include "core/address_map.h"

#include "tests/core/random.h"
#include "tests/core/test.h"

#include <string.h>

enum { ENTRIES = 256, ADDRESSES = 400 };

static struct address_map_entry region[ENTRIES];
static struct address_map map;

static int begin(void **state)
{
    (void)state;
    memset(region, 0, sizeof(region));
    address_map_init(&map, region, sizeof(region));
    return 0;
}

static uintptr_t address_of(size_t index)
{
    return (index + 1) * 16;
}

static void what_was_set_is_found_until_it_is_dropped(void **state)
{
    (void)state;
    assert_null(address_map_find(&map, 16));
    address_map_drop(&map, 16);
    assert_true(address_map_set(&map, 16, 5));
    assert_int_equal(*address_map_find(&map, 16), 5);
    assert_true(address_map_set(&map, 16, 6));
    assert_int_equal(*address_map_find(&map, 16), 6);
    assert_int_equal(map.count, 1);
    assert_null(address_map_find(&map, 32));
    *address_map_find(&map, 16) = 7;
    assert_int_equal(*address_map_find(&map, 16), 7);
    address_map_drop(&map, 32);
    assert_int_equal(map.count, 1);
    address_map_drop(&map, 16);
    assert_null(address_map_find(&map, 16));
    assert_int_equal(map.count, 0);
}

static void a_map_is_full_at_three_quarters(void **state)
{
    (void)state;
    for (size_t index = 0; index < ENTRIES / 4 * 3; index++) {
        assert_true(address_map_set(&map, address_of(index), index));
    }
    assert_false(address_map_set(&map, address_of(ENTRIES), 1));
    assert_null(address_map_find(&map, address_of(ENTRIES)));
    // What is there may be set all the same.
    assert_true(address_map_set(&map, address_of(7), 99));
    assert_int_equal(*address_map_find(&map, address_of(7)), 99);
    address_map_drop(&map, address_of(7));
    assert_true(address_map_set(&map, address_of(ENTRIES), 1));
}

static void a_region_of_any_size_has_a_power_of_two_of_entries(void **state)
{
    (void)state;
    for (size_t room = 4; room <= ENTRIES; room++) {
        address_map_init(&map, region, room * sizeof(*region) + 3);
        assert_true(map.mask + 1 <= room && (map.mask + 1) * 2 > room);
        assert_int_equal((map.mask + 1) & map.mask, 0);
    }
}

static void one_moves_into_a_larger_one(void **state)
{
    (void)state;
    static struct address_map_entry larger[2 * ENTRIES];
    bool has_first = false; // an entry at the first place
    for (size_t round = 0; round < 20; round++) {
        struct address_map to;
        begin(NULL);
        memset(larger, 0, sizeof(larger));
        address_map_init(&to, larger, sizeof(larger));
        for (size_t index = 0; index < 150; index++) {
            assert_true(address_map_set(&map, address_of(round * 1000 + index), index + 1));
        }
        has_first = has_first || region[0].address != 0;
        address_map_move(&to, &map);
        assert_int_equal(to.count, 150);
        for (size_t index = 0; index < 150; index++) {
            const uintptr_t *found = address_map_find(&to, address_of(round * 1000 + index));
            assert_true(found != NULL && *found == index + 1);
        }
    }
    assert_true(has_first);
}

// Random calls against an array; small maps, so that chains meet and go round the end.
static void it_does_what_an_array_does(void **state)
{
    (void)state;
    struct random random = random_seeded(11);
    for (size_t room = 8; room <= ENTRIES; room *= 2) {
        begin(NULL);
        address_map_init(&map, region, room * sizeof(*region));
        uintptr_t numbers[ADDRESSES] = {0};
        size_t count = 0;
        for (unsigned step = 0; step < 100000; step++) {
            size_t index = random_below(&random, ADDRESSES);
            uintptr_t number = step + 1;
            if (random_below(&random, 3) != 0) {
                bool fits = numbers[index] != 0 || count < room / 4 * 3;
                assert_int_equal(address_map_set(&map, address_of(index), number), fits);
                count += fits && numbers[index] == 0;
                numbers[index] = fits ? number : 0;
            } else {
                address_map_drop(&map, address_of(index));
                count -= numbers[index] != 0;
                numbers[index] = 0;
            }
            assert_int_equal(map.count, count);
            size_t other = random_below(&random, ADDRESSES);
            const uintptr_t *found = address_map_find(&map, address_of(other));
            assert_int_equal(found != NULL ? *found : 0, numbers[other]);
        }
        for (size_t index = 0; index < ADDRESSES; index++) {
            const uintptr_t *found = address_map_find(&map, address_of(index));
            assert_int_equal(found != NULL ? *found : 0, numbers[index]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_was_set_is_found_until_it_is_dropped, begin),
        cmocka_unit_test_setup(a_map_is_full_at_three_quarters, begin),
        cmocka_unit_test_setup(a_region_of_any_size_has_a_power_of_two_of_entries, begin),
        cmocka_unit_test_setup(one_moves_into_a_larger_one, begin),
        cmocka_unit_test_setup(it_does_what_an_array_does, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
