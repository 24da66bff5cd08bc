// SPDX-License-Identifier: MIT
// malloc: C23 7.24.3.6, and what the glibc manual promises beyond it.

#include <errno.h>
#include <stdint.h>

#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/entry.h"

enum { MANY = 5000 };

static void malloc_of_zero_gives_unique_pointers(void **state)
{
    (void)state;
    enum { COUNT = 300 };
    void *ptrs[COUNT];
    for (int index = 0; index < COUNT; index++) {
        ptrs[index] = malloc(any_size(0));
        assert_non_null(ptrs[index]);
        assert_true(is_aligned(ptrs[index], 16));
        for (int before = 0; before < index; before++) {
            assert_ptr_not_equal(ptrs[before], ptrs[index]);
        }
    }
    for (int index = 0; index < COUNT; index++) {
        free(ptrs[index]);
    }
}

static void malloc_of_every_size_is_aligned_and_can_be_written(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes <= 70000; bytes += bytes < 4200 ? 1 : 37) {
        void *ptr = malloc(bytes);
        assert_non_null(ptr);
        assert_true(is_aligned(ptr, 16));
        pattern_fill(ptr, bytes, bytes);
        assert_true(pattern_holds(ptr, bytes, bytes));
        free(ptr);
    }
}

static void malloc_of_large_sizes_is_aligned_and_can_be_written_at_both_ends(void **state)
{
    (void)state;
    for (size_t bytes = 70000; bytes <= (size_t)512 << 20; bytes = bytes * 2 + 4097) {
        unsigned char *ptr = malloc(bytes);
        assert_non_null(ptr);
        assert_true(is_aligned(ptr, 16));
        ptr[0] = 1;
        ptr[bytes / 2] = 2;
        ptr[bytes - 1] = 3;
        assert_int_equal(ptr[0] + ptr[bytes / 2] + ptr[bytes - 1], 6);
        free(ptr);
    }
}

static void malloc_of_more_than_ptrdiff_max_fails_with_enomem(void **state)
{
    (void)state;
    const size_t sizes[] = {(size_t)PTRDIFF_MAX + 1,
                            (size_t)PTRDIFF_MAX + 17,
                            SIZE_MAX / 2 + 4096,
                            SIZE_MAX - 65536,
                            SIZE_MAX - 4096,
                            SIZE_MAX - 4095,
                            SIZE_MAX - 16,
                            SIZE_MAX - 15,
                            SIZE_MAX - 1,
                            SIZE_MAX};
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
        errno = 0;
        assert_null(malloc(any_size(sizes[index])));
        assert_int_equal(errno, ENOMEM);
    }
}

static void malloc_of_more_than_there_is_fails_with_enomem(void **state)
{
    (void)state;
    const size_t sizes[] = {PTRDIFF_MAX,         PTRDIFF_MAX - 15,        PTRDIFF_MAX - 4096,
                            PTRDIFF_MAX - 65536, (size_t)PTRDIFF_MAX / 2, (size_t)PTRDIFF_MAX / 16};
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
        errno = 0;
        assert_null(malloc(any_size(sizes[index])));
        assert_int_equal(errno, ENOMEM);
    }
    void *ptr = malloc(100);
    assert_non_null(ptr);
    free(ptr);
}

static void malloc_gives_chunks_that_do_not_overlap(void **state)
{
    (void)state;
    static struct {
        void *ptr;
        size_t bytes;
    } chunks[MANY];
    uint64_t seed = 42;
    for (size_t index = 0; index < MANY; index++) {
        chunks[index].bytes = random_size(&seed) / 4;
        chunks[index].ptr = malloc(chunks[index].bytes);
        assert_non_null(chunks[index].ptr);
        pattern_fill(chunks[index].ptr, chunks[index].bytes, index);
    }
    for (size_t index = 0; index < MANY; index++) {
        assert_true(pattern_holds(chunks[index].ptr, chunks[index].bytes, index));
    }
    for (size_t index = 0; index < MANY; index++) {
        free(chunks[index].ptr);
    }
}

static void malloc_reuses_what_was_freed(void **state)
{
    (void)state;
    // 64 chunks at a time, a thousand times over: that they come from few places is what is asked.
    enum { AT_ONCE = 64, PLACES_MAX = 8 * AT_ONCE };
    const size_t sizes[] = {40, 5000, 65536};
    for (size_t size = 0; size < sizeof sizes / sizeof *sizes; size++) {
        uintptr_t places[PLACES_MAX];
        size_t place_count = 0;
        for (int round = 0; round < 1000 / SHORTER; round++) {
            void *ptrs[AT_ONCE];
            for (int index = 0; index < AT_ONCE; index++) {
                ptrs[index] = malloc(sizes[size]);
                size_t place = 0;
                while (place < place_count && places[place] != (uintptr_t)ptrs[index]) {
                    place++;
                }
                assert_true(place < PLACES_MAX);
                places[place] = (uintptr_t)ptrs[index];
                place_count += place == place_count;
            }
            for (int index = 0; index < AT_ONCE; index++) {
                free(ptrs[index]);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(malloc_of_zero_gives_unique_pointers),
        cmocka_unit_test(malloc_of_every_size_is_aligned_and_can_be_written),
        cmocka_unit_test(malloc_of_large_sizes_is_aligned_and_can_be_written_at_both_ends),
        cmocka_unit_test(malloc_of_more_than_ptrdiff_max_fails_with_enomem),
        cmocka_unit_test(malloc_of_more_than_there_is_fails_with_enomem),
        cmocka_unit_test(malloc_gives_chunks_that_do_not_overlap),
        cmocka_unit_test(malloc_reuses_what_was_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
