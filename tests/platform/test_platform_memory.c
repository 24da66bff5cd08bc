// SPDX-License-Identifier: MIT
// Memory goes through its states, nothing, reserved, committed, and each is what platform.h says.

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/platform/address_space.h"
#include "tests/platform/platform_test.h"

static const size_t gib = (size_t)1 << 30;

static void the_page_is_a_power_of_two_and_the_systems(void **state)
{
    (void)state;
    size_t page = platform_page_bytes();
    assert_true(page != 0 && (page & (page - 1)) == 0);
    assert_int_equal(page, sysconf(_SC_PAGESIZE));
}

static int follow_the_limit(void *argument)
{
    (void)argument;
    const rlim_t values[] = {(rlim_t)1 << 40, (rlim_t)1 << 32, (rlim_t)77 << 20};
    for (int index = 0; index < 3; index++) {
        struct rlimit limit = {.rlim_cur = values[index], .rlim_max = RLIM_INFINITY};
        if (getrlimit(RLIMIT_AS, &limit) != 0) {
            return 1;
        }
        limit.rlim_cur = values[index]; // the soft one, below whatever the hard one is
        if (setrlimit(RLIMIT_AS, &limit) != 0 || platform_address_limit() != values[index]) {
            return 2 + index;
        }
    }
    return 0;
}

static void the_address_limit_is_the_soft_one_of_now(void **state)
{
    (void)state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_AS, &limit), 0);
    bool has_none = limit.rlim_cur == RLIM_INFINITY;
    assert_int_equal(platform_address_limit(), has_none ? SIZE_MAX : (size_t)limit.rlim_cur);
    expect_in_child(follow_the_limit, NULL);
}

static void reserved_memory_faults_when_it_is_touched(void **state)
{
    (void)state;
    size_t page = platform_page_bytes();
    size_t before = address_space_bytes();
    char *base = platform_reserve(gib);
    assert_non_null(base);
    assert_int_equal(address_space_bytes() - before, gib);
    assert_int_equal((uintptr_t)base % page, 0);
    assert_true(((uintptr_t)base + gib - 1) >> 47 == 0);
    assert_true(is_all_mapped(base, 16 * page));
    assert_true(read_faults(base));
    assert_true(write_faults(base));
    assert_true(read_faults(base + gib - 1));
    assert_true(write_faults(base + gib - 1));
    assert_true(platform_release(base, gib));
}

static void committed_memory_is_zero_and_ours_and_its_neighbours_stay_reserved(void **state)
{
    (void)state;
    size_t page = platform_page_bytes();
    char *base = platform_reserve(8 * page);
    assert_non_null(base);
    assert_true(platform_commit(base + 2 * page, 3 * page));
    assert_true(is_filled_with(base + 2 * page, 0, 3 * page));
    memset(base + 2 * page, 0xA5, 3 * page);
    assert_true(is_filled_with(base + 2 * page, 0xA5, 3 * page));
    assert_true(read_faults(base + 2 * page - 1));
    assert_true(read_faults(base + 5 * page));
    // What is committed beside it later leaves it alone.
    assert_true(platform_commit(base + 5 * page, page));
    assert_true(is_filled_with(base + 5 * page, 0, page));
    assert_true(is_filled_with(base + 2 * page, 0xA5, 3 * page));
    assert_true(platform_release(base, 8 * page));
}

static void resting_memory_is_zero_and_nobodys_charge_until_it_is_committed_again(void **state)
{
    (void)state;
    size_t page = platform_page_bytes();
    char *base = platform_map(8 * page, page);
    assert_non_null(base);
    memset(base, 0x77, 8 * page);
    assert_true(is_charged(base + 2 * page));
    size_t before = address_space_bytes();
    assert_true(platform_rest(base + 2 * page, 5 * page));
    assert_int_equal(address_space_bytes(), before);
    assert_true(is_filled_with(base + 2 * page, 0, 5 * page));
    assert_true(write_faults(base + 2 * page));
    assert_true(write_faults(base + 7 * page - 1));
    assert_false(is_charged(base + 2 * page));
    assert_true(is_charged(base));
    // Part of it wakes up.
    assert_true(platform_commit(base + 3 * page, 2 * page));
    assert_true(is_filled_with(base + 2 * page, 0, 5 * page));
    memset(base + 3 * page, 0x78, 2 * page);
    assert_true(is_charged(base + 3 * page));
    assert_false(is_charged(base + 5 * page));
    assert_true(write_faults(base + 3 * page - 1));
    assert_true(write_faults(base + 5 * page));
    assert_true(is_filled_with(base, 0x77, 2 * page));
    assert_true(is_filled_with(base + 7 * page, 0x77, page));
    assert_true(platform_release(base, 8 * page));
}

static void purged_pages_are_zero_and_gone_from_memory_and_their_neighbours_are_kept(void **state)
{
    (void)state;
    size_t page = platform_page_bytes();
    char *base = platform_map(7 * page, page);
    assert_non_null(base);
    memset(base, 0x5A, 7 * page);
    assert_int_equal(resident_count(base, 7 * page), 7);
    size_t before = address_space_bytes();
    assert_int_equal(platform_purge(base + 2 * page, 3 * page), PLATFORM_PURGED);
    assert_int_equal(address_space_bytes(), before);
    assert_int_equal(resident_count(base, 7 * page), 4);
    assert_true(is_filled_with(base + 2 * page, 0, 3 * page));
    assert_true(is_filled_with(base, 0x5A, 2 * page));
    assert_true(is_filled_with(base + 5 * page, 0x5A, 2 * page));
    memset(base + 2 * page, 1, 3 * page);
    assert_true(platform_release(base, 7 * page));
}

static void head_middle_and_tail_are_released_alone(void **state)
{
    (void)state;
    size_t page = platform_page_bytes();
    char *base = platform_map(9 * page, page);
    assert_non_null(base);
    memset(base, 0x33, 9 * page);
    assert_true(platform_release(base, page)); // the head
    assert_false(is_any_mapped(base, page));
    assert_true(is_all_mapped(base + page, 8 * page));
    assert_true(platform_release(base + 7 * page, 2 * page)); // the tail
    assert_false(is_any_mapped(base + 7 * page, 2 * page));
    assert_true(is_all_mapped(base + page, 6 * page));
    assert_true(platform_release(base + 3 * page, 2 * page)); // the middle
    assert_false(is_any_mapped(base + 3 * page, 2 * page));
    assert_true(is_filled_with(base + page, 0x33, 2 * page));
    assert_true(is_filled_with(base + 5 * page, 0x33, 2 * page));
    // The rest at once, with the hole in it.
    assert_true(platform_release(base + page, 6 * page));
    assert_false(is_any_mapped(base, 9 * page));
}

static void reserved_memory_is_released_as_well(void **state)
{
    (void)state;
    size_t page = platform_page_bytes();
    size_t before = address_space_bytes();
    char *base = platform_reserve(4 * page);
    assert_non_null(base);
    assert_true(platform_commit(base + page, page));
    assert_true(platform_release(base, 4 * page));
    assert_false(is_any_mapped(base, 4 * page));
    assert_int_equal(address_space_bytes(), before);
}

static void mapped_memory_is_aligned_and_zero_and_leaves_no_surplus(void **state)
{
    (void)state;
    enum { ALIGN_MAX_BITS = 30, TIMES = 4 };
    size_t page = platform_page_bytes();
    const size_t sizes[] = {page, 5 * page, 300 * page};
    size_t at_first = address_space_bytes();
    for (size_t align = page; align <= (size_t)1 << ALIGN_MAX_BITS; align *= 2) {
        for (size_t index = 0; index < 3; index++) {
            // Several, so that the surplus lies before, behind, or on both sides.
            char *bases[TIMES];
            for (size_t time = 0; time < TIMES; time++) {
                size_t before = address_space_bytes();
                bases[time] = platform_map(sizes[index], align);
                assert_non_null(bases[time]);
                assert_int_equal(address_space_bytes() - before, sizes[index]);
                assert_int_equal((uintptr_t)bases[time] % align, 0);
                assert_true(((uintptr_t)bases[time] + sizes[index] - 1) >> 47 == 0);
                assert_true(is_filled_with(bases[time], 0, sizes[index]));
                memset(bases[time], 0xFF, sizes[index]);
            }
            for (size_t time = 0; time < TIMES; time++) {
                assert_true(is_filled_with(bases[time], 0xFF, sizes[index]));
                assert_true(platform_release(bases[time], sizes[index]));
            }
        }
    }
    assert_int_equal(address_space_bytes(), at_first);
}

static void an_alignment_below_the_page_is_the_page(void **state)
{
    (void)state;
    size_t page = platform_page_bytes();
    char *base = platform_map(page, 16);
    assert_non_null(base);
    assert_int_equal((uintptr_t)base % page, 0);
    assert_true(is_filled_with(base, 0, page));
    assert_true(platform_release(base, page));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_is_a_power_of_two_and_the_systems),
        cmocka_unit_test(the_address_limit_is_the_soft_one_of_now),
        cmocka_unit_test(reserved_memory_faults_when_it_is_touched),
        cmocka_unit_test(committed_memory_is_zero_and_ours_and_its_neighbours_stay_reserved),
        cmocka_unit_test(resting_memory_is_zero_and_nobodys_charge_until_it_is_committed_again),
        cmocka_unit_test(purged_pages_are_zero_and_gone_from_memory_and_their_neighbours_are_kept),
        cmocka_unit_test(head_middle_and_tail_are_released_alone),
        cmocka_unit_test(reserved_memory_is_released_as_well),
        cmocka_unit_test(mapped_memory_is_aligned_and_zero_and_leaves_no_surplus),
        cmocka_unit_test(an_alignment_below_the_page_is_the_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
