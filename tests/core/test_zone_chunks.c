// SPDX-License-Identifier: MIT
// Chunks leave a zone and come back: one by one, and at random against a model.
#include "core/bits.h"
#include "core/zone.h"
#include "tests/core/random.h"
#include "tests/core/test.h"
#include "tests/core/zone_record.h"

#include <stdlib.h>
#include <string.h>

enum { UNIT = 65536 };

static uint32_t index_of(const struct zone_record *record, const struct chunk_entry *entry)
{
    return zone_entry_index(record->zone, entry);
}

// Gives a chunk back that was taken, as if the program had used it.
static void give_freed(struct zone_record *record, uint32_t index)
{
    zone_set_state(record->zone, index, STATE_FREED);
    zone_give(record->zone, index);
}

static void take_puts_the_lowest_address_on_top(void **state)
{
    (void)state;
    struct zone_record record = zone_record_new(0, UNIT, true);
    struct chunk_entry entries[16];
    assert_int_equal(zone_take(record.zone, entries, 16), 16);
    for (uint32_t entry = 0; entry < 16; entry++) {
        assert_int_equal(index_of(&record, &entries[entry]), 15 - entry);
    }
    zone_record_delete(&record);
}

static void freed_chunks_are_taken_before_fresh_ones(void **state)
{
    (void)state;
    struct zone_record record = zone_record_new(2, UNIT, true);
    struct chunk_entry entries[300];
    assert_int_equal(zone_take(record.zone, entries, 300), 300);
    give_freed(&record, 250);
    give_freed(&record, 3);
    give_freed(&record, 130);
    assert_true(zone_is_valid(record.zone));
    const uint32_t expected[] = {301, 300, 250, 130, 3};
    assert_int_equal(zone_take(record.zone, entries, 5), 5);
    for (uint32_t entry = 0; entry < 5; entry++) {
        assert_int_equal(index_of(&record, &entries[entry]), expected[entry]);
    }
    assert_int_equal(record.zone->fresh_index, 302);
    zone_record_delete(&record);
}

// Chunks first to end - 1 of a zone come back, and `want` chunks are taken: of those the lowest, then fresh ones.
static void expect_neighbours_taken(unsigned size_class, uint32_t first, uint32_t end,
                                    uint32_t want)
{
    enum { TAKEN = 200 };
    struct zone_record record = zone_record_new(size_class, 8 * UNIT, true);
    struct chunk_entry entries[TAKEN];
    assert_int_equal(zone_take(record.zone, entries, TAKEN), TAKEN);
    for (uint32_t index = first; index < end; index++) {
        give_freed(&record, index);
    }
    assert_int_equal(zone_take(record.zone, entries, want), want);
    for (uint32_t place = 0; place < want; place++) {
        uint32_t expected = first + place < end ? first + place : TAKEN + place - (end - first);
        const struct chunk_entry *entry = &entries[want - 1 - place];
        assert_ptr_equal(entry->chunk, zone_chunk(record.zone, expected));
        assert_ptr_equal(entry->state, zone_state_at(record.zone, expected));
    }
    for (uint32_t index = 0; index < TAKEN; index++) {
        assert_int_equal(zone_holds(record.zone, index), index >= first + want && index < end);
    }
    assert_true(zone_is_valid(record.zone));
    zone_record_delete(&record);
}

static void neighbours_are_taken_from_any_place_of_their_words(void **state)
{
    (void)state;
    const uint32_t firsts[] = {0, 1, 63, 64, 65, 127};
    const uint32_t counts[] = {1, 2, 31, 63, 64, 65, 70};
    const uint32_t wants[] = {1, 2, 30, 63, 64, 65, 80};
    const unsigned classes[] = {0, 9, SIZE_CLASS_TINY_COUNT};
    for (unsigned sample = 0; sample < 6 * 7 * 7 * 3; sample++) {
        uint32_t first = firsts[sample % 6];
        expect_neighbours_taken(classes[sample / (6 * 7 * 7)], first,
                                first + counts[sample / 6 % 7], wants[sample / (6 * 7) % 7]);
    }
}

static void take_hands_out_every_chunk_once_and_then_none(void **state)
{
    (void)state;
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        struct zone_record record = zone_record_new(size_class, UNIT, true);
        uint32_t count = record.layout.chunk_count;
        struct chunk_entry *entries = calloc(count + 1, sizeof(*entries));
        assert_non_null(entries);
        assert_int_equal(zone_take(record.zone, entries, count + 1), count);
        for (uint32_t entry = 0; entry < count; entry++) {
            assert_int_equal(index_of(&record, &entries[entry]), count - 1 - entry);
        }
        assert_null(entries[count].chunk);
        assert_int_equal(zone_take(record.zone, entries, 1), 0);
        assert_int_equal(zone_fill_of(record.zone), ZONE_UNLISTED);
        assert_true(zone_is_valid(record.zone));
        free(entries);
        zone_record_delete(&record);
    }
}

static void a_chunk_given_back_unused_stays_fresh(void **state)
{
    (void)state;
    struct zone_record record = zone_record_new(4, UNIT, true);
    struct chunk_entry entries[2];
    assert_int_equal(zone_take(record.zone, entries, 2), 2);
    zone_give(record.zone, 0);
    assert_true(zone_is_valid(record.zone));
    assert_int_equal(zone_state(record.zone, 0), STATE_FRESH);
    zone_record_delete(&record);
}

static void fill_grows_by_quarters_with_what_can_be_taken(void **state)
{
    (void)state;
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class += 3) {
        struct zone_record record = zone_record_new(size_class, UNIT, true);
        uint32_t count = record.layout.chunk_count;
        uint32_t members[ZONE_FILL_COUNT] = {0};
        uint32_t before = ZONE_FILL_COUNT - 1;
        for (uint32_t available = count; available != 0; available--) {
            uint32_t fill = zone_fill_of(record.zone);
            assert_int_equal(zone_available(record.zone), available);
            assert_true(fill <= before);
            members[fill]++;
            before = fill;
            struct chunk_entry entry;
            assert_int_equal(zone_take(record.zone, &entry, 1), 1);
        }
        for (uint32_t fill = 0; fill < ZONE_FILL_COUNT; fill++) {
            assert_in_range(members[fill], count / ZONE_FILL_COUNT, count / ZONE_FILL_COUNT + 1);
        }
        assert_int_equal(zone_fill_of(record.zone), ZONE_UNLISTED);
        zone_record_delete(&record);
    }
}

static void claim_refuses_what_is_not_live(void **state)
{
    (void)state;
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class += 13) {
        struct zone_record record = zone_record_new(size_class, UNIT, true);
        size_t bytes = record.record.bytes;
        unsigned char *before = malloc(bytes);
        assert_non_null(before);
        struct chunk_entry entries[4];
        assert_int_equal(zone_take(record.zone, entries, 4), 4);
        zone_set_state(record.zone, 1, STATE_FREED);
        zone_set_state(record.zone, 2, STATE_LIVE);
        assert_true(zone_claim(record.zone, 2));
        memcpy(before, record.record.base, bytes);
        assert_false(zone_claim(record.zone, 0));  // fresh, in a stack
        assert_false(zone_claim(record.zone, 1));  // freed
        assert_false(zone_claim(record.zone, 2));  // on its way
        assert_false(zone_claim(record.zone, 50)); // never taken
        assert_memory_equal(before, record.record.base, bytes);
        free(before);
        zone_record_delete(&record);
    }
}

// ---- against a model ----------------------------------------------------------------------------

enum where { IN_ZONE, IN_STACK, LIVE, HOME };

struct model {
    enum where *where;
    unsigned *states;
    uint32_t count;
    uint32_t fresh;
};

static uint32_t count_where(const struct model *model, enum where where)
{
    uint32_t count = 0;
    for (uint32_t index = 0; index < model->count; index++) {
        count += model->where[index] == where;
    }
    return count;
}

static uint32_t home_bits(const struct zone_record *record)
{
    uint32_t count = 0;
    for (uint32_t word = 0; word < record->layout.word_count; word++) {
        count += bits_count(zone_record_home_words(record)[word]);
    }
    return count;
}

static void expect_model(const struct zone_record *record, const struct model *model)
{
    assert_true(zone_is_valid(record->zone));
    assert_int_equal(zone_available(record->zone), count_where(model, IN_ZONE));
    assert_int_equal(home_bits(record), count_where(model, HOME));
    assert_int_equal(zone_has_home(record->zone), count_where(model, HOME) != 0);
    assert_int_equal(record->zone->fresh_index, model->fresh);
    assert_int_equal(zone_is_empty(record->zone), count_where(model, IN_ZONE) == model->count);
    for (uint32_t index = 0; index < model->count; index++) {
        assert_int_equal(zone_state(record->zone, index), model->states[index]);
    }
}

// What take must hand out next: the lowest free chunk below fresh, or else the first fresh one.
static uint32_t expected_next(const struct model *model)
{
    for (uint32_t index = 0; index < model->fresh; index++) {
        if (model->where[index] == IN_ZONE) {
            return index;
        }
    }
    return model->fresh;
}

static void model_take(struct zone_record *record, struct model *model, struct random *random)
{
    struct chunk_entry entries[64];
    uint32_t want = random_below(random, 64);
    uint32_t available = count_where(model, IN_ZONE);
    uint32_t taken = zone_take(record->zone, entries, want);
    assert_int_equal(taken, want < available ? want : available);
    while (taken-- > 0) {
        uint32_t index = index_of(record, &entries[taken]);
        assert_int_equal(index, expected_next(model));
        model->fresh += index == model->fresh;
        model->where[index] = IN_STACK;
    }
}

static void model_move(struct zone_record *record, struct model *model, uint32_t index, bool afar)
{
    struct zone *zone = record->zone;
    switch (model->where[index]) {
    case IN_STACK:
        if (afar) {
            zone_give(zone, index);
            model->where[index] = IN_ZONE;
            return;
        }
        model->states[index] = STATE_LIVE + index % 10;
        zone_set_state(zone, index, model->states[index]);
        model->where[index] = LIVE;
        return;
    case LIVE:
        if (afar) {
            zone_record_send_home(record, index);
        } else {
            zone_set_state(zone, index, STATE_FREED);
        }
        model->states[index] = afar ? STATE_HOME : STATE_FREED;
        model->where[index] = afar ? HOME : IN_STACK;
        return;
    case HOME:
    case IN_ZONE:
    default: assert_false(zone_claim(zone, index));
    }
}

static void model_drain(struct zone_record *record, struct model *model)
{
    void *twice = NULL;
    assert_int_equal(zone_drain(record->zone, &twice), count_where(model, HOME));
    assert_null(twice);
    for (uint32_t index = 0; index < model->count; index++) {
        if (model->where[index] == HOME) {
            model->where[index] = IN_ZONE;
            model->states[index] = STATE_FREED;
        }
    }
}

static void random_moves_follow_the_model(void **state)
{
    (void)state;
    struct random random = random_seeded(7);
    const size_t units[] = {256, 4096, 65536};
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        struct zone_record record = zone_record_new(size_class, units[size_class % 3], true);
        struct model model = {.count = record.layout.chunk_count};
        model.where = calloc(model.count, sizeof(*model.where));
        model.states = calloc(model.count, sizeof(*model.states));
        assert_true(model.where != NULL && model.states != NULL);
        for (unsigned round = 0; round < 100; round++) {
            for (unsigned step = 0; step < 60; step++) {
                uint32_t index = random_below(&random, model.count);
                model_move(&record, &model, index, random_chance(&random, 40));
            }
            if (random_chance(&random, 60)) {
                model_take(&record, &model, &random);
            }
            if (random_chance(&random, 20)) {
                model_drain(&record, &model);
            }
            expect_model(&record, &model);
        }
        free(model.where);
        free(model.states);
        zone_record_delete(&record);
    }
}

// Takes `count` chunks in an order of their own, the first to be given back first.
static void take_shuffled(struct zone_record *record, struct chunk_entry *entries, uint32_t count,
                          struct random *random)
{
    assert_int_equal(zone_take(record->zone, entries, count), count);
    for (uint32_t left = count; left > 1; left--) {
        uint32_t other = random_below(random, left);
        struct chunk_entry last = entries[left - 1];
        entries[left - 1] = entries[other];
        entries[other] = last;
    }
}

static void entries_go_back_together(void **state)
{
    (void)state;
    struct random random = random_seeded(11);
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        struct zone_record record = zone_record_new(size_class, 4096, true);
        uint32_t count = record.layout.chunk_count;
        struct chunk_entry *entries = calloc(count, sizeof(*entries));
        assert_non_null(entries);
        take_shuffled(&record, entries, count, &random);
        uint32_t part = 1 + random_below(&random, count - 1);
        assert_int_equal(zone_give_entries(record.zone, entries, part), part);
        for (uint32_t entry = 0; entry < count; entry++) {
            assert_int_equal(zone_holds(record.zone, index_of(&record, &entries[entry])),
                             entry < part);
        }
        assert_int_equal(record.zone->free_count, part);
        assert_true(zone_is_valid(record.zone));
        assert_int_equal(zone_give_entries(record.zone, entries + part, count - part),
                         count - part);
        assert_true(zone_is_empty(record.zone) && zone_is_valid(record.zone));
        // In the order of a stack, too: all are handed out again, the lowest on top.
        assert_int_equal(zone_take(record.zone, entries, count), count);
        assert_int_equal(index_of(&record, &entries[count - 1]), 0);
        assert_int_equal(zone_give_entries(record.zone, entries, count), count);
        assert_true(zone_is_empty(record.zone) && zone_is_valid(record.zone));
        free(entries);
        zone_record_delete(&record);
    }
}

static void entries_go_back_up_to_the_first_of_another_zone(void **state)
{
    (void)state;
    struct zone_record one = zone_record_new(5, 4096, true);
    struct zone_record two = zone_record_new(5, 4096, true);
    struct chunk_entry entries[6];
    assert_int_equal(zone_take(one.zone, entries, 3), 3);
    assert_int_equal(zone_take(two.zone, entries + 3, 2), 2);
    assert_int_equal(zone_take(one.zone, entries + 5, 1), 1);
    assert_int_equal(zone_give_entries(two.zone, entries, 6), 0);
    assert_int_equal(zone_give_entries(one.zone, entries, 6), 3);
    assert_int_equal(zone_give_entries(one.zone, entries + 3, 3), 0);
    assert_int_equal(zone_give_entries(two.zone, entries + 3, 3), 2);
    assert_int_equal(one.zone->free_count, 3);
    assert_int_equal(two.zone->free_count, 2);
    assert_false(zone_holds(one.zone, index_of(&one, &entries[5])));
    assert_true(zone_is_valid(one.zone) && zone_is_valid(two.zone));
    assert_int_equal(zone_give_entries(one.zone, entries + 5, 0), 0); // nothing is nothing
    zone_record_delete(&two);
    zone_record_delete(&one);
}

static void the_search_for_free_chunks_begins_at_the_lowest_that_came_back(void **state)
{
    (void)state;
    struct zone_record record = zone_record_new(0, UNIT, true);
    uint32_t count = record.layout.chunk_count;
    struct chunk_entry *entries = calloc(count, sizeof(*entries));
    assert_non_null(entries);
    assert_int_equal(zone_take(record.zone, entries, count), count);
    // Chunks 200 to 149, then 20: words 3, 2 and 0.
    assert_int_equal(zone_give_entries(record.zone, &entries[count - 1 - 200], 52), 52);
    assert_int_equal(record.zone->hint, 149 / BITS_PER_WORD);
    assert_int_equal(zone_give_entries(record.zone, &entries[count - 1 - 20], 1), 1);
    assert_int_equal(record.zone->hint, 20 / BITS_PER_WORD);
    assert_true(zone_is_valid(record.zone));
    struct chunk_entry back[53];
    assert_int_equal(zone_take(record.zone, back, 60), 53);
    for (uint32_t entry = 0; entry < 53; entry++) {
        assert_int_equal(index_of(&record, &back[entry]), entry == 52 ? 20 : 200 - entry);
    }
    free(entries);
    zone_record_delete(&record);
}

static void a_zone_holds_what_is_free_in_it_and_what_was_never_taken(void **state)
{
    (void)state;
    struct zone_record record = zone_record_new(3, 1 << 16, true);
    struct chunk_entry entries[70];
    assert_int_equal(zone_take(record.zone, entries, 70), 70);
    zone_give(record.zone, 5);
    zone_give(record.zone, 66);
    for (uint32_t index = 0; index < record.zone->chunk_count; index++) {
        bool holds = index >= 70 || index == 5 || index == 66;
        assert_int_equal(zone_holds(record.zone, index), holds);
    }
    zone_record_delete(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(take_puts_the_lowest_address_on_top),
        cmocka_unit_test(freed_chunks_are_taken_before_fresh_ones),
        cmocka_unit_test(neighbours_are_taken_from_any_place_of_their_words),
        cmocka_unit_test(take_hands_out_every_chunk_once_and_then_none),
        cmocka_unit_test(a_chunk_given_back_unused_stays_fresh),
        cmocka_unit_test(fill_grows_by_quarters_with_what_can_be_taken),
        cmocka_unit_test(claim_refuses_what_is_not_live),
        cmocka_unit_test(random_moves_follow_the_model),
        cmocka_unit_test(entries_go_back_together),
        cmocka_unit_test(entries_go_back_up_to_the_first_of_another_zone),
        cmocka_unit_test(the_search_for_free_chunks_begins_at_the_lowest_that_came_back),
        cmocka_unit_test(a_zone_holds_what_is_free_in_it_and_what_was_never_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
