// SPDX-License-Identifier: MIT
// realloc as C23 7.24.3.7 leaves it and glibc defines the rest; reallocarray as in the glibc manual.

#include <errno.h>
#include <pthread.h>
#include <stdint.h>

#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/show.h"
#include "tests/api/entry.h"

static const size_t ladder[] = {0,     1,     15,     16,      17,      100,      512,      1000,
                                1024,  1025,  1280,   4096,    5000,    9000,     20000,    32768,
                                32769, 65536, 100000, 1 << 20, 3 << 20, 17 << 20, 128 << 20};
enum { LADDER_COUNT = sizeof ladder / sizeof *ladder };

static size_t smaller(size_t left, size_t right)
{
    return left < right ? left : right;
}

static void realloc_of_null_is_malloc(void **state)
{
    (void)state;
    void *ptr = realloc(NULL, 100);
    void *empty = realloc(NULL, any_size(0));
    void *other = realloc(NULL, any_size(0));
    assert_non_null(ptr);
    assert_non_null(empty);
    assert_non_null(other);
    assert_ptr_not_equal(empty, other);
    pattern_fill(ptr, 100, 1);
    free(ptr);
    free(empty);
    free(other);
}

static void realloc_to_zero_frees_and_gives_null(void **state)
{
    (void)state;
    const size_t sizes[] = {0, 1, 100, 5000, 100000, 4 << 20};
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
        void *ptr = launder(malloc(sizes[index]));
        errno = 1234;
        assert_null(realloc(ptr, any_size(0)));
        assert_int_equal(errno, 1234);
        assert_true(show_lacks(show_alloc_mem, ptr));
    }
}

static void realloc_that_fails_leaves_the_chunk_as_it_was(void **state)
{
    (void)state;
    const size_t sizes[] = {10, 1000, 10000, 1 << 20};
    const size_t refused[] = {SIZE_MAX, (size_t)PTRDIFF_MAX + 1, PTRDIFF_MAX, PTRDIFF_MAX / 4};
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
        void *ptr = malloc(sizes[index]);
        pattern_fill(ptr, sizes[index], index);
        for (size_t try = 0; try < sizeof refused / sizeof *refused; try++) {
            errno = 0;
            assert_null(realloc(launder(ptr), any_size(refused[try])));
            assert_int_equal(errno, ENOMEM);
            assert_true(pattern_holds(ptr, sizes[index], index));
            assert_true(show_has(show_alloc_mem, ptr, sizes[index]));
        }
        free(ptr);
    }
}

static void realloc_keeps_the_content_from_every_size_to_every_size(void **state)
{
    (void)state;
    // The steps that move 128 MiB are few enough to be affordable, in each direction.
    for (size_t from = 0; from < LADDER_COUNT; from++) {
        for (size_t to = 1; to < LADDER_COUNT; to++) {
            if (SHORTER > 1 && ladder[from] + ladder[to] > (4 << 20)) {
                continue;
            }
            size_t kept = smaller(ladder[from], ladder[to]);
            unsigned char *ptr = malloc(ladder[from]);
            assert_non_null(ptr);
            pattern_fill(ptr, kept, from);
            ptr = realloc(ptr, ladder[to]);
            assert_non_null(ptr);
            assert_true(is_aligned(ptr, 16));
            assert_true(pattern_holds(ptr, kept, from));
            ptr[ladder[to] - 1] = 1;
            free(ptr);
        }
    }
}

enum { CLASSES_MAX = 40000, AT_HAND_COUNT = 4 };

// Frees a few chunks of this size, which are at hand then.
static void free_some(size_t bytes)
{
    void *chunks[AT_HAND_COUNT];
    for (size_t index = 0; index < AT_HAND_COUNT; index++) {
        chunks[index] = launder(malloc(bytes));
    }
    for (size_t index = 0; index < AT_HAND_COUNT; index++) {
        free(chunks[index]);
    }
}

static void expect_move(unsigned char *ptr, size_t from, size_t to)
{
    size_t kept = smaller(from, to);
    pattern_fill(ptr, from, from);
    unsigned char *beside = malloc(to);
    pattern_fill(beside, to, to);
    errno = 1234;
    ptr = realloc(ptr, to);
    assert_int_equal(errno, 1234);
    assert_int_equal(malloc_usable_size(ptr), to);
    assert_true(pattern_holds(ptr, kept, from));
    pattern_fill(ptr, to, from);
    assert_true(pattern_holds(beside, to, to));
    free(beside);
    free(ptr);
}

static void realloc_into_what_is_at_hand_keeps_content_and_exact_size(void **state)
{
    (void)state;
    for (size_t from = 1; from < CLASSES_MAX; from = from * 5 / 4 + 3) {
        for (size_t to = 1; to < CLASSES_MAX; to = to * 6 / 5 + 5) {
            free_some(to);
            free_some(to + to / 2);
            expect_move(malloc(from), from, to);
        }
    }
}

static void *move_from_elsewhere(void *ptr)
{
    for (size_t bytes = 100; bytes < CLASSES_MAX; bytes = bytes * 5 / 4) {
        free_some(bytes);
    }
    size_t bytes = malloc_usable_size(ptr);
    expect_move(ptr, bytes, bytes * 3);
    return NULL;
}

static void realloc_of_another_threads_chunk_keeps_content_and_exact_size(void **state)
{
    (void)state;
    for (size_t bytes = 50; bytes < CLASSES_MAX; bytes = bytes * 4 / 3) {
        pthread_t thread;
        void *ptr = malloc(bytes);
        assert_int_equal(pthread_create(&thread, NULL, move_from_elsewhere, ptr), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
}

static void realloc_climbs_to_128_mib_and_back_with_its_content(void **state)
{
    (void)state;
    size_t top = (size_t)(SHORTER > 1 ? 8 : 128) << 20;
    size_t bytes = 1;
    unsigned char *ptr = malloc(bytes);
    pattern_fill(ptr, bytes, 5);
    while (bytes < top) {
        size_t next = smaller(bytes + bytes / 4 + 1, top);
        ptr = realloc(ptr, next);
        assert_non_null(ptr);
        assert_true(pattern_holds(ptr, smaller(bytes, 4096), 5));
        ptr[next - 1] = (unsigned char)next;
        pattern_fill(ptr, smaller(next, 4096), 5);
        bytes = next;
    }
    pattern_fill(ptr, bytes, 6);
    while (bytes > 1) {
        size_t next = bytes * 2 / 3;
        ptr = realloc(ptr, next);
        assert_non_null(ptr);
        assert_true(pattern_holds(ptr, smaller(next, 1 << 20), 6));
        bytes = next;
    }
    free(ptr);
}

static void realloc_grows_byte_by_byte_with_its_content(void **state)
{
    (void)state;
    // Neighbours on both sides make some of the steps move and others not.
    void *other = NULL;
    unsigned char *ptr = NULL;
    for (size_t bytes = 1; bytes <= 5000; bytes++) {
        ptr = realloc(ptr, bytes);
        assert_non_null(ptr);
        ptr[bytes - 1] = (unsigned char)(bytes * 7);
        if (bytes % 97 == 0) {
            free(other);
            other = malloc(bytes);
        }
    }
    for (size_t bytes = 1; bytes <= 5000; bytes++) {
        assert_int_equal(ptr[bytes - 1], (unsigned char)(bytes * 7));
    }
    free(ptr);
    free(other);
}

static void realloc_of_large_chunks_side_by_side_keeps_each_content(void **state)
{
    (void)state;
    enum { COUNT = 8 };
    unsigned char *ptrs[COUNT];
    size_t sizes[COUNT];
    uint64_t seed = 11;
    for (size_t index = 0; index < COUNT; index++) {
        sizes[index] = 100000;
        ptrs[index] = malloc(sizes[index]);
        pattern_fill(ptrs[index], sizes[index], index);
    }
    for (int step = 0; step < 400 / SHORTER; step++) {
        size_t index = random_below(&seed, COUNT);
        size_t next = 40000 + random_below(&seed, 1 << 20);
        size_t kept = smaller(sizes[index], next);
        ptrs[index] = realloc(ptrs[index], next);
        assert_non_null(ptrs[index]);
        assert_true(pattern_holds(ptrs[index], kept, index));
        pattern_fill(ptrs[index], next, index);
        sizes[index] = next;
    }
    for (size_t index = 0; index < COUNT; index++) {
        assert_true(pattern_holds(ptrs[index], sizes[index], index));
        free(ptrs[index]);
    }
}

static void realloc_of_an_aligned_chunk_keeps_the_content(void **state)
{
    (void)state;
    for (size_t alignment = 32; alignment <= (1 << 20); alignment *= 4) {
        for (size_t bytes = 1; bytes <= 100000; bytes = bytes * 6 + 3) {
            void *ptr = aligned_alloc(alignment, bytes);
            assert_non_null(ptr);
            pattern_fill(ptr, bytes, alignment);
            ptr = realloc(ptr, bytes * 2);
            assert_true(pattern_holds(ptr, bytes, alignment));
            ptr = realloc(ptr, bytes / 2 + 1);
            assert_true(pattern_holds(ptr, bytes / 2 + 1, alignment));
            free(ptr);
        }
    }
}

static void realloc_within_the_usable_size_stays_in_place(void **state)
{
    (void)state;
    for (size_t bytes = 1; bytes <= 200000; bytes = bytes * 3 / 2 + 1) {
        void *ptr = malloc(bytes);
        uintptr_t before = (uintptr_t)ptr;
        ptr = realloc(ptr, malloc_usable_size(ptr));
        assert_int_equal((uintptr_t)ptr, before);
        free(ptr);
    }
}

static void show_alloc_mem_tells_the_size_that_realloc_was_asked_for(void **state)
{
    (void)state;
    void *ptr = malloc(100);
    for (size_t index = 1; index + 1 < LADDER_COUNT; index++) {
        ptr = realloc(ptr, ladder[index]);
        assert_true(show_has(show_alloc_mem, ptr, ladder[index]));
    }
    free(ptr);
}

static void reallocarray_multiplies(void **state)
{
    (void)state;
    unsigned char *ptr = reallocarray(NULL, 10, 30);
    assert_non_null(ptr);
    assert_true(show_has(show_alloc_mem, ptr, 300));
    pattern_fill(ptr, 300, 3);
    ptr = reallocarray(ptr, 1000, 40);
    assert_true(pattern_holds(ptr, 300, 3));
    assert_true(show_has(show_alloc_mem, ptr, 40000));
    free(ptr);
}

static void reallocarray_whose_product_overflows_leaves_the_chunk(void **state)
{
    (void)state;
    const size_t pairs[][2] = {{SIZE_MAX, 2},
                               {(size_t)1 << 32, (size_t)1 << 32},
                               {3, SIZE_MAX / 3 + 1},
                               {(size_t)PTRDIFF_MAX / 8 + 1, 8}};
    void *ptr = malloc(64);
    pattern_fill(ptr, 64, 9);
    for (size_t index = 0; index < sizeof pairs / sizeof *pairs; index++) {
        errno = 0;
        assert_null(reallocarray(launder(ptr), any_size(pairs[index][0]), pairs[index][1]));
        assert_int_equal(errno, ENOMEM);
        assert_true(pattern_holds(ptr, 64, 9));
    }
    free(ptr);
}

static void reallocarray_to_zero_frees_and_gives_null(void **state)
{
    (void)state;
    void *ptr = launder(malloc(64));
    assert_null(reallocarray(launder(ptr), any_size(0), 8));
    assert_true(show_lacks(show_alloc_mem, ptr));
    ptr = launder(malloc(64));
    assert_null(reallocarray(launder(ptr), 8, any_size(0)));
    assert_true(show_lacks(show_alloc_mem, ptr));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(realloc_of_null_is_malloc),
        cmocka_unit_test(realloc_to_zero_frees_and_gives_null),
        cmocka_unit_test(realloc_that_fails_leaves_the_chunk_as_it_was),
        cmocka_unit_test(realloc_keeps_the_content_from_every_size_to_every_size),
        cmocka_unit_test(realloc_into_what_is_at_hand_keeps_content_and_exact_size),
        cmocka_unit_test(realloc_of_another_threads_chunk_keeps_content_and_exact_size),
        cmocka_unit_test(realloc_climbs_to_128_mib_and_back_with_its_content),
        cmocka_unit_test(realloc_grows_byte_by_byte_with_its_content),
        cmocka_unit_test(realloc_of_large_chunks_side_by_side_keeps_each_content),
        cmocka_unit_test(realloc_of_an_aligned_chunk_keeps_the_content),
        cmocka_unit_test(realloc_within_the_usable_size_stays_in_place),
        cmocka_unit_test(show_alloc_mem_tells_the_size_that_realloc_was_asked_for),
        cmocka_unit_test(reallocarray_multiplies),
        cmocka_unit_test(reallocarray_whose_product_overflows_leaves_the_chunk),
        cmocka_unit_test(reallocarray_to_zero_frees_and_gives_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
