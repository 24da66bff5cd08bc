// SPDX-License-Identifier: MIT
// malloc_usable_size (glibc), malloc_size and malloc_good_size (macOS).

#include <errno.h>
#include <stdint.h>

#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/entry.h"

static void the_usable_size_of_null_is_zero(void **state)
{
    (void)state;
    errno = 1234;
    assert_int_equal(malloc_usable_size(NULL), 0);
    assert_int_equal(malloc_size(NULL), 0);
    assert_int_equal(errno, 1234);
}

static void every_usable_byte_can_be_written(void **state)
{
    (void)state;
    // Neighbours with contents of their own show a usable size that is too large.
    for (size_t bytes = 0; bytes <= 300000; bytes += bytes < 1100 ? 1 : bytes / 9) {
        enum { COUNT = 9 };
        void *ptrs[COUNT];
        for (size_t index = 0; index < COUNT; index++) {
            ptrs[index] = malloc(bytes);
            assert_non_null(ptrs[index]);
            assert_true(malloc_usable_size(ptrs[index]) >= bytes);
            pattern_fill(ptrs[index], malloc_usable_size(ptrs[index]), index);
        }
        for (size_t index = 0; index < COUNT; index++) {
            assert_true(pattern_holds(ptrs[index], malloc_usable_size(ptrs[index]), index));
            free(ptrs[index]);
        }
    }
}

static void the_usable_size_wastes_no_more_than_a_quarter(void **state)
{
    (void)state;
    // Size classes are bounded in waste past the first steps of 16 bytes; LARGE rounds to units.
    for (size_t bytes = 64; bytes <= 32768; bytes += 13) {
        void *ptr = malloc(bytes);
        assert_true(malloc_usable_size(ptr) <= bytes + bytes / 4 + 16);
        free(ptr);
    }
}

static void malloc_size_is_the_usable_size(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes <= 1 << 20; bytes = bytes * 2 + 1) {
        void *ptr = malloc(bytes);
        assert_int_equal(malloc_size(ptr), malloc_usable_size(ptr));
        free(ptr);
    }
}

static void malloc_size_of_what_is_no_chunk_in_use_is_zero(void **state)
{
    (void)state;
    char on_stack[64] = "";
    char *ptr = launder(malloc(100));
    assert_int_equal(malloc_size(launder(on_stack)), 0);
    assert_int_equal(malloc_size(launder(ptr + 16)), 0);
    free(ptr);
    assert_int_equal(malloc_size(launder(ptr)), 0);
}

static void the_usable_size_of_an_aligned_chunk_can_be_written(void **state)
{
    (void)state;
    for (size_t alignment = 16; alignment <= (1 << 20); alignment *= 2) {
        void *left = aligned_alloc(alignment, 100);
        void *right = aligned_alloc(alignment, 100);
        pattern_fill(left, malloc_usable_size(left), 1);
        pattern_fill(right, malloc_usable_size(right), 2);
        assert_true(pattern_holds(left, malloc_usable_size(left), 1));
        free(left);
        free(right);
    }
}

static void malloc_good_size_is_what_a_chunk_of_that_size_really_has(void **state)
{
    (void)state;
    size_t previous = 0;
    for (size_t bytes = 1; bytes <= 300000; bytes += bytes < 1100 ? 1 : bytes / 9) {
        size_t good = malloc_good_size(bytes);
        assert_true(good >= bytes);
        assert_true(good >= previous);
        assert_int_equal(malloc_good_size(good), good);
        void *ptr = malloc(good);
        assert_int_equal(malloc_size(ptr), good);
        free(ptr);
        previous = good;
    }
}

static void malloc_good_size_survives_sizes_that_cannot_be_had(void **state)
{
    (void)state;
    const size_t sizes[] = {PTRDIFF_MAX, (size_t)PTRDIFF_MAX + 1, SIZE_MAX - 4096, SIZE_MAX};
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
        assert_true(malloc_good_size(any_size(sizes[index])) >= sizes[index]);
    }
    assert_true(malloc_good_size(any_size(0)) <= 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usable_size_of_null_is_zero),
        cmocka_unit_test(every_usable_byte_can_be_written),
        cmocka_unit_test(the_usable_size_wastes_no_more_than_a_quarter),
        cmocka_unit_test(malloc_size_is_the_usable_size),
        cmocka_unit_test(malloc_size_of_what_is_no_chunk_in_use_is_zero),
        cmocka_unit_test(the_usable_size_of_an_aligned_chunk_can_be_written),
        cmocka_unit_test(malloc_good_size_is_what_a_chunk_of_that_size_really_has),
        cmocka_unit_test(malloc_good_size_survives_sizes_that_cannot_be_had),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
