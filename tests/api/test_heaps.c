// SPDX-License-Identifier: MIT
// Heaps of the program's own: every function and option, limits, buffers, and that all memory comes back.

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>

#include "core/ft_core.h"
#include "tests/api/child.h"
#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/show.h"
#include "tests/api/entry.h"

enum { KIB = 1 << 10, MIB = 1 << 20 };

static struct ft_heap *create(const struct ft_heap_options *options)
{
    errno = 77;
    struct ft_heap *heap = ft_heap_create(options);
    assert_non_null(heap);
    assert_int_equal(errno, 77);
    return heap;
}

static void expect_refused(const struct ft_heap_options *options, int error)
{
    errno = 0;
    assert_null(ft_heap_create(options));
    assert_int_equal(errno, error);
}

// What malloc's heap holds, all regions of heaps included.
static size_t bytes_of_malloc(void)
{
    struct show_report report;
    assert_true(show_take(&report, show_alloc_mem));
    size_t bytes = report.total_bytes;
    show_drop(&report);
    return bytes;
}

// ---- chunks -------------------------------------------------------------------------------------

static void every_function_does_what_that_of_its_name_does(void **state)
{
    (void)state;
    struct ft_heap *heap = create(NULL);
    unsigned char *ptr = ft_heap_malloc(heap, 42);
    assert_int_equal(ft_heap_usable_size(heap, ptr), 42);
    assert_true(is_aligned(ptr, 16));
    pattern_fill(ptr, 42, 1);
    ptr = ft_heap_realloc(heap, ptr, 5000);
    assert_int_equal(ft_heap_usable_size(heap, ptr), 5000);
    assert_true(pattern_holds(ptr, 42, 1));
    ptr = ft_heap_realloc(heap, ptr, 10);
    assert_int_equal(ft_heap_usable_size(heap, ptr), 10);
    assert_null(ft_heap_realloc(heap, ptr, 0));
    ptr = ft_heap_realloc(heap, NULL, 100);
    assert_int_equal(ft_heap_usable_size(heap, ptr), 100);
    memset(ptr, 1, 100);
    ft_heap_free(heap, ptr);
    ptr = ft_heap_calloc(heap, 10, 10);
    assert_true(bytes_are(ptr, 100, 0));
    ft_heap_free(heap, ptr);
    ft_heap_free(heap, NULL);
    assert_int_equal(ft_heap_usable_size(heap, NULL), 0);
    assert_int_equal(errno, 77);
    ft_heap_destroy(heap);
    ft_heap_destroy(NULL);
    assert_int_equal(errno, 77);
}

static void alignments_up_to_a_mebibyte_are_kept(void **state)
{
    (void)state;
    struct ft_heap *heap = create(NULL);
    for (size_t align = 1; align <= MIB; align *= 2) {
        for (size_t bytes = 0; bytes < 3 * MIB; bytes = bytes * 5 + 1) {
            unsigned char *ptr = ft_heap_aligned_alloc(heap, align, bytes);
            assert_non_null(ptr);
            assert_true(is_aligned(ptr, align));
            assert_int_equal(ft_heap_usable_size(heap, ptr), bytes);
            ft_heap_free(heap, ptr);
        }
    }
    errno = 0;
    assert_null(ft_heap_aligned_alloc(heap, any_size(24), 100));
    assert_int_equal(errno, EINVAL);
    errno = 0;
    assert_null(ft_heap_aligned_alloc(heap, 0, 100));
    assert_int_equal(errno, EINVAL);
    assert_int_equal(ft_heap_figures(heap).failure_count, 0);
    ft_heap_destroy(heap);
}

static void what_no_heap_can_hold_is_refused_with_enomem(void **state)
{
    (void)state;
    struct ft_heap *heap = create(NULL);
    void *ptr = ft_heap_malloc(heap, 100);
    size_t before = ft_heap_figures(heap).memory_bytes;
    static const size_t sizes[] = {SIZE_MAX, (size_t)PTRDIFF_MAX + 1, PTRDIFF_MAX, (size_t)5 << 30};
    for (size_t index = 0; index < sizeof sizes / sizeof *sizes; index++) {
        errno = 0;
        assert_null(ft_heap_malloc(heap, any_size(sizes[index])));
        assert_int_equal(errno, ENOMEM);
        errno = 0;
        assert_null(ft_heap_realloc(heap, ptr, any_size(sizes[index])));
        assert_int_equal(errno, ENOMEM);
    }
    errno = 0;
    assert_null(ft_heap_calloc(heap, any_size(SIZE_MAX / 2), 4));
    assert_int_equal(errno, ENOMEM);
    errno = 0;
    assert_null(ft_heap_aligned_alloc(heap, (size_t)1 << 40, 1));
    assert_int_equal(errno, ENOMEM);
    assert_int_equal(ft_heap_figures(heap).failure_count, 10);
    assert_int_equal(ft_heap_figures(heap).memory_bytes_max, before);
    assert_int_equal(ft_heap_usable_size(heap, ptr), 100);
    ft_heap_destroy(heap);
}

static void large_chunks_make_it_grow_at_once(void **state)
{
    (void)state;
    struct ft_heap *heap = create(NULL);
    for (size_t bytes = 100000; bytes < 240 * (size_t)MIB; bytes = bytes * 3 + 1) {
        unsigned char *ptr = ft_heap_malloc(heap, bytes);
        assert_non_null(ptr);
        ptr[0] = 1;
        ptr[bytes - 1] = 1;
    }
    assert_int_equal(ft_heap_figures(heap).failure_count, 0);
    ft_heap_destroy(heap);
    heap = create(&(struct ft_heap_options){.limit_bytes = (size_t)1 << 30});
    assert_non_null(ft_heap_malloc(heap, 700 * (size_t)MIB));
    ft_heap_destroy(heap);
}

static void a_region_is_added_that_is_large_enough(void **state)
{
    (void)state;
    for (size_t bytes = 100; bytes < 5 * MIB; bytes += bytes / 30 + 1) {
        for (size_t align = 16; align <= 256 * KIB; align *= 64) {
            struct ft_heap *heap = create(&(struct ft_heap_options){.first_bytes = 1});
            assert_non_null(ft_heap_aligned_alloc(heap, align, bytes));
            ft_heap_destroy(heap);
        }
    }
}

// ---- memory -------------------------------------------------------------------------------------

static void fill(struct ft_heap *heap, size_t bytes_max)
{
    uint64_t seed = 3;
    void *ptr;
    do {
        size_t bytes = random_below(&seed, bytes_max);
        ptr = ft_heap_malloc(heap, bytes);
        if (ptr != NULL) {
            memset(ptr, 0xA5, bytes);
        }
    } while (ptr != NULL);
}

static void destroy_gives_all_memory_back(void **state)
{
    (void)state;
    size_t before = bytes_of_malloc();
    for (int round = 0; round < 20; round++) {
        struct ft_heap *heap = create(&(struct ft_heap_options){.limit_bytes = 8 * MIB});
        assert_int_equal(bytes_of_malloc(), before + ft_heap_figures(heap).memory_bytes);
        fill(heap, 3000);
        assert_true(ft_heap_figures(heap).memory_bytes == 8 * MIB);
        assert_int_equal(bytes_of_malloc(), before + 8 * MIB);
        ft_heap_destroy(heap);
        assert_int_equal(bytes_of_malloc(), before);
    }
}

static void its_regions_are_large_chunks_of_malloc(void **state)
{
    (void)state;
    struct ft_heap *heap = create(&(struct ft_heap_options){.limit_bytes = 3 * MIB});
    fill(heap, 3000);
    struct show_report report;
    assert_true(show_take(&report, show_alloc_mem));
    size_t bytes = 0;
    for (size_t index = 0; index < report.line_count; index++) {
        const struct show_line *line = &report.lines[index];
        bool is_first =
            line->start < (uintptr_t)heap && (uintptr_t)heap < line->start + line->bytes;
        bytes += is_first ? line->bytes : 0;
        assert_true(!is_first || line->kind == SHOW_LARGE);
    }
    assert_int_equal(bytes, MIB);
    show_drop(&report);
    ft_heap_destroy(heap);
}

static void a_limit_is_never_exceeded_and_frees_make_room_again(void **state)
{
    (void)state;
    static const size_t limits[] = {3000,    4096,    10000,       65536,   300000,
                                    MIB - 1, MIB + 1, 3 * MIB + 7, 10 * MIB};
    size_t before = bytes_of_malloc();
    for (size_t index = 0; index < sizeof limits / sizeof *limits; index++) {
        size_t limit = limits[index];
        struct ft_heap *heap = create(&(struct ft_heap_options){.limit_bytes = limit});
        fill(heap, limit / 20);
        struct ft_heap_figures full = ft_heap_figures(heap);
        assert_int_equal(full.limit_bytes, limit);
        assert_int_equal(full.failure_count, 1);
        assert_true(full.memory_bytes <= limit);
        assert_true(full.memory_bytes_max <= limit);
        assert_int_equal(bytes_of_malloc(), before + full.memory_bytes);
        assert_true(limit < 65536 || full.used_bytes > limit / 2);
        ft_heap_reset(heap);
        void *one = ft_heap_malloc(heap, limit / 20);
        assert_non_null(one);
        fill(heap, limit / 20);
        errno = 0;
        void *two = ft_heap_malloc(heap, limit / 20);
        assert_null(two);
        assert_int_equal(errno, ENOMEM);
        ft_heap_free(heap, one);
        assert_non_null(ft_heap_malloc(heap, limit / 20));
        ft_heap_destroy(heap);
        assert_int_equal(bytes_of_malloc(), before);
    }
}

static void nearly_all_of_a_limit_can_be_one_chunk(void **state)
{
    (void)state;
    for (size_t limit = 4 * MIB; limit <= 64 * MIB; limit *= 2) {
        struct ft_heap *heap = create(&(struct ft_heap_options){.limit_bytes = limit});
        assert_non_null(ft_heap_malloc(heap, limit / 10 * 7));
        ft_heap_destroy(heap);
    }
}

static void what_the_last_of_a_limit_cannot_hold_leaves_it_alone(void **state)
{
    (void)state;
    struct ft_heap *heap = create(&(struct ft_heap_options){.limit_bytes = 3 * MIB});
    size_t before = ft_heap_figures(heap).memory_bytes;
    void *ptr = ft_heap_malloc(heap, 100);
    errno = 0;
    assert_null(ft_heap_malloc(heap, 2 * MIB - 1));
    assert_int_equal(errno, ENOMEM);
    assert_null(ft_heap_realloc(heap, ptr, 2 * MIB - 1));
    struct ft_heap_figures figures = ft_heap_figures(heap);
    assert_int_equal(figures.memory_bytes, before);
    assert_int_equal(figures.memory_bytes_max, 3 * MIB);
    assert_int_equal(ft_heap_usable_size(heap, ptr), 100);
    ft_heap_destroy(heap);
}

static int fill_what_the_system_gives(void *argument)
{
    (void)argument;
    const struct rlimit limit = {.rlim_cur = 64 * MIB, .rlim_max = 64 * MIB};
    if (setrlimit(RLIMIT_AS, &limit) != 0) {
        return 1;
    }
    struct ft_heap *heap = ft_heap_create(NULL);
    void *kept = ft_heap_malloc(heap, 1000);
    fill(heap, 3000);
    if (errno != ENOMEM || kept == NULL) {
        return 2;
    }
    // Twice what it had when there was no longer as much again to be had, but less than that.
    if (ft_heap_figures(heap).memory_bytes < 36 * MIB) {
        return 3;
    }
    ft_heap_free(heap, kept);
    if (ft_heap_malloc(heap, 1000) == NULL) {
        return 4;
    }
    ft_heap_destroy(heap);
    return malloc(20 * MIB) != NULL ? 0 : 5;
}

// The first of all, so that malloc has reserved nothing beyond its first section.
static void the_last_of_the_system_is_had_in_smaller_steps(void **state)
{
    (void)state;
    if (SHORTER != 1) {
        skip(); // a sanitizer's address space is its own
    }
    static struct child child;
    child_call(&child, fill_what_the_system_gives, NULL);
    assert_true(child_exited_with(&child, 0));
}

static void a_chunk_of_another_thread_or_heap_leaves_the_limit_alone(void **state)
{
    (void)state;
    struct ft_heap *small = create(&(struct ft_heap_options){.limit_bytes = 64 * KIB});
    struct ft_heap *other = create(NULL);
    fill(small, 300);
    assert_non_null(ft_heap_malloc(other, MIB));
    void *ptr = malloc(MIB);
    assert_non_null(ptr);
    free(ptr);
    ft_heap_destroy(small);
    ft_heap_destroy(other);
}

static void a_buffer_holds_everything(void **state)
{
    (void)state;
    enum { EDGE = 64, ROOM = 128 * KIB };
    static unsigned char memory[EDGE + ROOM + EDGE];
    size_t before = bytes_of_malloc();
    for (size_t bytes = 2 * KIB + 200; bytes <= ROOM; bytes = bytes * 2 - 1) {
        for (size_t odd = 0; odd < 64; odd += 7) {
            memset(memory, 0xEE, sizeof memory);
            const struct ft_heap_options options = {
                .buffer = memory + EDGE - odd, .buffer_bytes = bytes, .tag = "buffer"};
            struct ft_heap *heap = create(&options);
            assert_int_equal(ft_heap_figures(heap).limit_bytes, bytes);
            assert_int_equal(ft_heap_figures(heap).memory_bytes, bytes);
            unsigned char *first = ft_heap_malloc(heap, 200);
            assert_true(first >= memory + EDGE - odd && first + 200 <= memory + EDGE - odd + bytes);
            fill(heap, 500);
            assert_int_equal(bytes_of_malloc(), before);
            ft_heap_free(heap, first);
            assert_non_null(ft_heap_malloc(heap, 200));
            ft_heap_destroy(heap);
            assert_true(bytes_are(memory, EDGE - odd, 0xEE));
            assert_true(bytes_are(memory + EDGE - odd + bytes, EDGE, 0xEE));
        }
    }
}

static void a_buffer_may_just_be_left_when_no_other_thread_is_in_it(void **state)
{
    (void)state;
    for (int round = 0; round < 100; round++) {
        unsigned char buffer[4 * KIB];
        const struct ft_heap_options options = {
            .buffer = buffer, .buffer_bytes = sizeof buffer, .is_single_threaded = true};
        assert_non_null(ft_heap_malloc(create(&options), 100));
        memset(buffer, 0xEE, sizeof buffer);
    }
    ft_heap_destroy(create(NULL)); // goes through the list
}

static void options_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static unsigned char buffer[8 * KIB];
    size_t before = bytes_of_malloc();
    expect_refused(&(struct ft_heap_options){.limit_bytes = 1}, EINVAL);
    expect_refused(&(struct ft_heap_options){.limit_bytes = 1000}, EINVAL);
    expect_refused(&(struct ft_heap_options){.limit_bytes = 10000, .first_bytes = 10001}, EINVAL);
    expect_refused(&(struct ft_heap_options){.buffer = buffer}, EINVAL);
    expect_refused(&(struct ft_heap_options){.buffer = buffer, .buffer_bytes = 1000}, EINVAL);
    expect_refused(&(struct ft_heap_options){.buffer_bytes = 8 * KIB}, EINVAL);
    expect_refused(&(struct ft_heap_options){.buffer = buffer, .buffer_bytes = SIZE_MAX}, EINVAL);
    expect_refused(&(struct ft_heap_options){.buffer = buffer,
                                             .buffer_bytes = sizeof buffer,
                                             .limit_bytes = sizeof buffer},
                   EINVAL);
    expect_refused(&(struct ft_heap_options){.buffer = buffer,
                                             .buffer_bytes = sizeof buffer,
                                             .first_bytes = sizeof buffer},
                   EINVAL);
    expect_refused(&(struct ft_heap_options){.first_bytes = SIZE_MAX}, ENOMEM);
    expect_refused(&(struct ft_heap_options){.first_bytes = (size_t)1 << 50}, ENOMEM);
    assert_int_equal(bytes_of_malloc(), before);
}

static void first_bytes_are_taken_at_once(void **state)
{
    (void)state;
    static const size_t firsts[] = {1, 100000, MIB, 7 * MIB + 5, 300 * (size_t)MIB};
    for (size_t index = 0; index < sizeof firsts / sizeof *firsts; index++) {
        struct ft_heap *heap = create(&(struct ft_heap_options){.first_bytes = firsts[index]});
        size_t bytes = ft_heap_figures(heap).memory_bytes;
        assert_true(bytes >= firsts[index] && bytes <= firsts[index] + 64 * KIB);
        assert_non_null(ft_heap_malloc(heap, firsts[index] / 10 * 9));
        assert_true(firsts[index] < MIB || ft_heap_figures(heap).memory_bytes == bytes);
        ft_heap_destroy(heap);
    }
}

static void reset_frees_all_chunks_and_keeps_the_memory(void **state)
{
    (void)state;
    struct ft_heap *heap = create(&(struct ft_heap_options){.limit_bytes = 5 * MIB});
    for (int round = 0; round < 5; round++) {
        fill(heap, 2000);
        struct ft_heap_figures full = ft_heap_figures(heap);
        ft_heap_reset(heap);
        struct ft_heap_figures now = ft_heap_figures(heap);
        assert_int_equal(now.chunk_count, 0);
        assert_int_equal(now.used_bytes, 0);
        assert_int_equal(now.used_bytes_max, full.used_bytes_max);
        assert_int_equal(now.memory_bytes, full.memory_bytes);
        assert_int_equal(now.failure_count, round + 1);
        unsigned char *zeroed = ft_heap_calloc(heap, 100, 100);
        assert_true(bytes_are(zeroed, 10000, 0));
    }
    ft_heap_destroy(heap);
}

static void trim_gives_back_the_regions_that_nothing_is_in(void **state)
{
    (void)state;
    size_t before = bytes_of_malloc();
    struct ft_heap *heap = create(NULL);
    size_t first = ft_heap_figures(heap).memory_bytes;
    assert_int_equal(ft_heap_trim(heap), 0);
    void *small = ft_heap_malloc(heap, 100);
    void *large = ft_heap_malloc(heap, 10 * MIB);
    void *larger = ft_heap_malloc(heap, 30 * MIB);
    size_t all = ft_heap_figures(heap).memory_bytes;
    assert_int_equal(ft_heap_trim(heap), 0);
    ft_heap_free(heap, large);
    size_t given = ft_heap_trim(heap);
    assert_true(given >= 10 * MIB);
    assert_int_equal(ft_heap_figures(heap).memory_bytes, all - given);
    assert_int_equal(bytes_of_malloc(), before + all - given);
    ft_heap_free(heap, larger);
    assert_int_equal(ft_heap_trim(heap), all - given - first);
    assert_int_equal(ft_heap_figures(heap).memory_bytes_max, all);
    assert_int_equal(ft_heap_usable_size(heap, small), 100);
    assert_non_null(ft_heap_malloc(heap, 20 * MIB));
    ft_heap_destroy(heap);
    assert_int_equal(bytes_of_malloc(), before);
}

// ---- what it tells ------------------------------------------------------------------------------

static void figures_are_exact(void **state)
{
    (void)state;
    struct ft_heap *heap = create(NULL);
    void *one = ft_heap_malloc(heap, 1000);
    void *two = ft_heap_calloc(heap, 30, 100);
    two = ft_heap_realloc(heap, two, 5000);
    one = ft_heap_realloc(heap, one, 100);
    struct ft_heap_figures figures = ft_heap_figures(heap);
    assert_int_equal(figures.chunk_count, 2);
    assert_int_equal(figures.used_bytes, 5100);
    assert_int_equal(figures.used_bytes_max, 6000);
    assert_int_equal(figures.limit_bytes, 0);
    assert_int_equal(figures.failure_count, 0);
    ft_heap_free(heap, one);
    assert_null(ft_heap_realloc(heap, two, 0));
    figures = ft_heap_figures(heap);
    assert_int_equal(figures.chunk_count, 0);
    assert_int_equal(figures.used_bytes, 0);
    assert_int_equal(figures.used_bytes_max, 6000);
    ft_heap_destroy(heap);
}

static void expect_tag(const char *given, const char *kept)
{
    struct ft_heap *heap = create(&(struct ft_heap_options){.tag = given});
    struct ft_heap_figures figures = ft_heap_figures(heap);
    assert_string_equal(figures.tag, kept);
    ft_heap_destroy(heap);
}

static void a_tag_is_copied_cut_and_of_one_line(void **state)
{
    (void)state;
    char tag[] = "parser";
    struct ft_heap *heap = create(&(struct ft_heap_options){.tag = tag});
    tag[0] = 'X';
    struct ft_heap_figures figures = ft_heap_figures(heap);
    assert_string_equal(figures.tag, "parser");
    ft_heap_destroy(heap);
    expect_tag(NULL, "");
    expect_tag("", "");
    expect_tag("0123456789012345678901234567890", "0123456789012345678901234567890");
    expect_tag("01234567890123456789012345678901", "0123456789012345678901234567890");
    expect_tag("a\nb\033[2Jc\177\303\251", "a?b?[2Jc?\303\251");
}

static struct ft_heap *shown;

static void show_it(void)
{
    ft_heap_show(shown);
}

static void show_and_walk_tell_every_chunk(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    void *ptrs[COUNT];
    shown = create(NULL);
    uint64_t seed = 9;
    for (size_t index = 0; index < COUNT; index++) {
        ptrs[index] = ft_heap_malloc(shown, random_size(&seed));
    }
    struct show_report report;
    assert_true(show_take(&report, show_it));
    assert_int_equal(report.total_bytes, ft_heap_figures(shown).used_bytes);
    assert_int_equal(report.line_count, COUNT);
    for (size_t index = 0; index < COUNT; index++) {
        const struct show_line *line = show_find(&report, ptrs[index]);
        assert_non_null(line);
        assert_int_equal(line->bytes, ft_heap_usable_size(shown, ptrs[index]));
    }
    struct ft_core_walk walk = {.cursor = {0}};
    struct ft_core_item item;
    size_t count = 0;
    size_t zones = 0;
    while (ft_heap_next(shown, &walk, &item)) {
        if (item.is_zone) {
            zones++;
        } else {
            assert_ptr_equal(item.base, (void *)report.lines[count].start);
            assert_int_equal(item.bytes, report.lines[count].bytes);
            count++;
        }
    }
    assert_int_equal(count, COUNT);
    assert_int_equal(zones, report.zone_count);
    show_drop(&report);
    ft_heap_reset(shown);
    assert_true(show_take(&report, show_it));
    assert_int_equal(report.line_count, 0);
    assert_int_equal(report.total_bytes, 0);
    show_drop(&report);
    ft_heap_destroy(shown);
}

// ---- threads ------------------------------------------------------------------------------------

enum { THREAD_COUNT = 4, STEP_COUNT = 50000 / SHORTER, SHARED_COUNT = 64 };

struct shared {
    struct ft_heap *heap;
    pthread_barrier_t start;
    _Atomic(void *) chunks[SHARED_COUNT]; // of any size from 16 on; its first bytes say so
};

// Swaps chunks with the others through the table, so that most are freed by another thread.
static void *swap_chunks(void *argument)
{
    struct shared *shared = argument;
    uint64_t seed = (uintptr_t)&seed;
    pthread_barrier_wait(&shared->start);
    for (size_t step = 0; step < STEP_COUNT; step++) {
        size_t bytes = 16 + random_size(&seed) / 64;
        size_t *chunk = ft_heap_malloc(shared->heap, bytes);
        if (chunk == NULL) {
            return (void *)1;
        }
        chunk[0] = bytes;
        memset(chunk + 1, 0x5A, bytes - sizeof *chunk);
        size_t *other = __atomic_exchange_n(
            (void **)&shared->chunks[random_below(&seed, SHARED_COUNT)], chunk, __ATOMIC_ACQ_REL);
        if (other != NULL && (ft_heap_usable_size(shared->heap, other) != other[0] ||
                              !bytes_are(other + 1, other[0] - sizeof *other, 0x5A))) {
            return (void *)2;
        }
        if (step % 3 == 0 && other != NULL) {
            size_t kept = other[0];
            other = ft_heap_realloc(shared->heap, other, kept * 2);
            if (other == NULL || !bytes_are(other + 1, kept - sizeof *other, 0x5A)) {
                return (void *)3;
            }
        }
        ft_heap_free(shared->heap, other);
        if (step % 1000 == 0) {
            (void)ft_heap_trim(shared->heap);
        }
    }
    return NULL;
}

static void threads_share_a_heap(void **state)
{
    (void)state;
    static struct shared shared;
    shared.heap = create(&(struct ft_heap_options){.tag = "shared"});
    assert_int_equal(pthread_barrier_init(&shared.start, NULL, THREAD_COUNT), 0);
    pthread_t threads[THREAD_COUNT];
    for (int index = 0; index < THREAD_COUNT; index++) {
        assert_int_equal(pthread_create(&threads[index], NULL, swap_chunks, &shared), 0);
    }
    for (int index = 0; index < THREAD_COUNT; index++) {
        void *result = NULL;
        pthread_join(threads[index], &result);
        assert_null(result);
    }
    size_t count = 0;
    for (size_t index = 0; index < SHARED_COUNT; index++) {
        count += shared.chunks[index] != NULL;
        ft_heap_free(shared.heap, shared.chunks[index]);
    }
    assert_true(count > 0);
    pthread_barrier_destroy(&shared.start);
    assert_int_equal(ft_heap_figures(shared.heap).chunk_count, 0);
    ft_heap_destroy(shared.heap);
}

static void *make_and_destroy_heaps(void *argument)
{
    const size_t *count = argument;
    for (size_t round = 0; round < *count; round++) {
        struct ft_heap *one = ft_heap_create(NULL);
        struct ft_heap *two = ft_heap_create(NULL);
        if (one == NULL || two == NULL || ft_heap_malloc(one, 100) == NULL ||
            ft_heap_malloc(two, 100000) == NULL) {
            return (void *)1;
        }
        ft_heap_destroy(round % 2 == 0 ? one : two);
        ft_heap_destroy(round % 2 == 0 ? two : one);
    }
    return NULL;
}

static void threads_make_and_destroy_heaps_at_once(void **state)
{
    (void)state;
    size_t before = bytes_of_malloc();
    size_t count = 2000 / SHORTER;
    pthread_t threads[THREAD_COUNT];
    for (int index = 0; index < THREAD_COUNT; index++) {
        assert_int_equal(pthread_create(&threads[index], NULL, make_and_destroy_heaps, &count), 0);
    }
    for (int index = 0; index < THREAD_COUNT; index++) {
        void *result = NULL;
        pthread_join(threads[index], &result);
        assert_null(result);
    }
    // A thread's first call may leave chunks of the system's own.
    assert_true(bytes_of_malloc() < before + MIB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_of_the_system_is_had_in_smaller_steps),
        cmocka_unit_test(every_function_does_what_that_of_its_name_does),
        cmocka_unit_test(alignments_up_to_a_mebibyte_are_kept),
        cmocka_unit_test(what_no_heap_can_hold_is_refused_with_enomem),
        cmocka_unit_test(large_chunks_make_it_grow_at_once),
        cmocka_unit_test(a_region_is_added_that_is_large_enough),
        cmocka_unit_test(destroy_gives_all_memory_back),
        cmocka_unit_test(its_regions_are_large_chunks_of_malloc),
        cmocka_unit_test(a_limit_is_never_exceeded_and_frees_make_room_again),
        cmocka_unit_test(nearly_all_of_a_limit_can_be_one_chunk),
        cmocka_unit_test(what_the_last_of_a_limit_cannot_hold_leaves_it_alone),
        cmocka_unit_test(a_chunk_of_another_thread_or_heap_leaves_the_limit_alone),
        cmocka_unit_test(a_buffer_holds_everything),
        cmocka_unit_test(a_buffer_may_just_be_left_when_no_other_thread_is_in_it),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
        cmocka_unit_test(first_bytes_are_taken_at_once),
        cmocka_unit_test(reset_frees_all_chunks_and_keeps_the_memory),
        cmocka_unit_test(trim_gives_back_the_regions_that_nothing_is_in),
        cmocka_unit_test(figures_are_exact),
        cmocka_unit_test(a_tag_is_copied_cut_and_of_one_line),
        cmocka_unit_test(show_and_walk_tell_every_chunk),
        cmocka_unit_test(threads_share_a_heap),
        cmocka_unit_test(threads_make_and_destroy_heaps_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
