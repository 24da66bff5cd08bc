// SPDX-License-Identifier: MIT
// free, free_sized and free_aligned_sized (C23 7.24.3.3 to 7.24.3.5). free preserves errno
// (POSIX.1-2024), also where memory goes back to the system.

#include <errno.h>
#include <stdint.h>

#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/show.h"
#include "tests/api/entry.h"

static const size_t sizes[] = {0,     1,     16,    17,      42,      100,      1000,
                               1024,  1025,  2000,  4096,    5000,    20000,    32768,
                               32769, 65536, 70000, 1 << 20, 5 << 20, 64 << 20, 300 << 20};
enum { SIZE_COUNT = sizeof sizes / sizeof *sizes };

static void free_of_null_does_nothing(void **state)
{
    (void)state;
    errno = 1234;
    free(NULL);
    free_sized(NULL, any_size(0));
    free_sized(NULL, 100);
    free_aligned_sized(NULL, 64, 100);
    assert_int_equal(errno, 1234);
}

static void free_preserves_errno_for_every_size(void **state)
{
    (void)state;
    for (size_t index = 0; index < SIZE_COUNT; index++) {
        void *ptr = malloc(sizes[index]);
        assert_non_null(ptr);
        errno = 1234;
        free(ptr);
        assert_int_equal(errno, 1234);
        errno = 0;
    }
}

static void free_preserves_errno_when_many_chunks_go(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    static void *ptrs[COUNT];
    for (int index = 0; index < COUNT; index++) {
        ptrs[index] = malloc((size_t)(index % 7 + 1) * 3000);
        assert_non_null(ptrs[index]);
    }
    for (int index = 0; index < COUNT; index++) {
        errno = index + 1;
        free(ptrs[index]);
        assert_int_equal(errno, index + 1);
    }
}

static void a_freed_chunk_is_no_longer_shown(void **state)
{
    (void)state;
    for (size_t index = 0; index < SIZE_COUNT; index++) {
        void *ptr = launder(malloc(sizes[index]));
        assert_true(show_has(show_alloc_mem, ptr, sizes[index]));
        free(ptr);
        assert_true(show_lacks(show_alloc_mem, ptr));
    }
}

static void free_sized_takes_the_size_that_was_requested(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes <= 70000; bytes += bytes < 1100 ? 1 : 61) {
        void *ptr = bytes % 2 == 0 ? malloc(bytes) : calloc(bytes, 1);
        assert_non_null(ptr);
        errno = 1234;
        free_sized(ptr, bytes);
        assert_int_equal(errno, 1234);
    }
    for (size_t index = 0; index < SIZE_COUNT; index++) {
        void *ptr = launder(realloc(malloc(3), sizes[index] + 1));
        free_sized(ptr, sizes[index] + 1);
        assert_true(show_lacks(show_alloc_mem, ptr));
    }
}

static void free_aligned_sized_takes_what_was_requested(void **state)
{
    (void)state;
    for (size_t alignment = 1; alignment <= (4 << 20); alignment *= 2) {
        for (size_t bytes = 0; bytes <= 100000; bytes = bytes * 3 + 1) {
            void *ptr = aligned_alloc(alignment, bytes);
            assert_non_null(ptr);
            errno = 1234;
            free_aligned_sized(ptr, alignment, bytes);
            assert_int_equal(errno, 1234);
        }
    }
}

static void free_in_any_order_lets_the_memory_be_used_again(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static void *ptrs[COUNT];
    uint64_t seed = 17;
    for (int round = 0; round < 20 / SHORTER + 1; round++) {
        size_t bytes = (size_t)round * 97 + 1;
        for (size_t index = 0; index < COUNT; index++) {
            ptrs[index] = malloc(bytes);
            assert_non_null(ptrs[index]);
            pattern_fill(ptrs[index], bytes, index);
        }
        for (size_t left = COUNT; left > 0; left--) {
            size_t pick = random_below(&seed, left);
            void *ptr = ptrs[pick];
            ptrs[pick] = ptrs[left - 1];
            free(ptr);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(free_of_null_does_nothing),
        cmocka_unit_test(free_preserves_errno_for_every_size),
        cmocka_unit_test(free_preserves_errno_when_many_chunks_go),
        cmocka_unit_test(a_freed_chunk_is_no_longer_shown),
        cmocka_unit_test(free_sized_takes_the_size_that_was_requested),
        cmocka_unit_test(free_aligned_sized_takes_what_was_requested),
        cmocka_unit_test(free_in_any_order_lets_the_memory_be_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
