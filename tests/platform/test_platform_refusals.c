// SPDX-License-Identifier: MIT
// A system that has no more to give is a NULL or a false, and changes nothing. Any other failure is ours,
// and stops the process with one line.

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/platform/address_space.h"
#include "tests/platform/platform_test.h"

static const size_t mib = (size_t)1 << 20;

// A number in a file of /proc; 0 if there is none.
static size_t number_in(const char *path)
{
    char text[32] = "";
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return 0;
    }
    ssize_t got = read(file, text, sizeof text - 1);
    close(file);
    return got <= 0 ? 0 : strtoull(text, NULL, 10);
}

static void limit_addresses(size_t bytes)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0) {
        _exit(90);
    }
    limit.rlim_cur = bytes; // the soft one
    if (setrlimit(RLIMIT_AS, &limit) != 0) {
        _exit(91);
    }
}

static void limit_data(size_t bytes)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_DATA, &limit) != 0) {
        _exit(90);
    }
    limit.rlim_cur = bytes; // the soft one
    if (setrlimit(RLIMIT_DATA, &limit) != 0) {
        _exit(91);
    }
}

static void more_than_the_address_space_is_null(void **state)
{
    (void)state;
    size_t page = platform_page_bytes();
    size_t before = address_space_bytes();
    assert_null(platform_reserve((size_t)1 << 62));
    assert_null(platform_map((size_t)1 << 62, page));
    assert_null(platform_map((size_t)1 << 62, 64 * mib));
    assert_null(platform_map(page, (size_t)1 << 62));
    assert_int_equal(address_space_bytes(), before);
}

static void a_size_that_overflows_with_its_alignment_is_null(void **state)
{
    (void)state;
    size_t page = platform_page_bytes();
    size_t before = address_space_bytes();
    assert_null(platform_map(SIZE_MAX - page + 1, 64 * mib)); // with it, less than 64 MiB
    assert_int_equal(address_space_bytes(), before);
}

static int ask_above_the_limit(void *argument)
{
    (void)argument;
    size_t page = platform_page_bytes();
    char *base = platform_reserve(64 * mib);
    if (base == NULL || !platform_commit(base, page)) {
        return 1;
    }
    memset(base, 7, page);
    // Some room is left, but not for these.
    limit_addresses(address_space_bytes() + 8 * mib);
    size_t before = address_space_bytes();
    if (platform_reserve(16 * mib) != NULL) {
        return 2;
    }
    // Nor for the second's way to its alignment, which is so large that no address has it by luck.
    if (platform_map(16 * mib, page) != NULL || platform_map(4 * mib, (size_t)1 << 40) != NULL) {
        return 3;
    }
    if (address_space_bytes() != before) {
        return 4;
    }
    char *small = platform_map(4 * mib, page);
    if (small == NULL || !platform_release(small, 4 * mib)) {
        return 5;
    }
    // No room at all: not even a change of what there is.
    limit_addresses(mib);
    if (platform_reserve(page) != NULL || platform_map(page, page) != NULL) {
        return 6;
    }
    if (platform_commit(base + page, page)) {
        return 7;
    }
    if (platform_purge(base, page) == PLATFORM_PURGED) {
        return 8;
    }
    if (!is_filled_with(base, 7, page) || !is_all_mapped(base, 64 * mib) ||
        address_space_bytes() != before) {
        return 9;
    }
    return platform_release(base, 64 * mib) ? 0 : 10;
}

static void above_the_limit_of_addresses_is_null_and_false(void **state)
{
    (void)state;
    if (IS_SANITIZED) {
        skip();
    }
    expect_in_child(ask_above_the_limit, NULL);
}

static int commit_above_the_limit_of_data(void *argument)
{
    (void)argument;
    size_t page = platform_page_bytes();
    char *base = platform_reserve(64 * mib);
    struct rlimit limit;
    if (base == NULL || getrlimit(RLIMIT_DATA, &limit) != 0) {
        return 1;
    }
    size_t before = address_space_bytes();
    limit_data(page); // which counts what is writable, and there is more of that
    if (platform_commit(base, 64 * mib)) {
        return 2;
    }
    if (address_space_bytes() != before || !is_all_mapped(base, 64 * mib)) {
        return 3;
    }
    // Aligned memory is reserved at first: what was reserved goes back.
    if (platform_map(64 * mib, 2 * mib) != NULL || address_space_bytes() != before) {
        return 4;
    }
    limit_data(limit.rlim_cur);
    if (!read_faults(base) || !platform_commit(base, mib)) {
        return 5;
    }
    memset(base, 1, mib);
    return 0;
}

static void what_cannot_be_committed_is_still_reserved(void **state)
{
    (void)state;
    if (IS_SANITIZED) {
        skip();
    }
    expect_in_child(commit_above_the_limit_of_data, NULL);
}

static int commit_more_than_the_machine_has(void *argument)
{
    (void)argument;
    const size_t bytes = (size_t)1 << 44; // 16 TiB
    char *base = platform_reserve(bytes);
    if (base == NULL) {
        return 1;
    }
    if (platform_commit(base, bytes)) {
        return 2;
    }
    size_t page = platform_page_bytes();
    if (!is_all_mapped(base, 4 * page) || !is_all_mapped(base + bytes - 4 * page, 4 * page)) {
        return 3;
    }
    return platform_release(base, bytes) ? 0 : 4;
}

static void what_the_machine_does_not_have_is_still_reserved(void **state)
{
    (void)state;
    // Where the system promises everything, or little, there is nothing to see.
    if (IS_SANITIZED || number_in("/proc/sys/vm/overcommit_memory") != 0 ||
        platform_address_limit() != SIZE_MAX) {
        skip();
    }
    expect_in_child(commit_more_than_the_machine_has, NULL);
}

static int use_up_the_mappings(void *argument)
{
    size_t mapping_max = *(size_t *)argument;
    size_t page = platform_page_bytes();
    size_t bytes = 2 * mapping_max * page;
    char *base = platform_reserve(bytes);
    if (base == NULL) {
        return 1;
    }
    // Every second page, so that each is a mapping.
    size_t offset = page;
    while (offset < bytes && platform_commit(base + offset, page)) {
        offset += 2 * page;
    }
    if (offset >= bytes) {
        return 2;
    }
    if (!is_all_mapped(base + offset - page, 4 * page) || !read_faults(base + offset)) {
        return 3;
    }
    // A hole in what is reserved would be a mapping more.
    size_t before = address_space_bytes();
    char *hole = base + offset + 4 * page;
    if (platform_release(hole, page)) {
        return 4;
    }
    if (!is_all_mapped(hole, page) || address_space_bytes() != before) {
        return 5;
    }
    return platform_release(base, bytes) ? 0 : 6;
}

static void a_hole_that_needs_a_mapping_too_many_is_not_made(void **state)
{
    (void)state;
    size_t mapping_max = number_in("/proc/sys/vm/max_map_count");
    if (IS_SANITIZED || mapping_max == 0 || mapping_max > 200000) {
        skip();
    }
    expect_in_child(use_up_the_mappings, &mapping_max);
}

static char *unaligned; // in memory that is reserved

static int commit_unaligned(void *argument)
{
    (void)argument;
    return platform_commit(unaligned, platform_page_bytes()) ? 1 : 2;
}

static int purge_unaligned(void *argument)
{
    (void)argument;
    return platform_purge(unaligned, platform_page_bytes()) == PLATFORM_PURGED ? 1 : 2;
}

static int release_unaligned(void *argument)
{
    (void)argument;
    return platform_release(unaligned, platform_page_bytes()) ? 1 : 2;
}

static int reserve_nothing(void *argument)
{
    (void)argument;
    return platform_reserve(0) == NULL ? 2 : 1;
}

static int abort_at_once(void *argument)
{
    (void)argument;
    platform_abort();
}

static void any_other_failure_is_named_and_stops_the_process(void **state)
{
    (void)state;
    static const struct {
        int (*function)(void *);
        const char *words;
    } failures[] = {
        {commit_unaligned, "ft_malloc: unexpected failure of mmap\n"},
        {purge_unaligned, "ft_malloc: unexpected failure of mmap\n"},
        {release_unaligned, "ft_malloc: unexpected failure of munmap\n"},
        {reserve_nothing, "ft_malloc: unexpected failure of mmap\n"},
    };
    size_t page = platform_page_bytes();
    char *base = platform_reserve(4 * page);
    assert_non_null(base);
    unaligned = base + page + 1;
    for (size_t index = 0; index < sizeof failures / sizeof *failures; index++) {
        static struct child child;
        child_call(&child, failures[index].function, NULL);
        assert_string_equal(child.err, failures[index].words);
        assert_string_equal(child.out, "");
        assert_true(child_died_of(&child, SIGABRT));
    }
    assert_true(platform_release(base, 4 * page));
}

static void abort_is_silent(void **state)
{
    (void)state;
    static struct child child;
    child_call(&child, abort_at_once, NULL);
    assert_string_equal(child.err, "");
    assert_true(child_died_of(&child, SIGABRT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_than_the_address_space_is_null),
        cmocka_unit_test(a_size_that_overflows_with_its_alignment_is_null),
        cmocka_unit_test(above_the_limit_of_addresses_is_null_and_false),
        cmocka_unit_test(what_cannot_be_committed_is_still_reserved),
        cmocka_unit_test(what_the_machine_does_not_have_is_still_reserved),
        cmocka_unit_test(a_hole_that_needs_a_mapping_too_many_is_not_made),
        cmocka_unit_test(any_other_failure_is_named_and_stops_the_process),
        cmocka_unit_test(abort_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
