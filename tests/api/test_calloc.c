// SPDX-License-Identifier: MIT
// calloc: C23 7.24.3.2. The memory is zero whatever was written there before.

#include <errno.h>
#include <stdint.h>

#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/entry.h"

static void calloc_of_nothing_gives_unique_pointers(void **state)
{
    (void)state;
    void *first = calloc(any_size(0), 8);
    void *second = calloc(8, any_size(0));
    void *third = calloc(any_size(0), any_size(SIZE_MAX));
    assert_non_null(first);
    assert_non_null(second);
    assert_non_null(third);
    assert_ptr_not_equal(first, second);
    assert_ptr_not_equal(second, third);
    free(first);
    free(second);
    free(third);
}

static void calloc_whose_product_overflows_fails_with_enomem(void **state)
{
    (void)state;
    const size_t pairs[][2] = {{SIZE_MAX, 2},
                               {2, SIZE_MAX},
                               {SIZE_MAX, SIZE_MAX},
                               {(size_t)1 << 32, (size_t)1 << 32},
                               {((size_t)1 << 32) + 1, ((size_t)1 << 32) - 1},
                               {SIZE_MAX / 3 + 1, 3},
                               {SIZE_MAX / 16 + 1, 16},
                               {(size_t)PTRDIFF_MAX / 2 + 1, 2},
                               {1, (size_t)PTRDIFF_MAX + 1}};
    for (size_t index = 0; index < sizeof pairs / sizeof *pairs; index++) {
        errno = 0;
        assert_null(calloc(any_size(pairs[index][0]), any_size(pairs[index][1])));
        assert_int_equal(errno, ENOMEM);
    }
}

// A few chunks of `bytes` are dirtied and freed, then asked for again through calloc in two shapes.
static void dirty_then_expect_zero(size_t bytes, size_t count)
{
    void *ptrs[64];
    for (int round = 0; round < 4; round++) {
        for (size_t index = 0; index < count; index++) {
            ptrs[index] = malloc(bytes);
            assert_non_null(ptrs[index]);
            memset(ptrs[index], 0xA5, bytes);
        }
        for (size_t index = 0; index < count; index++) {
            free(ptrs[round % 2 == 0 ? index : count - 1 - index]);
        }
        for (size_t index = 0; index < count; index++) {
            ptrs[index] = round % 2 == 0 ? calloc(bytes, 1) : calloc(1, bytes);
            assert_non_null(ptrs[index]);
            assert_true(is_aligned(ptrs[index], 16));
            assert_true(bytes_are(ptrs[index], bytes, 0));
            memset(ptrs[index], 0x5A, bytes);
        }
        for (size_t index = 0; index < count; index++) {
            free(ptrs[index]);
        }
    }
}

static void calloc_is_zero_where_small_chunks_were_dirty(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes <= 1100; bytes += 7) {
        dirty_then_expect_zero(bytes, 64);
    }
    for (size_t bytes = 1101; bytes <= 40000; bytes = bytes * 9 / 8) {
        dirty_then_expect_zero(bytes, 32);
    }
}

static void calloc_is_zero_where_large_chunks_were_dirty(void **state)
{
    (void)state;
    for (size_t bytes = 40001; bytes <= (size_t)20 << 20; bytes = bytes * 3 / 2) {
        dirty_then_expect_zero(bytes, 3);
    }
}

static void calloc_is_zero_where_another_size_was_dirty(void **state)
{
    (void)state;
    enum { COUNT = 200 };
    void *ptrs[COUNT];
    uint64_t seed = 7;
    for (int round = 0; round < 60 / SHORTER + 1; round++) {
        for (int index = 0; index < COUNT; index++) {
            size_t bytes = random_size(&seed) / 2;
            ptrs[index] = index % 2 == 0 ? malloc(bytes) : calloc(bytes, 1);
            assert_non_null(ptrs[index]);
            if (index % 2 != 0) {
                assert_true(bytes_are(ptrs[index], bytes, 0));
            }
            memset(ptrs[index], 0xFF, bytes);
        }
        for (int index = 0; index < COUNT; index++) {
            free(ptrs[index]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calloc_of_nothing_gives_unique_pointers),
        cmocka_unit_test(calloc_whose_product_overflows_fails_with_enomem),
        cmocka_unit_test(calloc_is_zero_where_small_chunks_were_dirty),
        cmocka_unit_test(calloc_is_zero_where_large_chunks_were_dirty),
        cmocka_unit_test(calloc_is_zero_where_another_size_was_dirty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
