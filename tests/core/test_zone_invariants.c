// SPDX-License-Identifier: MIT
// Breaks each invariant of a zone on purpose, and wants zone_is_valid() to notice.
#include "core/zone.h"
#include "tests/core/test.h"
#include "tests/core/zone_record.h"

#include <string.h>

enum { TAKEN = 140, WORD = sizeof(uintptr_t) * 8 };

// A zone with free chunks (0, 70), stacked ones (1, 71), live ones, two on their way home (2, 3) and fresh
// ones (from 140 on).
static struct zone_record zone_in_use(unsigned size_class)
{
    struct zone_record record = zone_record_new(size_class, 1 << 20, true);
    struct chunk_entry entries[TAKEN];
    assert_int_equal(zone_take(record.zone, entries, TAKEN), TAKEN);
    for (uint32_t index = 0; index < TAKEN; index++) {
        zone_set_state(record.zone, index, STATE_LIVE + index % 10);
    }
    zone_record_send_home(&record, 2);
    assert_true(zone_claim(record.zone, 3)); // and one (3) that is not sent yet
    zone_set_state(record.zone, 1, STATE_FREED);
    zone_set_state(record.zone, 71, STATE_FREED);
    zone_set_state(record.zone, 0, STATE_FREED);
    zone_give(record.zone, 0);
    zone_set_state(record.zone, 70, STATE_FREED);
    zone_give(record.zone, 70);
    assert_true(zone_is_valid(record.zone));
    return record;
}

typedef void breaker(struct zone_record *record);

// Whether the checker notices what `breaks` does, in a TINY and in a SMALL zone.
static void expect_noticed(breaker *breaks)
{
    const unsigned classes[] = {3, SIZE_CLASS_TINY_COUNT - 1, SIZE_CLASS_TINY_COUNT, 26};
    for (unsigned sample = 0; sample < 4; sample++) {
        struct zone_record record = zone_in_use(classes[sample]);
        breaks(&record);
        assert_false(zone_is_valid(record.zone));
        zone_record_delete(&record);
    }
}

static void one_free_more(struct zone_record *record)
{
    record->zone->free_count++;
}

static void one_free_less(struct zone_record *record)
{
    record->zone->free_count--;
}

static void a_lost_free_bit(struct zone_record *record)
{
    zone_record_free_words(record)[1] = 0;
}

static void a_free_bit_at_fresh_index(struct zone_record *record)
{
    zone_record_free_words(record)[TAKEN / WORD] |= (uintptr_t)1 << TAKEN % WORD;
    record->zone->free_count++;
}

static void a_hint_above_a_free_bit(struct zone_record *record)
{
    record->zone->hint = 2;
}

static void a_live_chunk_with_a_free_bit(struct zone_record *record)
{
    zone_record_free_words(record)[1] |= (uintptr_t)1 << 20;
    record->zone->free_count++;
}

static void a_free_chunk_that_became_live(struct zone_record *record)
{
    zone_set_state(record->zone, 70, STATE_LIVE);
}

static void a_chunk_on_its_way_with_a_free_bit(struct zone_record *record)
{
    zone_record_free_words(record)[0] |= (uintptr_t)1 << 2;
    record->zone->free_count++;
}

static void a_live_chunk_above_fresh_index(struct zone_record *record)
{
    zone_set_state(record->zone, TAKEN + 5, STATE_LIVE + 1);
}

static void a_fresh_index_that_is_too_low(struct zone_record *record)
{
    record->zone->fresh_index = TAKEN - 1;
}

static void a_fresh_index_beyond_the_zone(struct zone_record *record)
{
    record->zone->fresh_index = record->zone->chunk_count + 1;
}

static void fresh_and_freed_above_fresh_index(struct zone_record *record)
{
    // The zone was cut from either zeroed or dirty memory, not from both.
    zone_set_state(record->zone, TAKEN + 5, STATE_FREED);
}

static void a_home_bit_of_a_live_chunk(struct zone_record *record)
{
    zone_record_home_words(record)[1] |= (uintptr_t)1 << 9;
}

static void a_home_bit_of_a_stacked_chunk(struct zone_record *record)
{
    zone_record_home_words(record)[0] |= (uintptr_t)1 << 1;
}

static void a_home_bit_of_a_free_chunk(struct zone_record *record)
{
    zone_record_home_words(record)[0] |= 1;
}

static void a_home_bit_of_a_fresh_chunk(struct zone_record *record)
{
    zone_record_home_words(record)[TAKEN / WORD] |= (uintptr_t)1 << TAKEN % WORD;
}

static void a_chunk_that_was_sent_and_is_live(struct zone_record *record)
{
    zone_set_state(record->zone, 2, STATE_LIVE);
}

static void another_reciprocal(struct zone_record *record)
{
    record->zone->reciprocal++;
}

static void another_bound(struct zone_record *record)
{
    record->zone->bound += 7;
}

static void another_chunk_size(struct zone_record *record)
{
    record->zone->chunk_bytes += 16;
}

static void more_free_than_were_handed_out(struct zone_record *record)
{
    record->zone->free_count = record->zone->fresh_index + 1;
}

static void no_bound(struct zone_record *record)
{
    record->zone->bound = 0;
}

static void a_bound_of_another_count(struct zone_record *record)
{
    struct zone *zone = record->zone;
    zone->bound = reciprocal_bound(zone->reciprocal, zone->chunk_bytes, zone->chunk_count - 1);
}

static void all_freed_above_fresh_index_but_the_last(struct zone_record *record)
{
    struct zone *zone = record->zone;
    for (uint32_t index = TAKEN; index + 1 < zone->chunk_count; index++) {
        zone_set_state(zone, index, STATE_FREED);
    }
}

static void more_known_to_be_zero_than_are(struct zone_record *record)
{
    record->zone->clean_count = 1; // both free chunks were freed
}

static void one_of_several_that_are_zero_became_dirty(struct zone_record *record)
{
    zone_set_state(record->zone, 0, STATE_FRESH);
    zone_set_state(record->zone, 70, STATE_FRESH);
    record->zone->clean_count = 2;
    assert_true(zone_is_valid(record->zone));
    zone_set_state(record->zone, 70, STATE_FREED);
}

static void one_that_is_zero_left_and_is_still_counted(struct zone_record *record)
{
    zone_set_state(record->zone, 0, STATE_FRESH);
    record->zone->clean_count = 1;
    assert_true(zone_is_valid(record->zone));
    zone_record_free_words(record)[0] &= ~(uintptr_t)1;
    record->zone->free_count--;
}

static void zone_is_valid_checks_z1(void **state)
{
    (void)state;
    expect_noticed(one_free_more);
    expect_noticed(one_free_less);
    expect_noticed(a_lost_free_bit);
    expect_noticed(a_free_bit_at_fresh_index);
    expect_noticed(a_hint_above_a_free_bit);
    expect_noticed(more_free_than_were_handed_out);
}

static void zone_is_valid_checks_z2(void **state)
{
    (void)state;
    expect_noticed(a_live_chunk_with_a_free_bit);
    expect_noticed(a_free_chunk_that_became_live);
    expect_noticed(a_chunk_on_its_way_with_a_free_bit);
}

static void zone_is_valid_checks_z3(void **state)
{
    (void)state;
    expect_noticed(a_live_chunk_above_fresh_index);
    expect_noticed(a_fresh_index_that_is_too_low);
    expect_noticed(a_fresh_index_beyond_the_zone);
    expect_noticed(fresh_and_freed_above_fresh_index);
    expect_noticed(all_freed_above_fresh_index_but_the_last);
}

static void zone_is_valid_checks_z4(void **state)
{
    (void)state;
    expect_noticed(a_home_bit_of_a_live_chunk);
    expect_noticed(a_home_bit_of_a_stacked_chunk);
    expect_noticed(a_home_bit_of_a_free_chunk);
    expect_noticed(a_home_bit_of_a_fresh_chunk);
    expect_noticed(a_chunk_that_was_sent_and_is_live);
}

static void zone_is_valid_checks_z5(void **state)
{
    (void)state;
    expect_noticed(another_reciprocal);
    expect_noticed(another_bound);
    expect_noticed(another_chunk_size);
    expect_noticed(no_bound);
    expect_noticed(a_bound_of_another_count);
}

static void zone_is_valid_checks_z6(void **state)
{
    (void)state;
    expect_noticed(more_known_to_be_zero_than_are);
    expect_noticed(one_of_several_that_are_zero_became_dirty);
    expect_noticed(one_that_is_zero_left_and_is_still_counted);
}

// The count is a lower bound: chunks that came back from a stack as they were taken may be zero, uncounted.
static void fewer_may_be_counted_than_are_zero(void **state)
{
    (void)state;
    struct zone_record record = zone_in_use(3);
    zone_set_state(record.zone, 0, STATE_FRESH);
    assert_int_equal(record.zone->clean_count, 0);
    assert_true(zone_is_valid(record.zone));
    zone_record_delete(&record);
}

static void more_slack_than_bytes(struct zone_record *record)
{
    struct zone *zone = record->zone;
    unsigned char *state = zone_state_at(zone, 5);
    if (zone->kind == ZONE_SMALL) {
        state_write_small(state, zone_excess_of(zone, state), zone->chunk_bytes + (size_t)1);
    } else {
        state_write(state, (uint8_t)(STATE_LIVE + zone->chunk_bytes + 1));
    }
}

static void zone_is_valid_checks_z7(void **state)
{
    (void)state;
    // One of 64 bytes, and SMALL ones; larger TINY chunks cannot note so much.
    const unsigned classes[] = {3, SIZE_CLASS_TINY_COUNT, 26};
    for (unsigned sample = 0; sample < 3; sample++) {
        struct zone_record record = zone_in_use(classes[sample]);
        more_slack_than_bytes(&record);
        assert_false(zone_is_valid(record.zone));
        zone_record_delete(&record);
    }
}

// Nothing, nearly everything, and what lies between is told as it was asked for.
static void what_was_requested_of_a_chunk_is_noted_exactly(void **state)
{
    (void)state;
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        struct zone_record record = zone_record_new(size_class, 65536, true);
        struct zone *zone = record.zone;
        struct chunk_entry entries[10];
        assert_int_equal(zone_take(zone, entries, 10), 10);
        size_t most = size_class_slack_max(size_class);
        most = most < zone->chunk_bytes ? most : zone->chunk_bytes;
        unsigned beside = zone_state(zone, 6);
        for (size_t slack = 0; slack <= most; slack += slack < 300 ? 1 : 41) {
            zone_set_live(zone, zone_state_at(zone, 5), zone->chunk_bytes - slack);
            unsigned live = zone_state(zone, 5);
            assert_true(state_is_live(live));
            assert_int_equal(zone_requested(zone, 5, live), zone->chunk_bytes - slack);
            // A little slack needs nothing but the state, whatever the excess says.
            if (slack <= STATE_SLACK_ANY) {
                zone_set_state(zone, 5, STATE_LIVE + (unsigned)slack);
                assert_int_equal(zone_requested(zone, 5, STATE_LIVE + (unsigned)slack),
                                 zone->chunk_bytes - slack);
            }
        }
        assert_int_equal(zone_state(zone, 6), beside);
        assert_true(zone_is_valid(zone));
        zone_record_delete(&record);
    }
}

// Who looks while another writes may see a state and an excess that do not belong together.
static void never_more_was_requested_than_a_chunk_holds(void **state)
{
    (void)state;
    struct zone_record record = zone_in_use(SIZE_CLASS_TINY_COUNT);
    struct zone *zone = record.zone;
    unsigned char *at = zone_state_at(zone, 5);
    zone_set_live(zone, at, 0);
    assert_int_equal(zone_requested(zone, 5, zone_state(zone, 5)), 0);
    state_write(at, UINT8_MAX);
    assert_int_equal(zone_requested(zone, 5, UINT8_MAX), 0);
    zone_record_delete(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zone_is_valid_checks_z1),
        cmocka_unit_test(zone_is_valid_checks_z2),
        cmocka_unit_test(zone_is_valid_checks_z3),
        cmocka_unit_test(zone_is_valid_checks_z4),
        cmocka_unit_test(zone_is_valid_checks_z5),
        cmocka_unit_test(zone_is_valid_checks_z6),
        cmocka_unit_test(fewer_may_be_counted_than_are_zero),
        cmocka_unit_test(zone_is_valid_checks_z7),
        cmocka_unit_test(what_was_requested_of_a_chunk_is_noted_exactly),
        cmocka_unit_test(never_more_was_requested_than_a_chunk_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
