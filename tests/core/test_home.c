// SPDX-License-Identifier: MIT
// Lists of records that chunks came home to: whole, taken in part, and with a push that was interrupted.
#include "core/home.h"

#include "tests/core/random.h"
#include "tests/core/test.h"

#include <string.h>

enum { COUNT = 40 };

// Offsets count from the first record, which is in no list. None has bitmaps, so that a record's mail is the end of the one
// before.
static struct zone memory[COUNT + 2];
static struct zone *const records = &memory[1];
static struct home_list list;

static void begin(void)
{
    list = (struct home_list){.rest = 0};
    memset(memory, 0, sizeof(memory));
}

static void push(unsigned index)
{
    assert_true(home_announce(&records[index]));
    home_list_push(&list, records, &records[index]);
}

static void expect_taken(unsigned index)
{
    assert_ptr_equal(home_list_take(&list, records), &records[index]);
}

static void expect_none(void)
{
    assert_null(home_list_take(&list, records));
}

// The first half of a push; the second one stores what this returns in the record's link.
static uintptr_t push_half(unsigned index)
{
    assert_true(home_announce(&records[index]));
    atomic_store(&zone_mail(&records[index])->next, HOME_PENDING);
    return atomic_exchange(&list.first, offset_of(records, &records[index]));
}

static void an_empty_list_gives_nothing(void **state)
{
    (void)state;
    begin();
    assert_true(home_list_is_empty(&list));
    expect_none();
    assert_true(home_list_is_empty(&list));
}

static void what_was_pushed_is_taken_once_the_newest_first(void **state)
{
    (void)state;
    begin();
    for (unsigned index = 1; index <= COUNT; index++) {
        push(index);
        assert_false(home_list_is_empty(&list));
    }
    for (unsigned index = COUNT; index != 0; index--) {
        assert_false(home_list_is_empty(&list));
        expect_taken(index);
    }
    assert_true(home_list_is_empty(&list));
    expect_none();
}

static void a_record_is_announced_once_until_it_is_taken(void **state)
{
    (void)state;
    begin();
    push(1);
    push(2);
    assert_false(home_announce(&records[1]));
    assert_false(home_announce(&records[2]));
    expect_taken(2);
    assert_int_equal(zone_mail(&records[2])->announced, 0);
    assert_int_equal(zone_mail(&records[1])->announced, 1); // although its list was taken
    assert_false(home_announce(&records[1]));
    push(2);
    expect_taken(1);
    push(1);
    expect_taken(1);
    expect_taken(2);
    expect_none();
}

static void what_comes_while_a_part_is_left_comes_after_it(void **state)
{
    (void)state;
    begin();
    push(1);
    push(2);
    push(3);
    expect_taken(3);
    push(4);
    push(5);
    expect_taken(2);
    expect_taken(1);
    expect_taken(5);
    push(6);
    expect_taken(4);
    expect_taken(6);
    expect_none();
}

static void a_record_without_its_link_waits_with_all_behind_it(void **state)
{
    (void)state;
    begin();
    push(1);
    push(2);
    uintptr_t link = push_half(3);
    push(4);
    assert_int_equal(link, offset_of(records, &records[2]));
    expect_taken(4);
    for (unsigned attempt = 0; attempt < 3; attempt++) {
        expect_none();
        assert_false(home_list_is_empty(&list));
        assert_int_equal(zone_mail(&records[3])->announced, 1);
    }
    // Others come meanwhile, and wait as well.
    push(5);
    expect_none();
    atomic_store(&zone_mail(&records[3])->next, link);
    expect_taken(3);
    expect_taken(2);
    expect_taken(1);
    expect_taken(5);
    expect_none();
}

static void a_list_of_records_without_links_is_taken_when_they_come(void **state)
{
    (void)state;
    begin();
    uintptr_t links[COUNT + 1];
    for (unsigned index = 1; index <= COUNT; index++) {
        links[index] = push_half(index);
    }
    expect_none();
    for (unsigned index = COUNT; index != 0; index--) {
        atomic_store(&zone_mail(&records[index])->next, links[index]);
        expect_taken(index);
        expect_none();
        assert_int_equal(home_list_is_empty(&list), index == 1);
    }
}

static void a_push_follows_nothing_that_an_older_list_left(void **state)
{
    (void)state;
    begin();
    // What is left of an older list must not be followed.
    zone_mail(&records[1])->next = offset_of(records, &records[2]);
    push(1);
    assert_int_equal(zone_mail(&records[1])->next, 0);
    expect_taken(1);
    expect_none();
}

static void two_lists_share_nothing(void **state)
{
    (void)state;
    begin();
    struct home_list other = {.rest = 0};
    push(1);
    assert_true(home_announce(&records[2]));
    home_list_push(&other, records, &records[2]);
    assert_ptr_equal(home_list_take(&other, records), &records[2]);
    assert_null(home_list_take(&other, records));
    expect_taken(1);
    expect_none();
}

static void what_is_newest_moves_to_another_list(void **state)
{
    (void)state;
    begin();
    struct home_list other = {.rest = 0};
    push(1);
    push(2);
    expect_taken(2); // the rest is this list's
    push(3);
    push(4);
    home_list_move(&other, &list);
    assert_ptr_equal(home_list_take(&other, records), &records[4]);
    push(5);
    assert_ptr_equal(home_list_take(&other, records), &records[3]);
    assert_true(home_list_is_empty(&other));
    expect_taken(1);
    expect_taken(5);
    home_list_move(&other, &list);
    assert_true(home_list_is_empty(&other));
}

static void random_steps_lose_nothing_and_find_nothing_twice(void **state)
{
    (void)state;
    struct random random = random_seeded(301);
    begin();
    uintptr_t links[COUNT + 1] = {0};
    bool is_in[COUNT + 1] = {false};
    bool is_half[COUNT + 1] = {false};
    unsigned taken_count = 0;
    for (unsigned step = 0; step < 200000; step++) {
        unsigned index = 1 + random_below(&random, COUNT);
        assert_int_equal(zone_mail(&records[index])->announced, is_in[index]);
        if (is_half[index]) {
            atomic_store(&zone_mail(&records[index])->next, links[index]);
            is_half[index] = false;
        } else if (!is_in[index] && random_chance(&random, 70)) {
            is_half[index] = random_chance(&random, 30);
            links[index] = is_half[index] ? push_half(index) : 0;
            if (!is_half[index]) {
                push(index);
            }
            is_in[index] = true;
        } else {
            const struct zone *zone = home_list_take(&list, records);
            size_t taken = zone != NULL ? (size_t)(zone - records) : 0;
            assert_true(zone == NULL || (is_in[taken] && !is_half[taken]));
            is_in[taken] = false;
            taken_count += zone != NULL;
        }
    }
    assert_true(taken_count > 20000);
    for (unsigned index = 1; index <= COUNT; index++) {
        if (is_half[index]) {
            atomic_store(&zone_mail(&records[index])->next, links[index]);
        }
    }
    for (struct zone *zone = home_list_take(&list, records); zone != NULL;
         zone = home_list_take(&list, records)) {
        assert_true(is_in[zone - records]);
        is_in[zone - records] = false;
    }
    for (unsigned index = 1; index <= COUNT; index++) {
        assert_false(is_in[index]);
    }
    assert_true(home_list_is_empty(&list));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_list_gives_nothing),
        cmocka_unit_test(what_was_pushed_is_taken_once_the_newest_first),
        cmocka_unit_test(a_record_is_announced_once_until_it_is_taken),
        cmocka_unit_test(what_comes_while_a_part_is_left_comes_after_it),
        cmocka_unit_test(a_record_without_its_link_waits_with_all_behind_it),
        cmocka_unit_test(a_list_of_records_without_links_is_taken_when_they_come),
        cmocka_unit_test(a_push_follows_nothing_that_an_older_list_left),
        cmocka_unit_test(two_lists_share_nothing),
        cmocka_unit_test(what_is_newest_moves_to_another_list),
        cmocka_unit_test(random_steps_lose_nothing_and_find_nothing_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
