// SPDX-License-Identifier: MIT
#include "core/backtrace.h"

#include "tests/core/random.h"
#include "tests/core/test.h"

#include <string.h>

enum { WORDS = 512, BASE = 1 << 20, CODE = 1 << 24 };

// A stack that is said to lie at BASE.
static _Alignas(16) uintptr_t stack[WORDS];

static uintptr_t at(size_t word)
{
    return BASE + word * sizeof(uintptr_t);
}

static void put(size_t word, uintptr_t up, uintptr_t code)
{
    stack[word] = up;
    stack[word + 1] = code;
}

// A chain of records, `step` words apart from word `first` on, whose code says where they are.
static size_t put_chain(size_t first, size_t step, size_t count)
{
    for (size_t index = 0; index < count; index++) {
        size_t word = first + index * step;
        put(word, index + 1 < count ? at(word + step) : 0, CODE + word);
    }
    return count;
}

static bool follow_all(struct backtrace *trace)
{
    return backtrace_follow(trace, stack, BASE, sizeof(stack));
}

static int clear(void **state)
{
    (void)state;
    memset(stack, 0, sizeof(stack));
    return 0;
}

static void a_chain_is_followed_to_its_end(void **state)
{
    (void)state;
    put_chain(10, 4, 20);
    struct backtrace trace;
    backtrace_begin(&trace, at(10));
    assert_false(follow_all(&trace));
    assert_int_equal(trace.count, 20);
    for (size_t index = 0; index < 20; index++) {
        assert_int_equal(trace.frames[index], CODE + 10 + index * 4);
    }
    assert_false(follow_all(&trace));
    assert_int_equal(trace.count, 20);
}

static void only_so_many_frames_are_kept(void **state)
{
    (void)state;
    for (size_t count = BACKTRACE_FRAMES_MAX - 1; count <= BACKTRACE_FRAMES_MAX + 2; count++) {
        clear(NULL);
        put_chain(0, 2, count);
        struct backtrace trace;
        backtrace_begin(&trace, at(0));
        assert_false(follow_all(&trace));
        assert_int_equal(trace.count, count < BACKTRACE_FRAMES_MAX ? count : BACKTRACE_FRAMES_MAX);
    }
}

// Follows a chain of three whose second record leads to `up`; how many frames that gives.
static size_t count_with(uintptr_t up)
{
    put_chain(100, 10, 3);
    stack[110] = up;
    struct backtrace trace;
    backtrace_begin(&trace, at(100));
    (void)follow_all(&trace);
    return trace.count;
}

static void what_is_no_record_ends_it(void **state)
{
    (void)state;
    assert_int_equal(count_with(at(120)), 3);
    assert_int_equal(count_with(0), 2);
    assert_int_equal(count_with(at(120) + 1), 2);
    assert_int_equal(count_with(at(121)), 2); // half a record too far
    assert_int_equal(count_with(at(110)), 2); // itself
    assert_int_equal(count_with(at(108)), 2);
    assert_int_equal(count_with(at(100)), 2);
    assert_int_equal(count_with(1), 2);
    assert_int_equal(count_with(UINTPTR_MAX), 2);
}

static void a_beginning_that_is_no_record_gives_nothing(void **state)
{
    (void)state;
    put_chain(100, 10, 3);
    const uintptr_t wrong[] = {0, 1, at(100) + 4, at(101)};
    for (size_t index = 0; index < sizeof(wrong) / sizeof(*wrong); index++) {
        struct backtrace trace;
        backtrace_begin(&trace, wrong[index]);
        assert_int_equal(trace.next, 0);
        assert_false(follow_all(&trace));
        assert_int_equal(trace.count, 0);
    }
}

static void where_no_code_can_be_it_ends(void **state)
{
    (void)state;
    const uintptr_t codes[] = {0, 1, 4095};
    for (size_t index = 0; index < 3; index++) {
        put_chain(100, 10, 3);
        stack[111] = codes[index];
        struct backtrace trace;
        backtrace_begin(&trace, at(100));
        assert_false(follow_all(&trace));
        assert_int_equal(trace.count, 1);
    }
    stack[111] = 4096;
    struct backtrace trace;
    backtrace_begin(&trace, at(100));
    assert_false(follow_all(&trace));
    assert_int_equal(trace.count, 3);
}

static void beyond_a_window_another_may_follow(void **state)
{
    (void)state;
    put_chain(100, 10, 30);
    for (size_t piece = 2; piece < 40; piece += 2) {
        struct backtrace trace;
        backtrace_begin(&trace, at(100));
        size_t windows = 0;
        bool goes_on = true;
        while (goes_on) {
            size_t word = (trace.next - BASE) / sizeof(uintptr_t);
            size_t count = trace.count;
            goes_on = backtrace_follow(&trace, &stack[word], trace.next, piece * sizeof(uintptr_t));
            assert_true(trace.count > count);
            windows++;
        }
        assert_int_equal(trace.count, 30);
        assert_int_equal(windows, (30 + (piece + 8) / 10 - 1) / ((piece + 8) / 10));
    }
}

static void outside_a_window_nothing_is_read(void **state)
{
    (void)state;
    put_chain(100, 10, 3);
    struct backtrace trace;
    backtrace_begin(&trace, at(100));
    assert_true(backtrace_follow(&trace, NULL, BASE, 0));
    assert_true(backtrace_follow(&trace, NULL, at(102), 100));
    assert_true(backtrace_follow(&trace, NULL, at(0), 100 * sizeof(uintptr_t)));
    // half of the record
    assert_true(backtrace_follow(&trace, NULL, at(0), 101 * sizeof(uintptr_t)));
    assert_int_equal(trace.count, 0);
    assert_int_equal(trace.next, at(100));
    assert_true(backtrace_follow(&trace, stack, BASE, 102 * sizeof(uintptr_t)));
    assert_int_equal(trace.count, 1);
    assert_int_equal(trace.next, at(110));
}

// Whatever a stack holds: the walk ends, goes upwards, and reads nothing but its window.
static void any_stack_is_walked_to_an_end(void **state)
{
    (void)state;
    struct random random = random_seeded(42);
    for (unsigned round = 0; round < 20000; round++) {
        for (size_t word = 0; word < WORDS; word++) {
            switch (random_below(&random, 4)) {
            case 0: stack[word] = at(random_below(&random, WORDS + 8)); break;
            case 1: stack[word] = at(word + 2 * random_below(&random, 8)) & ~(uintptr_t)15; break;
            case 2: stack[word] = (uintptr_t)random_next(&random); break;
            default: stack[word] = random_below(&random, 8192);
            }
        }
        size_t first = random_below(&random, WORDS);
        size_t bytes =
            random_below(&random, (uint32_t)(sizeof(stack) - first * sizeof(uintptr_t) + 1));
        struct backtrace trace;
        backtrace_begin(&trace, at(first));
        uintptr_t before = 0;
        while (trace.next > before && trace.next < at(first) + bytes) {
            before = trace.next;
            size_t count = trace.count;
            if (!backtrace_follow(&trace, &stack[first], at(first), bytes)) {
                break;
            }
            assert_true(trace.next > before || count == trace.count);
        }
        assert_in_range(trace.count, 0, BACKTRACE_FRAMES_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_chain_is_followed_to_its_end, clear),
        cmocka_unit_test_setup(only_so_many_frames_are_kept, clear),
        cmocka_unit_test_setup(what_is_no_record_ends_it, clear),
        cmocka_unit_test_setup(a_beginning_that_is_no_record_gives_nothing, clear),
        cmocka_unit_test_setup(where_no_code_can_be_it_ends, clear),
        cmocka_unit_test_setup(beyond_a_window_another_may_follow, clear),
        cmocka_unit_test_setup(outside_a_window_nothing_is_read, clear),
        cmocka_unit_test_setup(any_stack_is_walked_to_an_end, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
