// SPDX-License-Identifier: MIT
// Chunks of a zone that come home, and a zone that is made anew from the states of its chunks.
#include "core/zone_home.h"

#include "core/bits.h"
#include "tests/core/random.h"
#include "tests/core/test.h"
#include "tests/core/zone_record.h"

#include <stdlib.h>
#include <string.h>

enum { UNIT = 65536, WORD = sizeof(uintptr_t) * 8 };

// A zone whose chunks are all live.
static struct zone_record full_zone(unsigned size_class, size_t unit_bytes)
{
    struct zone_record record = zone_record_new(size_class, unit_bytes, true);
    for (uint32_t index = 0; index < record.layout.chunk_count; index++) {
        struct chunk_entry entry;
        assert_int_equal(zone_take(record.zone, &entry, 1), 1);
        zone_set_state(record.zone, index, STATE_LIVE + index % 10);
    }
    return record;
}

// ---- claim and send -----------------------------------------------------------------------------

static void a_claim_succeeds_once_for_each_live_state(void **state)
{
    (void)state;
    const unsigned classes[] = {0, 12, SIZE_CLASS_TINY_COUNT, SIZE_CLASS_COUNT - 1};
    for (unsigned sample = 0; sample < 4; sample++) {
        struct zone_record record = full_zone(classes[sample], UNIT);
        for (unsigned live = 0; live <= UINT8_MAX; live++) {
            zone_set_state(record.zone, 40, live);
            assert_int_equal(zone_claim(record.zone, 40), live >= STATE_LIVE);
            assert_int_equal(zone_state(record.zone, 40), live >= STATE_LIVE ? STATE_HOME : live);
            assert_false(zone_claim(record.zone, 40));
        }
        assert_int_equal(zone_state(record.zone, 39), STATE_LIVE + 9);
        assert_int_equal(zone_state(record.zone, 41), STATE_LIVE + 1);
        zone_record_delete(&record);
    }
}

static void send_tells_the_bits_that_were_set_already(void **state)
{
    (void)state;
    struct zone_record record = full_zone(3, UNIT);
    assert_int_equal(zone_send(record.zone, 1, 0x0F0), 0);
    assert_int_equal(zone_send(record.zone, 1, 0xF00), 0);
    assert_int_equal(zone_send(record.zone, 1, 0x188), 0x180);
    assert_int_equal(zone_record_home_words(&record)[1], 0xFF8);
    assert_int_equal(zone_record_home_words(&record)[0], 0);
    assert_int_equal(zone_send(record.zone, 0, 0x188), 0);
    zone_record_delete(&record);
}

// ---- whole --------------------------------------------------------------------------------------

static void a_zone_is_whole_when_every_bit_of_a_chunk_is_set(void **state)
{
    (void)state;
    const size_t units[] = {256, 4096, UNIT};
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        struct zone_record record = full_zone(size_class, units[size_class % 3]);
        uint32_t count = record.layout.chunk_count;
        uint32_t words = record.layout.word_count;
        for (uint32_t sent = 0; sent < count; sent++) {
            // The last one sent is of any word.
            zone_record_send_home(&record, (uint32_t)((sent + (uint64_t)size_class * 31) % count));
            uint32_t word = sent % words;
            assert_int_equal(zone_is_whole(record.zone, word), sent + 1 == count);
        }
        for (uint32_t word = 0; word < words; word++) {
            assert_true(zone_is_whole(record.zone, word));
        }
        // Any bit that is missing tells, whichever word is looked at first.
        const uint32_t missing[] = {0, count / 2, count - 1};
        for (unsigned sample = 0; sample < 3; sample++) {
            uintptr_t *home = &zone_record_home_words(&record)[missing[sample] / WORD];
            uintptr_t bit = (uintptr_t)1 << missing[sample] % WORD;
            *home &= ~bit;
            for (uint32_t word = 0; word < words; word++) {
                assert_false(zone_is_whole(record.zone, word));
            }
            *home |= bit;
        }
        zone_record_delete(&record);
    }
}

// ---- drain --------------------------------------------------------------------------------------

static void a_drain_takes_what_was_sent_and_nothing_else(void **state)
{
    (void)state;
    struct zone_record record = full_zone(3, UNIT);
    struct zone *zone = record.zone;
    void *twice = NULL;
    assert_int_equal(zone_drain(zone, &twice), 0);
    zone_record_send_home(&record, 0);
    zone_record_send_home(&record, WORD);
    assert_true(zone_claim(zone, 5)); // not sent yet
    assert_true(zone_has_home(zone));
    assert_int_equal(zone_drain(zone, &twice), 2);
    assert_null(twice);
    assert_false(zone_has_home(zone));
    assert_true(zone_holds(zone, 0) && zone_holds(zone, WORD) && !zone_holds(zone, 5));
    assert_int_equal(zone_state(zone, 5), STATE_HOME);
    assert_int_equal(zone->free_count, 2);
    assert_true(zone_is_valid(zone));
    assert_int_equal(zone_send(zone, 0, (uintptr_t)1 << 5), 0);
    assert_int_equal(zone_drain(zone, &twice), 1);
    assert_null(twice);
    zone_record_delete(&record);
}

static void a_drain_finds_bits_of_chunks_that_are_not_on_their_way(void **state)
{
    (void)state;
    for (unsigned size_class = 3; size_class < SIZE_CLASS_COUNT; size_class += 20) {
        struct zone_record record = full_zone(size_class, UNIT);
        struct zone *zone = record.zone;
        zone_record_send_home(&record, 3);
        zone_record_send_home(&record, 90);
        const uint32_t live = WORD + 7;
        assert_int_equal(zone_send(zone, 1, (uintptr_t)1 << 7), 0);
        void *twice = NULL;
        assert_int_equal(zone_drain(zone, &twice), 2);
        assert_ptr_equal(twice, zone_chunk(zone, live));
        assert_int_equal(zone_state(zone, live), STATE_LIVE + live % 10);
        assert_true(zone_is_valid(zone));
        assert_int_equal(zone_send(zone, 0, (uintptr_t)1 << 3), 0); // free, in the zone
        twice = NULL;
        assert_int_equal(zone_drain(zone, &twice), 0);
        assert_ptr_equal(twice, zone_chunk(zone, 3));
        assert_true(zone_is_valid(zone));
        zone_record_delete(&record);
    }
}

// All states but that of one chunk of a word that came home as a whole.
static void expect_came_home(const struct zone *zone, uint32_t word, uint32_t odd)
{
    for (uint32_t index = 0; index < zone->chunk_count; index++) {
        bool is_home = index / WORD == word && index != odd;
        assert_int_equal(zone_holds(zone, index), is_home);
        assert_true(index == odd ||
                    zone_state(zone, index) == (is_home ? STATE_FREED : STATE_LIVE + index % 10));
    }
    assert_true(zone_is_valid(zone));
}

static void a_whole_word_comes_home_but_for_what_was_freed_twice(void **state)
{
    (void)state;
    const unsigned classes[] = {3, SIZE_CLASS_TINY_COUNT};
    const unsigned others[] = {STATE_FRESH, STATE_FREED, STATE_LIVE, STATE_LIVE + 1,
                               STATE_LIVE + 16};
    for (uint32_t round = 0; round < 2 * (WORD + 1) * 5; round++) {
        struct zone_record record = full_zone(classes[round % 2], 4 * UNIT);
        uint32_t odd = round / 10; // WORD: none
        for (uint32_t bit = 0; bit < WORD; bit++) {
            zone_record_send_home(&record, WORD + bit);
        }
        if (odd != WORD) {
            zone_set_state(record.zone, WORD + odd, others[round / 2 % 5]);
        }
        void *twice = NULL;
        assert_int_equal(zone_drain(record.zone, &twice), odd != WORD ? WORD - 1 : WORD);
        assert_ptr_equal(twice, odd != WORD ? zone_chunk(record.zone, WORD + odd) : NULL);
        assert_true(odd == WORD || zone_state(record.zone, WORD + odd) == others[round / 2 % 5]);
        expect_came_home(record.zone, 1, odd != WORD ? WORD + odd : UINT32_MAX);
        zone_record_delete(&record);
    }
}

static void a_dead_record_has_lost_its_bits_and_tells_of_one(void **state)
{
    (void)state;
    struct zone_record record = full_zone(3, UNIT);
    struct zone *zone = record.zone;
    assert_null(zone_drain_dead(zone));
    for (uint32_t word = 0; word < record.layout.word_count; word++) {
        assert_int_equal(zone_send(zone, word, (uintptr_t)1 << word), 0);
        assert_ptr_equal(zone_drain_dead(zone), zone_chunk(zone, word * WORD + word));
        assert_false(zone_has_home(zone));
        assert_null(zone_drain_dead(zone));
    }
    for (uint32_t word = 0; word < record.layout.word_count; word++) {
        zone_send(zone, word, 0xF0);
    }
    assert_non_null(zone_drain_dead(zone));
    assert_false(zone_has_home(zone));
    // States and free bits are not looked at.
    assert_int_equal(zone_state(zone, 4), STATE_LIVE + 4);
    assert_int_equal(zone->free_count, 0);
    zone_record_delete(&record);
}

static void bits_outlive_the_cutting_of_another_zone(void **state)
{
    (void)state;
    struct zone_record record = full_zone(3, UNIT);
    struct zone *zone = record.zone;
    zone_mail(zone)->announced = 1;
    zone_mail(zone)->next = 4711;
    zone_send(zone, 0, 1);
    zone_record_recycle(&record, true);
    assert_int_equal(zone_mail(zone)->announced, 1);
    assert_int_equal(zone_mail(zone)->next, 4711);
    assert_int_equal(zone_record_home_words(&record)[0], 1);
    assert_ptr_equal(zone_drain_dead(zone), zone_chunk(zone, 0));
    assert_true(zone_is_valid(zone));
    zone_record_delete(&record);
}

// ---- rebuild ------------------------------------------------------------------------------------

static void expect_rebuilt(const struct zone *zone, const unsigned *states, uint32_t fresh)
{
    uint32_t available = 0;
    for (uint32_t index = 0; index < zone->chunk_count; index++) {
        unsigned expected = states[index] == STATE_HOME ? STATE_FREED : states[index];
        assert_int_equal(zone_state(zone, index), expected);
        assert_int_equal(zone_holds(zone, index), !state_is_live(expected));
        available += !state_is_live(expected);
    }
    assert_int_equal(zone_available(zone), available);
    assert_int_equal(zone->fresh_index, fresh);
    assert_false(zone_has_home(zone));
    assert_true(zone_is_valid(zone));
}

static void a_zone_is_rebuilt_from_any_bits_and_counts(void **state)
{
    (void)state;
    struct random random = random_seeded(501);
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        for (unsigned clean = 0; clean < 2; clean++) {
            struct zone_record record = zone_record_new(size_class, UNIT, clean != 0);
            struct zone *zone = record.zone;
            uint32_t count = zone->chunk_count;
            unsigned *states = calloc(count, sizeof(*states));
            assert_non_null(states);
            uint32_t fresh = random_below(&random, count + 1);
            for (uint32_t index = 0; index < count; index++) {
                unsigned any = random_below(&random, 6);
                states[index] = index >= fresh ? (clean != 0 ? STATE_FRESH : STATE_FREED)
                                : any == STATE_FRESH && clean == 0 ? STATE_FREED
                                                                   : any;
                zone_set_state(zone, index, states[index]);
            }
            zone->fresh_index = fresh;
            zone->free_count = (uint32_t)random_next(&random);
            zone->hint = (uint32_t)random_next(&random);
            zone->next_unsettled = (uintptr_t)random_next(&random);
            for (uint32_t word = 0; word < zone->word_count; word++) {
                zone_record_free_words(&record)[word] = (uintptr_t)random_next(&random);
                zone_record_home_words(&record)[word] = (uintptr_t)random_next(&random);
            }
            zone_rebuild(zone);
            expect_rebuilt(zone, states, fresh);
            zone_rebuild(zone); // nothing more to do
            expect_rebuilt(zone, states, fresh);
            free(states);
            zone_record_delete(&record);
        }
    }
}

static void a_live_chunk_was_handed_out_whatever_fresh_index_says(void **state)
{
    (void)state;
    struct zone_record record = zone_record_new(5, UNIT, true);
    struct zone *zone = record.zone;
    zone_set_state(zone, 70, STATE_LIVE);
    zone_rebuild(zone);
    assert_int_equal(zone->fresh_index, 71);
    assert_int_equal(zone_available(zone), zone->chunk_count - 1);
    assert_int_equal(zone->free_count, 70);
    assert_true(zone_is_valid(zone));
    // What was below it is still fresh, and is handed out first.
    struct chunk_entry entry;
    assert_int_equal(zone_take(zone, &entry, 1), 1);
    assert_ptr_equal(entry.chunk, zone_chunk(zone, 0));
    assert_int_equal(zone_state(zone, 0), STATE_FRESH);
    zone_record_delete(&record);
}

static void a_zone_without_live_chunks_is_empty_when_it_is_rebuilt(void **state)
{
    (void)state;
    struct zone_record record = full_zone(8, UNIT);
    struct zone *zone = record.zone;
    for (uint32_t index = 0; index < zone->chunk_count; index++) {
        assert_true(zone_claim(zone, index));
    }
    zone_rebuild(zone);
    assert_true(zone_is_empty(zone) && zone_is_valid(zone));
    struct zone_record other = full_zone(8, UNIT);
    zone_rebuild(other.zone);
    assert_int_equal(zone_available(other.zone), 0);
    assert_int_equal(zone_fill_of(other.zone), ZONE_UNLISTED);
    assert_true(zone_is_valid(other.zone));
    zone_record_delete(&record);
    zone_record_delete(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_claim_succeeds_once_for_each_live_state),
        cmocka_unit_test(send_tells_the_bits_that_were_set_already),
        cmocka_unit_test(a_zone_is_whole_when_every_bit_of_a_chunk_is_set),
        cmocka_unit_test(a_drain_takes_what_was_sent_and_nothing_else),
        cmocka_unit_test(a_drain_finds_bits_of_chunks_that_are_not_on_their_way),
        cmocka_unit_test(a_whole_word_comes_home_but_for_what_was_freed_twice),
        cmocka_unit_test(a_dead_record_has_lost_its_bits_and_tells_of_one),
        cmocka_unit_test(bits_outlive_the_cutting_of_another_zone),
        cmocka_unit_test(a_zone_is_rebuilt_from_any_bits_and_counts),
        cmocka_unit_test(a_live_chunk_was_handed_out_whatever_fresh_index_says),
        cmocka_unit_test(a_zone_without_live_chunks_is_empty_when_it_is_rebuilt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
