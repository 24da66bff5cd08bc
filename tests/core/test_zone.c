// SPDX-License-Identifier: MIT
#include "core/zone.h"

#include "core/bits.h"
#include "tests/core/test.h"
#include "tests/core/zone_record.h"

#include <string.h>

enum { UNIT = 65536 };

// ---- layout -------------------------------------------------------------------------------------

static void every_layout_holds_a_hundred_chunks_in_the_shortest_run(void **state)
{
    (void)state;
    for (size_t unit = 256; unit <= 1 << 20; unit *= 2) {
        for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
            struct zone_layout layout = zone_layout_of(size_class, unit);
            size_t chunk = size_class_bytes(size_class);
            size_t run = layout.unit_count * unit;
            assert_true(layout.chunk_count >= 100);
            assert_true(layout.chunk_count * chunk <= run);
            assert_true((layout.chunk_count + 1) * chunk > run);
            assert_true((layout.unit_count - 1) * unit < 100 * chunk);
        }
    }
}

static void every_run_is_a_multiple_of_the_page(void **state)
{
    (void)state;
    for (size_t page = 4096; page <= 65536; page *= 2) {
        for (size_t unit = page; unit <= 1 << 20; unit *= 2) {
            for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
                struct zone_layout layout = zone_layout_of(size_class, unit);
                assert_int_equal(layout.unit_count * unit % page, 0);
                assert_true(layout.unit_count * unit / size_class_bytes(size_class) >= 100);
            }
        }
    }
}

static void every_record_has_room_for_its_parts(void **state)
{
    (void)state;
    for (size_t unit = 256; unit <= 1 << 20; unit *= 2) {
        for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
            struct zone_layout layout = zone_layout_of(size_class, unit);
            size_t state_bytes = size_class < SIZE_CLASS_TINY_COUNT ? 1 : 2;
            assert_true((size_t)layout.word_count * BITS_PER_WORD >= layout.chunk_count);
            assert_true(layout.word_count <= UINT16_MAX);
            assert_true(layout.header_at >=
                        sizeof(struct zone_mail) + 2 * layout.word_count * sizeof(uintptr_t));
            assert_int_equal(layout.header_at % 64, 0);
            assert_int_equal(layout.record_bytes % 64, 0);
            assert_true(layout.record_bytes >=
                        layout.header_at + sizeof(struct zone) + layout.chunk_count * state_bytes);
        }
    }
}

static void the_parts_of_a_record_do_not_overlap(void **state)
{
    (void)state;
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        struct zone_record record = zone_record_new(size_class, UNIT, true);
        struct zone *zone = record.zone;
        struct zone header = *zone;
        // All chunks leave the zone, become live and go home again: every bit and state was written.
        for (uint32_t index = 0; index < zone->chunk_count; index++) {
            struct chunk_entry entry;
            assert_int_equal(zone_take(zone, &entry, 1), 1);
            assert_ptr_equal(entry.state, zone_state_at(zone, index));
            zone_set_state(zone, index, STATE_LIVE);
            zone_record_send_home(&record, index);
        }
        assert_true(zone_is_valid(zone));
        void *twice = NULL;
        assert_int_equal(zone_drain(zone, &twice), zone->chunk_count);
        assert_null(twice);
        assert_true(zone_is_valid(zone));
        header.fresh_index = zone->fresh_index;
        header.free_count = zone->free_count;
        header.hint = zone->hint;
        assert_memory_equal(zone, &header, sizeof(header));
        assert_int_equal(zone->free_count, zone->chunk_count);
        zone_record_delete(&record);
    }
}

// ---- a zone that was just cut -------------------------------------------------------------------

static void a_new_zone_is_empty_and_fresh(void **state)
{
    (void)state;
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        struct zone_record record = zone_record_new(size_class, UNIT, true);
        assert_true(zone_is_valid(record.zone));
        assert_true(zone_is_empty(record.zone));
        assert_int_equal(zone_available(record.zone), record.layout.chunk_count);
        assert_int_equal(record.zone->fill, ZONE_UNLISTED);
        assert_int_equal(record.zone->chunk_bytes, size_class_bytes(size_class));
        assert_ptr_equal(zone_base(record.zone), record.run.base);
        for (uint32_t index = 0; index < record.layout.chunk_count; index++) {
            assert_int_equal(zone_state(record.zone, index), STATE_FRESH);
            assert_ptr_equal(zone_chunk(record.zone, index),
                             record.run.base + index * size_class_bytes(size_class));
        }
        zone_record_delete(&record);
    }
}

static void a_zone_on_dirty_memory_has_no_fresh_chunk(void **state)
{
    (void)state;
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class += 3) {
        struct zone_record record = zone_record_new(size_class, UNIT, false);
        assert_true(zone_is_valid(record.zone));
        for (uint32_t index = 0; index < record.layout.chunk_count; index++) {
            assert_int_equal(zone_state(record.zone, index), STATE_FREED);
        }
        zone_record_delete(&record);
    }
}

static void a_recycled_record_forgets_the_zone_before(void **state)
{
    (void)state;
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class += 3) {
        struct zone_record record = zone_record_new(size_class, UNIT, false);
        for (unsigned clean = 0; clean < 2; clean++) {
            struct chunk_entry entries[200];
            assert_int_equal(zone_take(record.zone, entries, 100), 100);
            for (uint32_t index = 0; index < 100; index++) {
                zone_set_state(record.zone, index, STATE_FREED);
                zone_give(record.zone, index);
            }
            assert_true(zone_is_empty(record.zone));
            zone_record_recycle(&record, clean != 0);
            assert_true(zone_is_valid(record.zone));
            assert_int_equal(record.zone->fresh_index, 0);
            for (uint32_t index = 0; index < record.layout.chunk_count; index++) {
                assert_int_equal(zone_state(record.zone, index), clean ? STATE_FRESH : STATE_FREED);
            }
        }
        zone_record_delete(&record);
    }
}

// ---- pointers -----------------------------------------------------------------------------------

static void every_pointer_into_a_zone_is_told_for_what_it_is(void **state)
{
    (void)state;
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        struct zone_record record = zone_record_new(size_class, 4096, true);
        size_t chunk = size_class_bytes(size_class);
        for (size_t offset = 0; offset < record.run.bytes; offset++) {
            uint32_t index = UINT32_MAX;
            enum zone_place place = zone_place_of(record.zone, record.run.base + offset, &index);
            if (offset / chunk >= record.layout.chunk_count) {
                assert_int_equal(place, ZONE_TAIL);
            } else {
                assert_int_equal(index, offset / chunk);
                assert_int_equal(place, offset % chunk == 0 ? ZONE_CHUNK_START : ZONE_CHUNK_INSIDE);
            }
        }
        zone_record_delete(&record);
    }
}

static void an_entry_leads_back_to_its_index(void **state)
{
    (void)state;
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class += 7) {
        struct zone_record record = zone_record_new(size_class, UNIT, true);
        for (uint32_t index = 0; index < record.layout.chunk_count; index++) {
            struct chunk_entry entry;
            assert_int_equal(zone_take(record.zone, &entry, 1), 1);
            assert_int_equal(zone_entry_index(record.zone, &entry), index);
            assert_ptr_equal(entry.chunk, zone_chunk(record.zone, index));
        }
        zone_record_delete(&record);
    }
}

static void zones_of_every_class_let_the_fast_path_see_their_chunks(void **state)
{
    (void)state;
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        struct zone_record record = zone_record_new(size_class, UNIT, true);
        bool tiny = size_class < SIZE_CLASS_TINY_COUNT;
        assert_int_equal(record.zone->kind, tiny ? ZONE_TINY : ZONE_SMALL);
        assert_int_not_equal(record.zone->bound, 0);
        zone_record_delete(&record);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_layout_holds_a_hundred_chunks_in_the_shortest_run),
        cmocka_unit_test(every_run_is_a_multiple_of_the_page),
        cmocka_unit_test(every_record_has_room_for_its_parts),
        cmocka_unit_test(the_parts_of_a_record_do_not_overlap),
        cmocka_unit_test(a_new_zone_is_empty_and_fresh),
        cmocka_unit_test(a_zone_on_dirty_memory_has_no_fresh_chunk),
        cmocka_unit_test(a_recycled_record_forgets_the_zone_before),
        cmocka_unit_test(every_pointer_into_a_zone_is_told_for_what_it_is),
        cmocka_unit_test(an_entry_leads_back_to_its_index),
        cmocka_unit_test(zones_of_every_class_let_the_fast_path_see_their_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
