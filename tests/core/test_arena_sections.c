// SPDX-License-Identifier: MIT
// Sections that come and go, regions that are not zero, and records that lie in another section.
#include "core/arena.h"
#include "core/offset.h"
#include "tests/core/driver.h"
#include "tests/core/test.h"

#include <string.h>

enum { UNIT = 4096, WIDE_UNIT = 65536 };

static struct driver driver;

static void begin(void)
{
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT, .section_bytes = 1 << 20});
}

static struct run take(size_t bytes)
{
    struct need need;
    struct run run = arena_take_run(driver.arena, bytes, 1, &need);
    assert_non_null(run.section);
    return run;
}

static void a_region_that_holds_anything_becomes_a_section(void **state)
{
    (void)state;
    begin();
    driver.arena->config.is_dirty = true;
    struct region region = region_new(1 << 20, UNIT, 0);
    memset(region.base, 0xDD, region.bytes);
    assert_true(arena_add_section(driver.arena, (uintptr_t)region.base, region.bytes, NULL));
    const struct section *section = arena_first_section(driver.arena);
    assert_true(bytes_are((void *)((uintptr_t)section + section->record_next),
                          section->record_end - section->record_next, 0));
    assert_true(bytes_are((void *)((uintptr_t)section + section->units), 10 * UNIT, 0xDD));
    struct run run = take(3 * UNIT);
    assert_false(run.clean);
    struct need need;
    struct zone *zone = arena_new_zone(driver.arena, 4, 0, 0, &need);
    assert_non_null(zone);
    assert_int_equal(zone_state(zone, 0), STATE_FREED);
    assert_true(zone_is_valid(zone));
    // What is the arena's own is cleared.
    struct run meta = arena_take_meta(driver.arena, 2 * UNIT, &need);
    assert_true(bytes_are(section_unit_at(meta.section, meta.first), 2 * UNIT, 0));
    driver_end(&driver);
    region_delete(&region);
}

static void memory_of_the_arenas_own_is_zero_and_counted(void **state)
{
    (void)state;
    begin();
    driver_add_section(&driver, 1 << 20);
    struct run run = take(5 * UNIT);
    memset(section_unit_at(run.section, run.first), 0xFF, 5 * UNIT);
    arena_give_run(driver.arena, run.section, run.first);
    assert_int_equal(driver.arena->meta_unit_count, 0);
    struct need need;
    struct run meta = arena_take_meta(driver.arena, 5 * UNIT - 100, &need);
    assert_ptr_equal(meta.section, run.section);
    assert_int_equal(meta.first, run.first);
    assert_true(bytes_are(section_unit_at(meta.section, meta.first), 5 * UNIT, 0));
    assert_int_equal(driver.arena->meta_unit_count, 5);
    assert_int_equal(driver.arena->used_unit_count, 5);
    assert_null(arena_take_meta(driver.arena, 2 << 20, &need).section);
    assert_int_equal(need.kind, NEED_SECTION);
    assert_int_equal(driver.arena->meta_unit_count, 5);
    driver_end(&driver);
}

static void the_most_that_was_used_is_remembered_and_changes_are_counted(void **state)
{
    (void)state;
    begin();
    driver_add_section(&driver, 1 << 20);
    size_t changes = driver.arena->change_count;
    struct run first = take(7 * UNIT);
    struct run second = take(2 * UNIT);
    assert_int_equal(driver.arena->used_unit_max, 9);
    arena_give_run(driver.arena, first.section, first.first);
    arena_give_run(driver.arena, second.section, second.first);
    assert_int_equal(driver.arena->used_unit_count, 0);
    assert_int_equal(driver.arena->used_unit_max, 9);
    assert_int_equal(driver.arena->change_count, changes + 4);
    take(3 * UNIT);
    assert_int_equal(driver.arena->used_unit_max, 9);
    // A section more, and the count begins anew.
    driver_add_section(&driver, 1 << 20);
    assert_int_equal(driver.arena->used_unit_max, 3);
    driver_end(&driver);
}

static void an_unused_section_is_plain_memory_again(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 3; which++) {
        begin();
        struct section *sections[3];
        for (unsigned section = 0; section < 3; section++) {
            driver_add_section(&driver, (300 + 100 * section) << 10);
        }
        unsigned count = 0;
        for (struct section *section = arena_first_section(driver.arena); section != NULL;
             section = arena_next_section(driver.arena, section)) {
            sections[count++] = section;
        }
        struct section *gone = sections[which];
        size_t units = driver.arena->unit_count;
        uint32_t gone_units = section_runs(gone)->unit_count;
        assert_true(arena_section_is_unused(gone));
        arena_remove_section(driver.arena, gone);
        assert_int_equal(driver.arena->section_count, 2);
        assert_int_equal(driver.arena->unit_count, units - gone_units);
        assert_ptr_equal(zone_map_find(&driver.arena->map, section_unit_at(gone, 0)),
                         &driver.arena->map.nothing);
        assert_null(arena_section_of(driver.arena, section_unit_at(gone, 0)));
        for (unsigned other = 0; other < 3; other++) {
            void *unit = section_unit_at(sections[other], 0);
            assert_true(other == which || arena_section_of(driver.arena, unit) == sections[other]);
        }
        assert_true(arena_is_valid(driver.arena));
        driver_end(&driver);
    }
}

static void a_section_with_a_run_in_use_is_not_unused(void **state)
{
    (void)state;
    begin();
    struct section *section = driver_add_section(&driver, 1 << 20);
    const uint32_t unit_count = section_runs(section)->unit_count;
    struct run run = take((size_t)unit_count * UNIT);
    const enum run_kind kinds[] = {RUN_ZONE, RUN_LARGE, RUN_META, RUN_LEAVING};
    for (unsigned kind = 0; kind < 4; kind++) {
        run_mark(section_runs(section), run.first, kinds[kind], 0);
        assert_false(arena_section_is_unused(section));
    }
    // A free run before it does not hide it.
    run_mark(section_runs(section), run.first, RUN_META, 0);
    arena_give_run(driver.arena, section, run.first);
    take(10 * UNIT);
    run = take((size_t)(unit_count - 10) * UNIT);
    arena_give_run(driver.arena, section, 0);
    assert_false(arena_section_is_unused(section));
    arena_give_run(driver.arena, section, run.first);
    assert_true(arena_section_is_unused(section));
    driver_end(&driver);
}

static void records_leave_with_their_section(void **state)
{
    (void)state;
    begin();
    struct section *section = driver_add_section(&driver, 1 << 20);
    struct need need;
    struct zone *zones[1000];
    unsigned count = 0;
    while ((zones[count] = arena_new_zone(driver.arena, 0, 0, 0, &need)) != NULL) {
        count++;
    }
    size_t records = driver.arena->meta_unit_count;
    while (count-- > 0) {
        assert_false(arena_section_is_unused(section));
        arena_delete_zone(driver.arena, zones[count]);
    }
    assert_int_equal(driver.arena->used_unit_count, records);
    assert_true(arena_section_is_unused(section));
    size_t changes = driver.arena->change_count;
    arena_remove_section(driver.arena, section);
    assert_int_equal(driver.arena->meta_unit_count, 0);
    assert_int_equal(driver.arena->used_unit_count, 0);
    assert_int_equal(driver.arena->used_unit_max, 0);
    assert_true(driver.arena->change_count != changes);
    assert_null(arena_first_section(driver.arena));
    driver_end(&driver);
}

// A section of a wide arena that has one unit left and no record for a zone in it, or NULL. How many units
// are taken first decides which of the two is used up last.
static struct section *section_without_a_record(size_t units_taken)
{
    driver_begin(&driver, &(struct driver_options){
                              .unit_bytes = WIDE_UNIT, .section_bytes = 2 << 20, .wide = true});
    struct section *section = driver_add_section(&driver, 2 << 20);
    take(units_taken * WIDE_UNIT);
    struct need need;
    while (arena_new_zone(driver.arena, 0, 0, 0, &need) != NULL) {
    }
    // A refused zone leaves nothing behind.
    assert_int_equal(need.kind, NEED_SECTION);
    assert_true(arena_is_valid(driver.arena));
    const struct run_table *runs = section_runs(section);
    return runs->unit_count - runs->fresh + runs->free_count == 1 ? section : NULL;
}

// A wide arena may have a zone's record in another section than its run.
static void a_record_may_lie_in_another_section(void **state)
{
    (void)state;
    size_t units_taken = 1;
    struct section *full = section_without_a_record(units_taken);
    while (full == NULL) {
        driver_end(&driver);
        assert_true(++units_taken < 16);
        full = section_without_a_record(units_taken);
    }
    struct section *other = driver_add_section(&driver, 2 << 20);
    struct need need;
    struct zone *zone = arena_new_zone(driver.arena, 0, 0, 0, &need);
    assert_non_null(zone);
    assert_ptr_equal(arena_section_of(driver.arena, zone_base(zone)), full);
    assert_ptr_equal(offset_to(driver.arena, zone->section), other);
    assert_true((uintptr_t)zone > (uintptr_t)other && (uintptr_t)zone - (uintptr_t)other < 2 << 20);
    arena_delete_zone(driver.arena, zone);
    assert_ptr_equal(offset_to(other, other->classes[0].records), zone);
    assert_true(arena_is_valid(driver.arena));
    driver_end(&driver);
}

// Takes a record of a mapping, meets what that asks for, and returns how often it asked.
static unsigned take_record(void)
{
    bool recycled = true;
    struct need need;
    unsigned asks = 0;
    while (arena_take_record(driver.arena, NULL, SECTION_RECORD_MAPPED, &recycled, &need) == NULL) {
        assert_int_equal(need.kind, NEED_COMMIT);
        assert_true(driver_meet(&driver, &need));
        asks++;
    }
    assert_false(recycled);
    return asks;
}

static void records_fill_what_is_committed_before_more_is_asked_for(void **state)
{
    (void)state;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = WIDE_UNIT,
                                                   .page_bytes = 4096,
                                                   .space_mib = UINT16_MAX,
                                                   .section_bytes = 128 << 20,
                                                   .commits = true,
                                                   .wide = true});
    struct section *section = driver_add_section(&driver, 128 << 20);
    size_t steps = 0;
    size_t records = 0;
    while (section->area_committed != section->area_end) {
        size_t left = (section->record_end - section->record_next) / sizeof(struct zone);
        unsigned asks = take_record();
        assert_int_equal(asks, left == 0); // each ask is enough for many
        steps += asks;
        records++;
        assert_int_equal(driver.arena->meta_unit_count, driver.arena->used_unit_count);
    }
    assert_in_range(steps, 50, 60); // of 16 KiB and some
    struct need need = arena_need_units(driver.arena, section, 100);
    assert_true(driver_meet(&driver, &need));
    // Then they take runs, a unit at a time, though longer ones could be had.
    size_t area = (section->record_end - section->record_next) / sizeof(struct zone);
    size_t used = driver.arena->used_unit_count;
    for (; area-- > 0; records++) {
        assert_int_equal(take_record(), 0);
    }
    assert_int_equal(driver.arena->used_unit_count, used);
    take_record();
    assert_int_equal(driver.arena->used_unit_count, used + 1);
    assert_int_equal(driver.arena->meta_unit_count, used + 1);
    assert_true(records >= (section->units - section->table) / sizeof(struct zone) / 2);
    driver_end(&driver);
}

// Where there is no bound all of the area is there, and then so many units as it has, as long as such are virgin.
static void records_take_long_runs_where_addresses_are_plenty(void **state)
{
    (void)state;
    enum { UNITS = SECTION_AREA_MAX / WIDE_UNIT, RECORDS = SECTION_AREA_MAX / sizeof(struct zone) };
    driver_begin(&driver, &(struct driver_options){.unit_bytes = WIDE_UNIT,
                                                   .page_bytes = 4096,
                                                   .section_bytes = 128 << 20,
                                                   .commits = true,
                                                   .wide = true});
    struct section *section = driver_add_section(&driver, 128 << 20);
    struct run_table *runs = section_runs(section);
    assert_int_equal(section->area_committed, section->area_end);
    size_t used = driver.arena->used_unit_count;
    size_t first = (section->record_end - section->record_next) / sizeof(struct zone);
    assert_in_range(first, RECORDS, RECORDS + WIDE_UNIT / sizeof(struct zone));
    struct need need = arena_need_units(driver.arena, section, 3 * UNITS);
    assert_true(driver_meet(&driver, &need));
    const uint32_t committed = runs->committed;
    // Free units beside are not taken for it.
    struct run run = driver_take_run(&driver, WIDE_UNIT);
    struct run beside = driver_take_run(&driver, WIDE_UNIT);
    arena_give_run(driver.arena, section, run.first);
    used++;
    for (size_t count = 0; count < first; count++) {
        assert_int_equal(take_record(), 0);
        assert_int_equal(driver.arena->used_unit_count, used);
    }
    for (unsigned area = 0; area < 2; area++) {
        runs->committed = runs->fresh + UNITS;
        for (size_t count = 0; count < RECORDS; count++) {
            assert_int_equal(take_record(), 0);
            assert_int_equal(driver.arena->used_unit_count, used + UNITS);
            assert_int_equal(driver.arena->meta_unit_count, used + UNITS - 1);
        }
        used += UNITS;
        assert_int_equal(runs->fresh, runs->committed);
    }
    // One unit too few: what is free serves.
    runs->committed = runs->fresh + UNITS - 1;
    assert_int_equal(take_record(), 0);
    assert_int_equal(driver.arena->used_unit_count, used + 1);
    assert_int_equal(runs->fresh + UNITS - 1, runs->committed);
    runs->committed = committed;
    arena_give_run(driver.arena, section, beside.first);
    driver_end(&driver);
}

// The zone's run is there, its record is not: the section's area for records is asked for first.
static void a_zone_without_a_record_leaves_its_run_as_it_was(void **state)
{
    (void)state;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = WIDE_UNIT,
                                                   .page_bytes = 4096,
                                                   .space_mib = UINT16_MAX,
                                                   .section_bytes = 48 << 20,
                                                   .commits = true,
                                                   .wide = true});
    driver_add_section(&driver, 48 << 20);
    struct need none;
    assert_non_null(arena_new_zone(driver.arena, 0, 0, 0, &none)); // there is room for records
    unsigned refused = 0;
    for (unsigned count = 0; count < 700; count++) {
        struct need need;
        size_t used = driver.arena->used_unit_count;
        if (arena_new_zone(driver.arena, 0, 0, 0, &need) == NULL) {
            refused += need.kind == NEED_COMMIT && need.commit[1].bytes == 0;
            assert_int_equal(driver.arena->used_unit_count, used);
            assert_true(arena_is_valid(driver.arena));
            assert_true(driver_meet(&driver, &need));
        }
    }
    assert_in_range(refused, 28, 36); // the area comes in steps of 16 KiB and some
    driver_end(&driver);
}

static void records_among_small_units_are_aligned(void **state)
{
    (void)state;
    for (size_t unit = ARENA_UNIT_BYTES_MIN; unit <= 256; unit *= 2) {
        driver_begin(&driver, &(struct driver_options){.unit_bytes = unit});
        driver_add_section(&driver, 100000);
        struct need need;
        struct zone *zone;
        unsigned count = 0;
        while ((zone = arena_new_zone(driver.arena, 0, 0, 0, &need)) != NULL) {
            assert_int_equal((uintptr_t)zone % _Alignof(struct zone), 0);
            assert_ptr_equal(zone_map_find(&driver.arena->map, zone_chunk(zone, 99)), zone);
            count++;
        }
        assert_true(count > 10);
        assert_true(driver_is_valid(&driver));
        driver_end(&driver);
    }
}

static void a_record_lies_with_its_zone_if_there_is_room(void **state)
{
    (void)state;
    driver_begin(&driver, &(struct driver_options){
                              .unit_bytes = WIDE_UNIT, .section_bytes = 2 << 20, .wide = true});
    driver_add_section(&driver, 2 << 20);
    driver_add_section(&driver, 2 << 20);
    // The lower one has no units left, but room for records.
    struct section *lower = arena_first_section(driver.arena);
    struct section *upper = arena_next_section(driver.arena, lower);
    while (section_runs(lower)->fresh != section_runs(lower)->unit_count) {
        assert_ptr_equal(take(WIDE_UNIT).section, lower);
    }
    struct need need;
    struct zone *zone = arena_new_zone(driver.arena, 0, 0, 0, &need);
    assert_non_null(zone);
    assert_ptr_equal(arena_section_of(driver.arena, zone_base(zone)), upper);
    assert_ptr_equal(offset_to(driver.arena, zone->section), upper);
    driver_end(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_region_that_holds_anything_becomes_a_section),
        cmocka_unit_test(memory_of_the_arenas_own_is_zero_and_counted),
        cmocka_unit_test(the_most_that_was_used_is_remembered_and_changes_are_counted),
        cmocka_unit_test(an_unused_section_is_plain_memory_again),
        cmocka_unit_test(a_section_with_a_run_in_use_is_not_unused),
        cmocka_unit_test(records_leave_with_their_section),
        cmocka_unit_test(a_record_may_lie_in_another_section),
        cmocka_unit_test(records_fill_what_is_committed_before_more_is_asked_for),
        cmocka_unit_test(records_take_long_runs_where_addresses_are_plenty),
        cmocka_unit_test(a_zone_without_a_record_leaves_its_run_as_it_was),
        cmocka_unit_test(records_among_small_units_are_aligned),
        cmocka_unit_test(a_record_lies_with_its_zone_if_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
