// SPDX-License-Identifier: MIT
// Aligned allocation: aligned_alloc (C23 and glibc 2.38), posix_memalign (POSIX.1-2024), memalign,
// valloc and pvalloc (glibc), memalignment (C23 7.24.2).

#include <errno.h>
#include <stdint.h>
#include <unistd.h>

#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/show.h"
#include "tests/api/entry.h"

static const size_t alignment_max = (size_t)64 << 20;

static void *by_posix_memalign(size_t alignment, size_t bytes)
{
    void *ptr = NULL;
    size_t at_least = alignment < sizeof(void *) ? sizeof(void *) : alignment;
    return posix_memalign(&ptr, at_least, bytes) == 0 ? ptr : NULL;
}

// The three entry points that take an alignment, called through one type.
static void *by_aligned_alloc(size_t alignment, size_t bytes)
{
    return aligned_alloc(alignment, bytes);
}

static void *by_memalign(size_t alignment, size_t bytes)
{
    return memalign(alignment, bytes);
}

static void *(*const ways[])(size_t, size_t) = {by_aligned_alloc, by_posix_memalign, by_memalign};
enum { WAY_COUNT = sizeof ways / sizeof *ways };

static void every_power_of_two_up_to_64_mib_is_an_alignment(void **state)
{
    (void)state;
    const size_t sizes[] = {0, 1, 16, 24, 100, 511, 1024, 4000, 33000, 100000, 3 << 20};
    for (size_t way = 0; way < WAY_COUNT; way++) {
        for (size_t alignment = 1; alignment <= alignment_max; alignment *= 2) {
            for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
                void *ptr = ways[way](alignment, sizes[index]);
                assert_non_null(ptr);
                assert_true(is_aligned(ptr, alignment < 16 ? 16 : alignment));
                pattern_fill(ptr, sizes[index], alignment);
                assert_int_equal(malloc_usable_size(ptr), sizes[index]);
                assert_true(pattern_holds(ptr, sizes[index], alignment));
                free(ptr);
            }
        }
    }
}

static void aligned_chunks_that_live_together_do_not_overlap(void **state)
{
    (void)state;
    enum { COUNT = 600 };
    static struct {
        void *ptr;
        size_t bytes;
        size_t alignment;
    } chunks[COUNT];
    uint64_t seed = 3;
    for (size_t index = 0; index < COUNT; index++) {
        chunks[index].alignment = (size_t)16 << random_below(&seed, 13);
        chunks[index].bytes = random_size(&seed) / 8;
        chunks[index].ptr = ways[index % WAY_COUNT](chunks[index].alignment, chunks[index].bytes);
        assert_non_null(chunks[index].ptr);
        assert_true(is_aligned(chunks[index].ptr, chunks[index].alignment));
        pattern_fill(chunks[index].ptr, chunks[index].bytes, index);
    }
    struct show_report report;
    if (!show_take(&report, show_alloc_mem)) {
        fail_msg("%s", report.problem);
    }
    for (size_t index = 0; index < COUNT; index++) {
        assert_true(pattern_holds(chunks[index].ptr, chunks[index].bytes, index));
        const struct show_line *line = show_find(&report, chunks[index].ptr);
        assert_non_null(line);
        assert_int_equal(line->bytes, chunks[index].bytes);
    }
    show_drop(&report);
    for (size_t index = 0; index < COUNT; index++) {
        free(chunks[index].ptr);
    }
}

static void aligned_alloc_refuses_what_is_no_power_of_two(void **state)
{
    (void)state;
    const size_t refused[] = {0, 3, 5, 6, 24, 48, 100, 4095, 4097, 12288, SIZE_MAX};
    for (size_t index = 0; index < sizeof refused / sizeof *refused; index++) {
        errno = 0;
        assert_null(aligned_alloc(any_size(refused[index]), 64));
        assert_int_equal(errno, EINVAL);
    }
}

static void aligned_alloc_takes_a_size_that_is_no_multiple_of_the_alignment(void **state)
{
    (void)state;
    void *ptr = aligned_alloc(64, 1);
    assert_non_null(ptr);
    assert_true(is_aligned(ptr, 64));
    free(ptr);
}

static void too_large_an_aligned_request_fails_with_enomem(void **state)
{
    (void)state;
    const size_t pairs[][2] = {{64, SIZE_MAX},
                               {64, SIZE_MAX - 64},
                               {64, (size_t)PTRDIFF_MAX + 1},
                               {4096, (size_t)PTRDIFF_MAX - 100},
                               {(size_t)1 << 62, 1},
                               {(size_t)1 << 62, (size_t)1 << 62}};
    for (size_t index = 0; index < sizeof pairs / sizeof *pairs; index++) {
        errno = 0;
        assert_null(aligned_alloc(any_size(pairs[index][0]), any_size(pairs[index][1])));
        assert_int_equal(errno, ENOMEM);
        errno = 0;
        assert_null(memalign(any_size(pairs[index][0]), any_size(pairs[index][1])));
        assert_int_equal(errno, ENOMEM);
    }
}

static void posix_memalign_answers_einval_and_leaves_target_and_errno(void **state)
{
    (void)state;
    const size_t refused[] = {0, 1, 2, 4, 3, 12, 24, 40, 4097, SIZE_MAX};
    char untouched;
    for (size_t index = 0; index < sizeof refused / sizeof *refused; index++) {
        void *ptr = &untouched;
        errno = 1234;
        assert_int_equal(posix_memalign(&ptr, any_size(refused[index]), 64), EINVAL);
        assert_ptr_equal(ptr, &untouched);
        assert_int_equal(errno, 1234);
    }
}

static void posix_memalign_answers_enomem_and_leaves_target_and_errno(void **state)
{
    (void)state;
    const size_t pairs[][2] = {
        {8, SIZE_MAX}, {64, (size_t)PTRDIFF_MAX + 1}, {64, PTRDIFF_MAX}, {(size_t)1 << 62, 1}};
    char untouched;
    for (size_t index = 0; index < sizeof pairs / sizeof *pairs; index++) {
        void *ptr = &untouched;
        errno = 1234;
        assert_int_equal(posix_memalign(&ptr, pairs[index][0], any_size(pairs[index][1])), ENOMEM);
        assert_ptr_equal(ptr, &untouched);
        assert_int_equal(errno, 1234);
    }
}

static void posix_memalign_that_succeeds_leaves_errno(void **state)
{
    (void)state;
    void *ptr = NULL;
    errno = 1234;
    assert_int_equal(posix_memalign(&ptr, 4096, 100000), 0);
    assert_int_equal(errno, 1234);
    free(ptr);
}

static void memalign_rounds_the_alignment_up_to_a_power_of_two(void **state)
{
    (void)state;
    const size_t asked[] = {0, 1, 3, 8, 16, 17, 24, 33, 100, 3000, 4097, 100000};
    const size_t given[] = {16, 16, 16, 16, 16, 32, 32, 64, 128, 4096, 8192, 131072};
    for (size_t index = 0; index < sizeof asked / sizeof *asked; index++) {
        void *ptr = memalign(any_size(asked[index]), 50);
        assert_non_null(ptr);
        assert_true(is_aligned(ptr, given[index]));
        free(ptr);
    }
}

static void memalign_refuses_an_alignment_that_cannot_be_rounded_up(void **state)
{
    (void)state;
    errno = 0;
    assert_null(memalign(any_size(SIZE_MAX / 2 + 2), 1));
    assert_int_equal(errno, EINVAL);
}

static void valloc_aligns_to_the_page(void **state)
{
    (void)state;
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t bytes = 0; bytes <= 3 * page_bytes; bytes += 777) {
        void *ptr = valloc(bytes);
        assert_non_null(ptr);
        assert_true(is_aligned(ptr, page_bytes));
        pattern_fill(ptr, bytes, 1);
        free(ptr);
    }
    errno = 0;
    assert_null(valloc(any_size(SIZE_MAX)));
    assert_int_equal(errno, ENOMEM);
}

static void pvalloc_aligns_to_the_page_and_rounds_the_size_up_to_pages(void **state)
{
    (void)state;
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t bytes = 0; bytes <= 3 * page_bytes; bytes += 777) {
        size_t rounded = (bytes + page_bytes - 1) / page_bytes * page_bytes;
        void *ptr = pvalloc(bytes);
        assert_non_null(ptr);
        assert_true(is_aligned(ptr, page_bytes));
        assert_true(malloc_usable_size(ptr) >= rounded);
        pattern_fill(ptr, rounded, 1);
        free(ptr);
    }
    const size_t refused[] = {SIZE_MAX, SIZE_MAX - page_bytes, (size_t)PTRDIFF_MAX + 1,
                              PTRDIFF_MAX};
    for (size_t index = 0; index < sizeof refused / sizeof *refused; index++) {
        errno = 0;
        assert_null(pvalloc(any_size(refused[index])));
        assert_int_equal(errno, ENOMEM);
    }
}

static void memalignment_is_the_largest_power_of_two_that_divides_the_address(void **state)
{
    (void)state;
    assert_int_equal(memalignment(NULL), 0);
    for (unsigned bit = 0; bit < 64; bit++) {
        assert_int_equal(memalignment((void *)((uintptr_t)1 << bit)), (size_t)1 << bit);
        assert_int_equal(memalignment((void *)((uintptr_t)-1 << bit)), (size_t)1 << bit);
    }
    void *ptr = aligned_alloc(4096, 1);
    assert_true(memalignment(ptr) >= 4096);
    free(ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_power_of_two_up_to_64_mib_is_an_alignment),
        cmocka_unit_test(aligned_chunks_that_live_together_do_not_overlap),
        cmocka_unit_test(aligned_alloc_refuses_what_is_no_power_of_two),
        cmocka_unit_test(aligned_alloc_takes_a_size_that_is_no_multiple_of_the_alignment),
        cmocka_unit_test(too_large_an_aligned_request_fails_with_enomem),
        cmocka_unit_test(posix_memalign_answers_einval_and_leaves_target_and_errno),
        cmocka_unit_test(posix_memalign_answers_enomem_and_leaves_target_and_errno),
        cmocka_unit_test(posix_memalign_that_succeeds_leaves_errno),
        cmocka_unit_test(memalign_rounds_the_alignment_up_to_a_power_of_two),
        cmocka_unit_test(memalign_refuses_an_alignment_that_cannot_be_rounded_up),
        cmocka_unit_test(valloc_aligns_to_the_page),
        cmocka_unit_test(pvalloc_aligns_to_the_page_and_rounds_the_size_up_to_pages),
        cmocka_unit_test(memalignment_is_the_largest_power_of_two_that_divides_the_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
