// SPDX-License-Identifier: MIT
// glibc's questions about the heap, as its own header declares them: mallinfo, mallinfo2, malloc_info, malloc_stats,
// mallopt. malloc_info's XML is read by a program in test_stats_read.py.

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/api/child.h"
#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/entry.h"

// glibc would rather see mallinfo2.
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

static struct child child;

// ---- mallinfo2 ----------------------------------------------------------------------------------

// Our own declaration of what glibc's header declares.
_Static_assert(sizeof(struct ft_mallinfo2) == 10 * sizeof(size_t), "as glibc's");
_Static_assert(offsetof(struct ft_mallinfo2, hblks) == 3 * sizeof(size_t), "as glibc's");
_Static_assert(offsetof(struct ft_mallinfo2, uordblks) == 7 * sizeof(size_t), "as glibc's");
_Static_assert(offsetof(struct ft_mallinfo2, keepcost) == 9 * sizeof(size_t), "as glibc's");
_Static_assert(sizeof(struct ft_mallinfo) == 10 * sizeof(int), "as glibc's");

static void mallinfo2_moves_with_every_chunk(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    static const size_t sizes[] = {1, 42, 1000, 4000, 40000, 1000000};
    static void *ptrs[COUNT];
    for (size_t size = 0; size < sizeof(sizes) / sizeof(sizes[0]); size++) {
        struct mallinfo2 before = mallinfo2();
        for (size_t index = 0; index < COUNT; index++) {
            ptrs[index] = launder(malloc(sizes[size]));
        }
        struct mallinfo2 between = mallinfo2();
        size_t least = COUNT * sizes[size];
        // Rounding: 16 bytes or a quarter; of a run less than a unit.
        size_t most =
            COUNT * (sizes[size] + 16 + sizes[size] / 4 + (sizes[size] > 1024 ? 65536 : 0));
        assert_in_range(between.uordblks - before.uordblks, least, most);
        for (size_t index = 0; index < COUNT; index++) {
            free(ptrs[index]);
        }
        struct mallinfo2 after = mallinfo2();
        assert_int_equal(after.uordblks, before.uordblks);
        assert_int_equal(after.hblks, before.hblks);
        assert_in_range(after.fordblks - between.fordblks, least, SIZE_MAX / 2);
        assert_true(after.arena >= after.uordblks + after.fordblks);
        assert_int_equal(after.usmblks, 0);
    }
}

static void a_chunk_at_hand_is_told_as_one(void **state)
{
    (void)state;
    void *ptr = launder(malloc(100));
    struct mallinfo2 before = mallinfo2();
    free(ptr);
    struct mallinfo2 after = mallinfo2();
    assert_int_equal(after.smblks, before.smblks + 1);
    assert_int_equal(after.fsmblks, before.fsmblks + malloc_good_size(100));
    assert_int_equal(after.fordblks, before.fordblks + malloc_good_size(100));
    assert_int_equal(after.uordblks, before.uordblks - malloc_good_size(100));
    assert_int_equal(after.arena, before.arena);
}

static void a_mapping_is_told_apart(void **state)
{
    (void)state;
    enum { BYTES = 300000001 };
    struct mallinfo2 before = mallinfo2();
    void *ptr = launder(malloc(BYTES));
    assert_non_null(ptr);
    struct mallinfo2 between = mallinfo2();
    assert_int_equal(between.hblks, before.hblks + 1);
    assert_in_range(between.hblkhd - before.hblkhd, BYTES, BYTES + 65536);
    assert_int_equal(between.uordblks, before.uordblks);
    free(ptr);
    struct mallinfo2 after = mallinfo2();
    assert_int_equal(after.hblks, before.hblks);
    assert_int_equal(after.hblkhd, before.hblkhd);
}

static void mallinfo_is_the_same_as_far_as_an_int_goes(void **state)
{
    (void)state;
    struct mallinfo2 wide = mallinfo2();
    struct mallinfo info = mallinfo();
    assert_int_equal(info.arena, wide.arena);
    assert_int_equal(info.ordblks, wide.ordblks);
    assert_int_equal(info.smblks, wide.smblks);
    assert_int_equal(info.hblks, wide.hblks);
    assert_int_equal(info.hblkhd, wide.hblkhd);
    assert_int_equal(info.fsmblks, wide.fsmblks);
    assert_int_equal(info.uordblks, wide.uordblks);
    assert_int_equal(info.fordblks, wide.fordblks);
    assert_int_equal(info.keepcost, wide.keepcost);
    void *ptr = launder(malloc(any_size((size_t)INT_MAX + 4096)));
    if (ptr == NULL) {
        skip(); // the machine has not so much to promise
    }
    assert_int_equal(mallinfo().hblkhd, INT_MAX);
    assert_true(mallinfo2().hblkhd > INT_MAX);
    free(ptr);
}

// ---- malloc_info --------------------------------------------------------------------------------

static void malloc_info_has_the_elements_of_glibcs(void **state)
{
    (void)state;
    static const char *const elements[] = {
        "<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n",
        "  <size from=\"",
        "</sizes>\n<total type=\"fast\" count=\"",
        "<total type=\"rest\" count=\"",
        "<system type=\"current\" size=\"",
        "<system type=\"max\" size=\"",
        "<aspace type=\"total\" size=\"",
        "<aspace type=\"mprotect\" size=\"",
        "</heap>\n<total type=\"fast\" count=\"",
        "<total type=\"mmap\" count=\"",
        "</malloc>\n",
    };
    static char text[16384];
    FILE *stream = fmemopen(text, sizeof(text), "w");
    assert_non_null(stream);
    assert_int_equal(malloc_info(0, stream), 0);
    fclose(stream);
    const char *from = text;
    for (size_t index = 0; index < sizeof(elements) / sizeof(elements[0]); index++) {
        from = strstr(from, elements[index]);
        assert_non_null(from);
        from += strlen(elements[index]);
    }
    assert_int_equal(*from, '\0');
}

static void malloc_info_refuses_options_and_tells_of_failure(void **state)
{
    (void)state;
    assert_int_equal(malloc_info(1, stdout), EINVAL);
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    setvbuf(full, NULL, _IONBF, 0);
    assert_int_equal(malloc_info(0, full), -1);
    fclose(full);
}

// Asks where every write would be a cancellation point. Sets what it was given when it has not been cancelled there.
static void *ask_while_cancelled(void *argument)
{
    bool *went_on = argument;
    FILE *stream = fopen("/dev/null", "w");
    setvbuf(stream, NULL, _IONBF, 0);
    pthread_cancel(pthread_self());
    int result = malloc_info(0, stream);
    malloc_stats();
    int state;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    *went_on = result == 0 && state == PTHREAD_CANCEL_ENABLE;
    fclose(stream);
    return NULL;
}

static void no_question_is_a_cancellation_point(void **state)
{
    (void)state;
    bool went_on = false;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, ask_while_cancelled, &went_on), 0);
    pthread_join(thread, NULL);
    assert_true(went_on);
}

// ---- malloc_stats -------------------------------------------------------------------------------

static int call_malloc_stats(void *argument)
{
    errno = 1234;
    malloc_stats();
    return argument == NULL && errno == 1234 ? 0 : 1;
}

static void malloc_stats_writes_to_standard_error(void **state)
{
    (void)state;
    child_call(&child, call_malloc_stats, NULL);
    assert_true(child_exited_with(&child, 0));
    assert_int_equal(child.out[0], '\0');
    assert_int_equal(text_line_count(child.err), 8);
    struct mallinfo2 info = mallinfo2();
    char expected[200];
    snprintf(expected, sizeof(expected),
             "Arena 0:\nsystem bytes     = %10zu\nin use bytes     = %10zu\n"
             "Total (incl. mmap):\nsystem bytes     = %10zu\n",
             info.arena, info.uordblks, info.arena + info.hblkhd);
    assert_memory_equal(child.err, expected, strlen(expected));
}

// ---- mallopt ------------------------------------------------------------------------------------

static int answer_as_glibc(void *argument)
{
    static const struct {
        int parameter, value, answer;
    } rows[] = {
        {M_MXFAST, 0, 1},
        {M_MXFAST, 160, 1},
        {M_MXFAST, 161, 0},
        {M_MXFAST, -1, 0},
        {M_NLBLKS, 1, 1},
        {M_GRAIN, 1, 1},
        {M_KEEP, 1, 1},
        {M_TOP_PAD, 4096, 1},
        {M_MMAP_MAX, 0, 1},
        {M_CHECK_ACTION, 3, 1},
        {M_PERTURB, 85, 1},
        {M_ARENA_TEST, 2, 1},
        {M_ARENA_MAX, 1, 1},
        {M_TRIM_THRESHOLD, 0, 1},
        {M_TRIM_THRESHOLD, -1, 1},
        {M_MMAP_THRESHOLD, 0, 1},
        {M_MMAP_THRESHOLD, 256 << 20, 1},
        {M_MMAP_THRESHOLD, (256 << 20) + 1, 0},
        {M_MMAP_THRESHOLD, -1, 0},
        {-9, 1, 0},
        {99, 1, 0},
        {0, 0, 0},
    };
    (void)argument;
    int wrong = 0;
    for (size_t index = 0; index < sizeof(rows) / sizeof(rows[0]); index++) {
        wrong += mallopt(rows[index].parameter, rows[index].value) != rows[index].answer;
    }
    return wrong;
}

static void mallopt_answers_for_each_parameter(void **state)
{
    (void)state;
    child_call(&child, answer_as_glibc, NULL);
    assert_true(child_exited_with(&child, 0));
}

// How many of a chunk of so many bytes are mappings.
static size_t mappings_of(size_t bytes)
{
    size_t before = mallinfo2().hblks;
    void *ptr = launder(malloc(bytes));
    size_t count = mallinfo2().hblks - before;
    free(ptr);
    return count;
}

static int map_above_a_threshold(void *argument)
{
    (void)argument;
    enum { THRESHOLD = 500000, LEAST = 32768 };
    bool good = mappings_of(THRESHOLD + 100000) == 0;
    good = good && mallopt(M_MMAP_THRESHOLD, THRESHOLD) == 1;
    good = good && mappings_of(THRESHOLD + 100000) == 1 && mappings_of(THRESHOLD - 1) == 0;
    // Chunks of zones are never mappings.
    good = good && mallopt(M_MMAP_THRESHOLD, 0) == 1;
    good = good && mappings_of(LEAST) == 0 && mappings_of(LEAST + 100000) == 1;
    return good ? 0 : 1;
}

static void the_mmap_threshold_is_heeded(void **state)
{
    (void)state;
    child_call(&child, map_above_a_threshold, NULL);
    assert_true(child_exited_with(&child, 0));
}

// What stays of a large chunk that was used and freed, by the threshold for trimming.
static size_t kept_at(int threshold)
{
    enum { BYTES = 200 << 20 };
    mallopt(M_TRIM_THRESHOLD, threshold);
    char *ptr = launder(malloc(BYTES));
    if (ptr == NULL) {
        return SIZE_MAX;
    }
    ptr[0] = 1;
    free(ptr);
    return mallinfo2().keepcost;
}

static int keep_what_the_threshold_says(void *argument)
{
    (void)argument;
    return kept_at(-1) >= (size_t)200 << 20 && kept_at(0) <= (size_t)20 << 20 ? 0 : 1;
}

static void the_trim_threshold_is_heeded(void **state)
{
    (void)state;
    child_call(&child, keep_what_the_threshold_says, NULL);
    assert_true(child_exited_with(&child, 0));
}

// A thread that begins after the threshold was set: its heap is as any other.
static void *churn(void *argument)
{
    enum { COUNT = 4000 };
    uint64_t seed = (uintptr_t)argument;
    unsigned char **ptrs = malloc(COUNT * sizeof(*ptrs));
    uintptr_t wrong = 0;
    for (unsigned round = 0; round < 6; round++) {
        for (size_t index = 0; index < COUNT; index++) {
            size_t bytes = sizeof(size_t) + random_below(&seed, 3000);
            ptrs[index] = malloc(bytes);
            pattern_fill(ptrs[index], bytes, index);
            memcpy(ptrs[index], &bytes, sizeof(bytes));
        }
        for (size_t index = 0; index < COUNT; index++) {
            size_t bytes;
            memcpy(&bytes, ptrs[index], sizeof(bytes));
            wrong += malloc_usable_size(ptrs[index]) != bytes;
            free(ptrs[index]);
        }
    }
    free(ptrs);
    return (void *)wrong;
}

static int change_the_threshold_under_threads(void *argument)
{
    (void)argument;
    enum { THREADS = 4 };
    static const int thresholds[] = {-1, 0, -1, 1 << 20};
    uintptr_t wrong = 0;
    for (size_t round = 0; round < sizeof(thresholds) / sizeof(thresholds[0]); round++) {
        pthread_t threads[THREADS];
        for (uintptr_t index = 0; index < THREADS; index++) {
            pthread_create(&threads[index], NULL, churn, (void *)(index + 1));
            mallopt(M_TRIM_THRESHOLD, thresholds[round]);
        }
        for (uintptr_t index = 0; index < THREADS; index++) {
            void *result;
            pthread_join(threads[index], &result);
            wrong += (uintptr_t)result;
        }
    }
    return wrong == 0 ? 0 : 1;
}

static void the_trim_threshold_may_change_while_threads_begin_and_end(void **state)
{
    (void)state;
    assert_int_equal(change_the_threshold_under_threads(NULL), 0);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mallinfo2_moves_with_every_chunk),
        cmocka_unit_test(a_chunk_at_hand_is_told_as_one),
        cmocka_unit_test(a_mapping_is_told_apart),
        cmocka_unit_test(mallinfo_is_the_same_as_far_as_an_int_goes),
        cmocka_unit_test(malloc_info_has_the_elements_of_glibcs),
        cmocka_unit_test(malloc_info_refuses_options_and_tells_of_failure),
        cmocka_unit_test(no_question_is_a_cancellation_point),
        cmocka_unit_test(malloc_stats_writes_to_standard_error),
        cmocka_unit_test(mallopt_answers_for_each_parameter),
        cmocka_unit_test(the_mmap_threshold_is_heeded),
        cmocka_unit_test(the_trim_threshold_is_heeded),
        cmocka_unit_test(the_trim_threshold_may_change_while_threads_begin_and_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
