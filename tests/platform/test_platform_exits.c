// SPDX-License-Identifier: MIT
// The last word of a thread: leave() comes late, behind the destructors of other keys, and once more
// for a thread that asks again.
//
// Each thread here writes what happens at its end into one text, a letter for each call: e and l for
// the destructors of a key that was made earlier and one that was made later than the platform's, L for
// leave().

#include <limits.h>
#include <string.h>

#include "tests/platform/platform_test.h"

static struct platform_exit thread_exit;
static pthread_key_t earlier;
static pthread_key_t later;

static char events[32];
static size_t event_count;
static void *left_value;

static void note(char event)
{
    if (event_count < sizeof events - 1) {
        events[event_count++] = event;
    }
}

static void leave(void *value)
{
    note('L');
    left_value = value;
}

// How often the destructors of a thread's ordinary keys come back, and what they do at the end.
struct plan {
    size_t earlier_rounds;
    size_t later_rounds;
    char value;
    char other_value;
    bool asks_at_first;
    bool asks_after_leave;
    bool asks_in_first_round;
};

static bool was_refused;

static void ask(char *value)
{
    was_refused = was_refused || !platform_at_thread_exit(&thread_exit, value);
}

static void on_earlier(void *value)
{
    struct plan *plan = value;
    note('e');
    if (--plan->earlier_rounds > 0) {
        pthread_setspecific(earlier, plan);
    }
}

static void on_later(void *value)
{
    struct plan *plan = value;
    note('l');
    if (plan->asks_in_first_round) {
        plan->asks_in_first_round = false;
        ask(&plan->value);
    }
    if (plan->asks_after_leave && strchr(events, 'L') != NULL) {
        plan->asks_after_leave = false;
        ask(&plan->other_value);
    }
    if (--plan->later_rounds > 0) {
        pthread_setspecific(later, plan);
    }
}

static void *end_by_plan(void *argument)
{
    struct plan *plan = argument;
    if (plan->earlier_rounds > 0) {
        pthread_setspecific(earlier, plan);
    }
    if (plan->later_rounds > 0) {
        pthread_setspecific(later, plan);
    }
    if (plan->asks_at_first) {
        ask(&plan->value);
    }
    return NULL;
}

static void run_plan(struct plan *plan)
{
    memset(events, 0, sizeof events);
    event_count = 0;
    left_value = NULL;
    was_refused = false;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, end_by_plan, plan), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_false(was_refused);
}

static int open_between_two_keys(void **state)
{
    (void)state;
    if (pthread_key_create(&earlier, on_earlier) != 0) {
        return 1;
    }
    platform_exit_open(&thread_exit, leave);
    return pthread_key_create(&later, on_later);
}

static void leave_is_called_with_the_value(void **state)
{
    (void)state;
    struct plan plan = {.asks_at_first = true};
    for (int round = 0; round < 3; round++) {
        run_plan(&plan);
        assert_string_equal(events, "L");
        assert_ptr_equal(left_value, &plan.value);
    }
}

static void leave_is_not_called_for_a_thread_that_did_not_ask(void **state)
{
    (void)state;
    struct plan plan = {.earlier_rounds = 1, .later_rounds = 1};
    run_plan(&plan);
    assert_string_equal(events, "el");
}

static void leave_comes_behind_the_destructors_of_earlier_and_later_keys(void **state)
{
    (void)state;
    struct plan plan = {.asks_at_first = true, .earlier_rounds = 1, .later_rounds = 1};
    run_plan(&plan);
    assert_string_equal(events, "elL");
    assert_ptr_equal(left_value, &plan.value);
}

static void leave_comes_behind_destructors_that_come_back(void **state)
{
    (void)state;
    struct plan plan = {.asks_at_first = true, .earlier_rounds = 2, .later_rounds = 2};
    run_plan(&plan);
    assert_string_equal(events, "elelL");
    assert_ptr_equal(left_value, &plan.value);
}

static void leave_comes_for_a_thread_that_first_asks_in_a_destructor(void **state)
{
    (void)state;
    struct plan plan = {.asks_in_first_round = true, .earlier_rounds = 1, .later_rounds = 1};
    if (IS_TSAN) {
        skip(); // which ends a thread before the last round of destructors
    }
    run_plan(&plan);
    assert_string_equal(events, "elL");
    assert_ptr_equal(left_value, &plan.value);
}

static void leave_comes_once_more_for_a_thread_that_asks_again(void **state)
{
    (void)state;
    if (IS_TSAN) {
        skip();
    }
    struct plan plan = {
        .asks_at_first = true,
        .later_rounds = PTHREAD_DESTRUCTOR_ITERATIONS - 1,
        .asks_after_leave = true,
    };
    run_plan(&plan);
    assert_string_equal(events, "llLlL");
    assert_ptr_equal(left_value, &plan.other_value);
}

static void the_second_value_replaces_the_first(void **state)
{
    (void)state;
    // As the thread asks twice, leave() is called once.
    struct plan plan = {.asks_at_first = true, .asks_in_first_round = true, .later_rounds = 1};
    run_plan(&plan);
    assert_string_equal(events, "lL");
    assert_ptr_equal(left_value, &plan.value);
}

static void an_opened_exit_keeps_its_key(void **state)
{
    (void)state;
    assert_true(thread_exit.has_key);
    pthread_key_t key = thread_exit.key;
    platform_exit_open(&thread_exit, leave);
    assert_true(thread_exit.has_key);
    assert_int_equal(thread_exit.key, key);
}

static int ask_where_no_key_is_left(void *argument)
{
    (void)argument;
    struct platform_exit late = {.has_key = false};
    pthread_key_t last = 0;
    size_t taken_count = 0;
    for (pthread_key_t key; pthread_key_create(&key, NULL) == 0; taken_count++) {
        last = key;
    }
    if (taken_count == 0) {
        return 1;
    }
    platform_exit_open(&late, leave);
    char value;
    if (platform_at_thread_exit(&late, &value)) {
        return 2;
    }
    // It was opened, once and for all.
    pthread_key_delete(last);
    platform_exit_open(&late, leave);
    if (platform_at_thread_exit(&late, &value)) {
        return 3;
    }
    // Another one finds the key that is free now.
    struct platform_exit another = {.has_key = false};
    platform_exit_open(&another, leave);
    return platform_at_thread_exit(&another, &value) ? 0 : 4;
}

static void where_all_keys_are_taken_the_answer_is_no(void **state)
{
    (void)state;
    expect_in_child(ask_where_no_key_is_left, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leave_is_called_with_the_value),
        cmocka_unit_test(leave_is_not_called_for_a_thread_that_did_not_ask),
        cmocka_unit_test(leave_comes_behind_the_destructors_of_earlier_and_later_keys),
        cmocka_unit_test(leave_comes_behind_destructors_that_come_back),
        cmocka_unit_test(leave_comes_for_a_thread_that_first_asks_in_a_destructor),
        cmocka_unit_test(leave_comes_once_more_for_a_thread_that_asks_again),
        cmocka_unit_test(the_second_value_replaces_the_first),
        cmocka_unit_test(an_opened_exit_keeps_its_key),
        cmocka_unit_test(where_all_keys_are_taken_the_answer_is_no),
    };
    return cmocka_run_group_tests(tests, open_between_two_keys, NULL);
}
