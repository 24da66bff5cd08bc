// SPDX-License-Identifier: MIT
// reallocf (FreeBSD), reallocarr (NetBSD), recallocarray and freezero (OpenBSD), as their pages say.

#include <errno.h>
#include <stdint.h>

#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/show.h"
#include "tests/api/entry.h"

// Freed memory of a small chunk stays mapped as long as a neighbour of its size lives; what is left
// in it is read byte by byte.
static size_t count_in_freed(const void *ptr, size_t bytes, unsigned char value)
{
    const volatile unsigned char *at = launder((void *)(uintptr_t)ptr);
    size_t count = 0;
    for (size_t index = 0; index < bytes; index++) {
        count += at[index] == value;
    }
    return count;
}

static void reallocf_is_realloc_as_long_as_it_succeeds(void **state)
{
    (void)state;
    void *ptr = reallocf(NULL, 100);
    assert_non_null(ptr);
    pattern_fill(ptr, 100, 1);
    ptr = reallocf(ptr, 50000);
    assert_true(pattern_holds(ptr, 100, 1));
    ptr = reallocf(ptr, 10);
    assert_true(pattern_holds(ptr, 10, 1));
    free(ptr);
}

static void reallocf_that_fails_frees_the_chunk(void **state)
{
    (void)state;
    const size_t sizes[] = {10, 5000, 1 << 20};
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
        void *ptr = launder(malloc(sizes[index]));
        errno = 0;
        assert_null(reallocf(ptr, any_size(SIZE_MAX)));
        assert_int_equal(errno, ENOMEM);
        assert_true(show_lacks(show_alloc_mem, ptr));
    }
}

static void reallocf_to_zero_frees_once(void **state)
{
    (void)state;
    void *ptr = launder(malloc(100));
    void *result = reallocf(ptr, any_size(0));
    if (result != NULL) {
        free(result);
    }
    assert_true(show_lacks(show_alloc_mem, ptr));
}

static void reallocarr_changes_the_pointer_and_answers_zero(void **state)
{
    (void)state;
    int *numbers = NULL;
    errno = 1234;
    assert_int_equal(reallocarr(&numbers, 10, sizeof *numbers), 0);
    assert_non_null(numbers);
    for (int index = 0; index < 10; index++) {
        numbers[index] = index;
    }
    assert_int_equal(reallocarr(&numbers, 10000, sizeof *numbers), 0);
    for (int index = 0; index < 10; index++) {
        assert_int_equal(numbers[index], index);
    }
    assert_true(show_has(show_alloc_mem, numbers, 10000 * sizeof *numbers));
    assert_int_equal(errno, 1234);
    free(numbers);
}

static void reallocarr_of_nothing_frees_and_clears_the_pointer(void **state)
{
    (void)state;
    for (size_t number = 0; number <= 1; number++) {
        void *ptr = malloc(100);
        void *old = launder(ptr);
        assert_int_equal(reallocarr(&ptr, any_size(number), any_size(1 - number)), 0);
        assert_null(ptr);
        assert_true(show_lacks(show_alloc_mem, old));
    }
}

static void reallocarr_that_fails_answers_an_errno_and_changes_nothing(void **state)
{
    (void)state;
    void *ptr = malloc(100);
    void *old = ptr;
    pattern_fill(ptr, 100, 2);
    errno = 1234;
    assert_int_equal(reallocarr(&ptr, any_size(SIZE_MAX), any_size(2)), EOVERFLOW);
    assert_ptr_equal(ptr, old);
    assert_int_equal(reallocarr(&ptr, any_size(PTRDIFF_MAX), any_size(1)), ENOMEM);
    assert_ptr_equal(ptr, old);
    assert_int_equal(errno, 1234);
    assert_true(pattern_holds(ptr, 100, 2));
    free(ptr);
}

static void recallocarray_of_null_is_calloc(void **state)
{
    (void)state;
    void *dirty = malloc(700);
    memset(dirty, 0xA5, 700);
    free(dirty);
    void *ptr = recallocarray(NULL, 12345, 7, 100);
    assert_non_null(ptr);
    assert_true(bytes_are(ptr, 700, 0));
    free(ptr);
}

static void recallocarray_that_grows_zeroes_the_new_part(void **state)
{
    (void)state;
    for (size_t from = 1; from <= 3000; from = from * 2 + 1) {
        for (size_t to = from; to <= 100000; to = to * 3 / 2 + 1) {
            // What lies beyond the request in the same chunk is dirty on purpose.
            unsigned char *ptr = malloc(from * 4);
            memset(ptr, 0xA5, malloc_usable_size(ptr));
            pattern_fill(ptr, from * 4, from);
            ptr = recallocarray(ptr, from, to, 4);
            assert_non_null(ptr);
            assert_true(pattern_holds(ptr, from * 4, from));
            assert_true(bytes_are(ptr + from * 4, (to - from) * 4, 0));
            free(ptr);
        }
    }
}

static void recallocarray_that_shrinks_keeps_the_rest_and_clears_what_goes(void **state)
{
    (void)state;
    for (size_t from = 40; from <= 1000; from += 96) {
        for (size_t to = 8; to < from; to += 40) {
            void *neighbour = malloc(from);
            unsigned char *old = launder(malloc(from));
            memset(old, 0xA5, from);
            unsigned char *ptr = recallocarray(old, from, to, 1);
            assert_non_null(ptr);
            assert_true(bytes_are(ptr, to, 0xA5));
            assert_int_equal(count_in_freed(old + to, from - to, 0xA5), 0);
            if (ptr != old) {
                assert_int_equal(count_in_freed(old, to, 0xA5), 0);
            }
            free(ptr);
            free(neighbour);
        }
    }
}

static void recallocarray_that_moves_clears_the_old_chunk(void **state)
{
    (void)state;
    void *neighbour = malloc(200);
    unsigned char *old = launder(malloc(200));
    memset(old, 0xA5, 200);
    unsigned char *ptr = recallocarray(old, 200, 20000, 1);
    assert_ptr_not_equal(ptr, old);
    assert_true(bytes_are(ptr, 200, 0xA5));
    assert_int_equal(count_in_freed(old, 200, 0xA5), 0);
    free(ptr);
    free(neighbour);
}

static void recallocarray_that_overflows_leaves_the_chunk(void **state)
{
    (void)state;
    unsigned char *ptr = malloc(64);
    memset(ptr, 0xA5, 64);
    errno = 0;
    assert_null(recallocarray(launder(ptr), 8, any_size(SIZE_MAX / 2), 8));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(recallocarray(launder(ptr), any_size(SIZE_MAX / 2), 8, 8));
    assert_int_equal(errno, EINVAL);
    assert_true(bytes_are(ptr, 64, 0xA5));
    free(ptr);
}

static void freezero_clears_what_it_frees(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes <= 1000; bytes += 37) {
        void *neighbour = malloc(bytes);
        unsigned char *ptr = launder(malloc(bytes));
        memset(ptr, 0xA5, bytes);
        freezero(ptr, bytes);
        assert_true(show_lacks(show_alloc_mem, ptr));
        assert_int_equal(count_in_freed(ptr, bytes, 0xA5), 0);
        free(neighbour);
    }
}

static void freezero_takes_null_and_sizes_up_to_the_request_and_preserves_errno(void **state)
{
    (void)state;
    errno = 1234;
    freezero(NULL, 100);
    freezero(malloc(100), any_size(0));
    freezero(malloc(100), 50);
    freezero(malloc(10 << 20), 10 << 20);
    assert_int_equal(errno, 1234);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reallocf_is_realloc_as_long_as_it_succeeds),
        cmocka_unit_test(reallocf_that_fails_frees_the_chunk),
        cmocka_unit_test(reallocf_to_zero_frees_once),
        cmocka_unit_test(reallocarr_changes_the_pointer_and_answers_zero),
        cmocka_unit_test(reallocarr_of_nothing_frees_and_clears_the_pointer),
        cmocka_unit_test(reallocarr_that_fails_answers_an_errno_and_changes_nothing),
        cmocka_unit_test(recallocarray_of_null_is_calloc),
        cmocka_unit_test(recallocarray_that_grows_zeroes_the_new_part),
        cmocka_unit_test(recallocarray_that_shrinks_keeps_the_rest_and_clears_what_goes),
        cmocka_unit_test(recallocarray_that_moves_clears_the_old_chunk),
        cmocka_unit_test(recallocarray_that_overflows_leaves_the_chunk),
        cmocka_unit_test(freezero_clears_what_it_frees),
        cmocka_unit_test(freezero_takes_null_and_sizes_up_to_the_request_and_preserves_errno),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
