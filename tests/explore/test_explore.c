// SPDX-License-Identifier: MIT
// Whether the explorer sees every order, and no other, and says what is wrong with one.
#include "tests/core/test.h"
#include "tests/explore/toys.h"

#include <stdio.h>
#include <string.h>

static struct explore_result explore(const struct explore_scenario *scenario)
{
    static struct explore_result result;
    explore_run(scenario, &result);
    printf("%s: %zu states, %zu steps, %zu endings\n", scenario->name, result.states, result.steps,
           result.endings);
    return result;
}

// What was found must come again when its schedule is played.
static void assert_finds(const struct explore_scenario *scenario, const char *message)
{
    struct explore_result found = explore(scenario);
    assert_true(found.has_failed);
    assert_string_equal(found.message, message);
    static struct explore_result again;
    assert_true(explore_replay(scenario, found.schedule, true, &again));
    assert_true(again.has_failed);
    assert_string_equal(again.message, message);
}

static void assert_good(const struct explore_scenario *scenario, size_t endings)
{
    struct explore_result result = explore(scenario);
    assert_false(result.has_failed);
    assert_int_equal(result.endings, endings);
}

static void explorer_finds_a_lost_update(void **state)
{
    (void)state;
    assert_finds(&toy_load_and_store, "the number is 1");
}

static void explorer_finds_nothing_wrong_with_one_access(void **state)
{
    (void)state;
    assert_good(&toy_fetch_and_add, 1);
}

static void explorer_knows_the_lock(void **state)
{
    (void)state;
    assert_good(&toy_locked, 1);
}

static void explorer_sees_just_what_sequential_consistency_allows(void **state)
{
    (void)state;
    toy_looks_seen = 0;
    assert_good(&toy_looks, 3);
    assert_int_equal(toy_looks_seen, 1 << 1 | 1 << 2 | 1 << 3);
}

static void explorer_finds_what_was_given_back_twice(void **state)
{
    (void)state;
    assert_good(&toy_give_by_compare, 2);
    assert_finds(&toy_give_by_store, "given back 2 times");
}

static void explorer_finds_a_bit_that_nobody_takes(void **state)
{
    (void)state;
    assert_false(explore(&toy_clear_before).has_failed);
    struct explore_result found = explore(&toy_clear_after);
    assert_true(found.has_failed);
    assert_non_null(strstr(found.message, "taken is"));
}

// Each fiber has made 0 to TOY_STORES stores, and each state is entered by every step that leads to it.
static void explorer_sees_each_state_once(void **state)
{
    (void)state;
    struct explore_result result = explore(&toy_apart);
    assert_false(result.has_failed);
    assert_int_equal(result.states, (TOY_STORES + 1) * (TOY_STORES + 1));
    assert_int_equal(result.steps, 2 * TOY_STORES * (TOY_STORES + 1));
    assert_int_equal(result.deepest, 2 * TOY_STORES);
    assert_int_equal(result.endings, 1);
    assert_false(result.is_partial);
    struct explore_scenario limited = toy_apart;
    limited.states_max = TOY_STORES;
    result = explore(&limited);
    assert_true(result.is_partial);
    assert_int_equal(result.states, TOY_STORES + 1);
}

static void explorer_is_not_caught_in_a_loop(void **state)
{
    (void)state;
    struct explore_result result = explore(&toy_endless);
    assert_true(result.has_failed);
    assert_string_equal(result.message, "an execution has more than 2000 steps");
    assert_finds(&toy_turns, "it does not end");
    result = explore(&toy_waits);
    assert_false(result.has_failed);
    assert_int_equal(result.endings, 1);
}

static void explorer_keeps_what_fibers_hold(void **state)
{
    (void)state;
    assert_good(&toy_locals, 1);
}

static void explorer_finds_who_breaks_the_rules_of_the_lock(void **state)
{
    (void)state;
    assert_finds(&toy_takes_twice, "all fibers wait for the lock");
    assert_finds(&toy_keeps, "a fiber ends, and holds the lock");
    assert_finds(&toy_lets_go, "a fiber lets go of the lock, and has not taken it");
}

static void explorer_finds_a_race(void **state)
{
    (void)state;
    assert_false(explore(&toy_reads_after).has_failed);
    assert_false(explore(&toy_reads_locked).has_failed);
    assert_finds(&toy_reads_relaxed, "plain accesses of writes and reads race");
    assert_finds(&toy_reads_anyway, "plain accesses of writes and reads race");
}

static void explorer_finds_a_trap(void **state)
{
    (void)state;
    struct explore_result found = explore(&toy_traps);
    assert_true(found.has_failed);
    assert_non_null(strstr(found.message, "it stops by signal"));
    assert_string_equal(found.schedule, "bba");
    found = explore(&toy_verdict_traps);
    assert_true(found.has_failed);
}

static void explorer_plays_no_schedule_that_cannot_be(void **state)
{
    (void)state;
    static struct explore_result result;
    assert_true(explore_replay(&toy_fetch_and_add, "ab", false, &result));
    assert_int_equal(result.endings, 1);
    assert_false(explore_replay(&toy_fetch_and_add, "aa", false, &result));
    assert_false(explore_replay(&toy_fetch_and_add, "c", false, &result));
    assert_false(explore_replay(&toy_locked, "ab", false, &result));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(explorer_finds_a_lost_update),
        cmocka_unit_test(explorer_finds_nothing_wrong_with_one_access),
        cmocka_unit_test(explorer_knows_the_lock),
        cmocka_unit_test(explorer_sees_just_what_sequential_consistency_allows),
        cmocka_unit_test(explorer_finds_what_was_given_back_twice),
        cmocka_unit_test(explorer_finds_a_bit_that_nobody_takes),
        cmocka_unit_test(explorer_sees_each_state_once),
        cmocka_unit_test(explorer_is_not_caught_in_a_loop),
        cmocka_unit_test(explorer_keeps_what_fibers_hold),
        cmocka_unit_test(explorer_finds_who_breaks_the_rules_of_the_lock),
        cmocka_unit_test(explorer_finds_a_race),
        cmocka_unit_test(explorer_finds_a_trap),
        cmocka_unit_test(explorer_plays_no_schedule_that_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
