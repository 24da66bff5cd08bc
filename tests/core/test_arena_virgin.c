// SPDX-License-Identifier: MIT
// Zones that are cut of memory that was never used, and what is known of old bytes in those that are not.
#include "core/heap.h"
#include "tests/core/driver.h"
#include "tests/core/test.h"

#include <string.h>

enum { MIB = 1 << 20, UNIT = 65536, CLASS_BYTES = 10240, SERVED_AS_RUNS = 10 };

static struct driver driver;

static void begin(size_t dirty_bytes_max)
{
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT,
                                                   .page_bytes = 4096,
                                                   .dirty_bytes_max = dirty_bytes_max,
                                                   .section_bytes = 64 * MIB,
                                                   .wide = true});
}

static struct run take(size_t bytes)
{
    return driver_take_run(&driver, bytes);
}

static uintptr_t address_of(const struct run *run)
{
    return (uintptr_t)section_unit_at(run->section, run->first);
}

static void give(const struct run *run)
{
    arena_give_run(driver.arena, run->section, run->first);
    assert_true(arena_is_valid(driver.arena));
}

// A free run that holds old bytes, with something in use behind it.
static struct run leave_dirty(size_t bytes)
{
    struct run run = take(bytes);
    take(UNIT);
    memset((void *)address_of(&run), 0xFF, bytes);
    give(&run);
    return run;
}

static size_t dirty_units(void)
{
    size_t dirty = 0;
    for (struct section *section = arena_first_section(driver.arena); section != NULL;
         section = arena_next_section(driver.arena, section)) {
        dirty += section_runs(section)->dirty_count;
    }
    return dirty;
}

static struct zone *new_virgin_zone(void)
{
    return arena_new_virgin_zone(driver.arena, size_class_of(CLASS_BYTES), 0, 0);
}

static void a_virgin_zone_leaves_what_is_free_to_others(void **state)
{
    (void)state;
    begin(4 * MIB);
    struct run dirty = leave_dirty(8 * MIB);
    uint32_t fresh = section_runs(dirty.section)->fresh;
    size_t used = driver.arena->used_unit_count;
    struct zone *zone = new_virgin_zone();
    assert_non_null(zone);
    assert_ptr_equal(zone_base(zone), section_unit_at(dirty.section, fresh));
    assert_int_equal(driver.arena->used_unit_count, used + zone->unit_count);
    assert_false(zone->is_cut_dirty);
    assert_int_equal(zone_dirty_count(zone), 0);
    assert_int_equal(dirty_units(), 8 * MIB / UNIT);
    assert_int_equal(driver.arena->zone_count, 1);
    assert_true(arena_is_valid(driver.arena));
    driver_end(&driver);
}

static void a_virgin_zone_is_refused_where_none_is_allowed(void **state)
{
    (void)state;
    begin(4 * MIB);
    assert_null(new_virgin_zone()); // there is no section yet
    take(UNIT);
    size_t zone_bytes = (size_t)new_virgin_zone()->unit_count * UNIT;
    driver.arena->config.limit_bytes = driver.arena->used_unit_count * UNIT + zone_bytes - 1;
    assert_null(new_virgin_zone());
    driver.arena->config.limit_bytes++;
    assert_non_null(new_virgin_zone());
    assert_true(arena_is_valid(driver.arena));
    driver_end(&driver);
}

static void a_virgin_zone_asks_for_nothing(void **state)
{
    (void)state;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT,
                                                   .page_bytes = 4096,
                                                   .section_bytes = 48 * MIB,
                                                   .commits = true,
                                                   .wide = true});
    take(8 * MIB);
    size_t asks = driver_asks(&driver);
    while (new_virgin_zone() != NULL) {
    }
    assert_int_equal(driver_asks(&driver), asks);
    const struct run_table *runs = section_runs(arena_first_section(driver.arena));
    uint32_t units = zone_layout_of(size_class_of(CLASS_BYTES), UNIT).unit_count;
    assert_in_range(runs->committed - runs->fresh, 0, units - 1);
    driver_end(&driver);
}

static void without_a_record_a_virgin_run_is_free_and_clean(void **state)
{
    (void)state;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT,
                                                   .page_bytes = 4096,
                                                   .section_bytes = 48 * MIB,
                                                   .commits = true,
                                                   .wide = true});
    struct need need;
    bool refused = false;
    for (unsigned count = 0; count < 700 && !refused; count++) {
        if (arena_new_zone(driver.arena, 0, 0, 0, &need) == NULL) {
            refused = need.kind == NEED_COMMIT && need.commit[1].bytes == 0;
            assert_true(refused || driver_meet(&driver, &need));
        }
    }
    assert_true(refused); // only the record is missing
    const struct run_table *runs = section_runs(arena_first_section(driver.arena));
    size_t used = driver.arena->used_unit_count;
    uint32_t free = runs->free_count;
    assert_null(arena_new_virgin_zone(driver.arena, 0, 0, 0));
    assert_int_equal(driver.arena->used_unit_count, used);
    assert_int_equal(runs->free_count, free + 1);
    assert_int_equal(runs->dirty_count, 0);
    assert_true(arena_is_valid(driver.arena));
    driver_end(&driver);
}

static struct zone *zone_of(const void *ptr)
{
    return chunk_locate(driver.arena, ptr).zone;
}

static void *alloc(struct heap *heap)
{
    void *ptr = driver_alloc(&driver, heap, CLASS_BYTES, 16).ptr;
    assert_non_null(ptr);
    return ptr;
}

static void the_first_zone_of_a_large_class_is_virgin_and_later_ones_are_not(void **state)
{
    (void)state;
    begin(16 * MIB);
    struct heap *heap = driver_acquire(&driver, 2 * UNIT);
    for (unsigned count = 0; count < SERVED_AS_RUNS; count++) {
        assert_int_equal(zone_of(alloc(heap))->kind, ZONE_LARGE);
    }
    (void)leave_dirty(8 * MIB);
    const struct zone *first = zone_of(alloc(heap));
    assert_int_equal(first->kind, ZONE_SMALL);
    assert_false(first->is_cut_dirty);
    assert_int_equal(dirty_units(), 8 * MIB / UNIT);
    const struct zone *second = first;
    while (second == first) {
        second = zone_of(alloc(heap));
    }
    assert_true(second->is_cut_dirty);
    assert_int_equal(dirty_units(), 8 * MIB / UNIT - second->unit_count);
    driver_end(&driver);
}

static void where_none_is_committed_the_first_zone_is_cut_of_what_is_free(void **state)
{
    (void)state;
    begin(16 * MIB);
    struct heap *heap = driver_acquire(&driver, 2 * UNIT);
    for (unsigned count = 0; count < SERVED_AS_RUNS; count++) {
        (void)alloc(heap);
    }
    struct run dirty = leave_dirty(8 * MIB);
    const struct run_table *runs = section_runs(dirty.section);
    take((size_t)(runs->committed - runs->fresh) * UNIT);
    assert_true(zone_of(alloc(heap))->is_cut_dirty);
    driver_end(&driver);
}

static struct zone *new_zone(unsigned size_class)
{
    struct need need;
    struct zone *zone = arena_new_zone(driver.arena, size_class, 0, 0, &need);
    assert_non_null(zone);
    return zone;
}

static void a_zone_knows_about_how_much_of_it_may_hold_old_bytes(void **state)
{
    (void)state;
    unsigned size_class = size_class_of(CLASS_BYTES);
    uint32_t units = zone_layout_of(size_class, UNIT).unit_count;
    for (uint32_t dirty = 0; dirty <= units; dirty++) {
        begin(16 * MIB);
        // One free run, whose first units may hold old bytes.
        struct run all = take((size_t)units * UNIT);
        take(UNIT);
        run_give_known(section_runs(all.section), all.first,
                       (struct run_dirt){.count = dirty, .end = dirty});
        arena_count_unused(driver.arena, units);
        struct zone *zone = new_zone(size_class);
        assert_ptr_equal(zone_base(zone), section_unit_at(all.section, all.first));
        assert_int_equal(zone->is_cut_dirty, dirty != 0);
        uint32_t chunks = (dirty * UNIT + CLASS_BYTES - 1) / CLASS_BYTES;
        chunks = chunks < zone->chunk_count ? chunks : zone->chunk_count;
        assert_int_equal(zone_dirty_count(zone), chunks);
        // What was never handed out says no more when the zone is dissolved than when it was cut.
        arena_delete_zone(driver.arena, zone);
        assert_true(arena_is_valid(driver.arena));
        struct run_dirt left = run_dirt(section_runs(all.section), all.first);
        assert_in_range(left.count, dirty, dirty + (dirty != 0 && dirty != units));
        assert_int_equal(left.end, dirty != 0 ? units : 0);
        driver_end(&driver);
    }
}

static void where_any_may_be_left_a_dissolved_zone_is_not_clean(void **state)
{
    (void)state;
    unsigned size_class = size_class_of(CLASS_BYTES);
    uint32_t units = zone_layout_of(size_class, UNIT).unit_count;
    begin(16 * MIB);
    // One unit may hold old bytes, somewhere in the first twenty: of a piece its share does, rounded up in what stays.
    struct run all = take((size_t)2 * units * UNIT);
    take(UNIT);
    struct run_table *runs = section_runs(all.section);
    run_give_known(runs, all.first, (struct run_dirt){.count = 1, .end = 20});
    arena_count_unused(driver.arena, 2 * units);
    struct zone *zone = new_zone(size_class);
    assert_true(zone->is_cut_dirty);
    assert_int_equal(zone_dirty_count(zone), 1);
    arena_delete_zone(driver.arena, zone);
    assert_true(arena_is_valid(driver.arena));
    struct run again = take((size_t)units * UNIT);
    assert_int_equal(again.first, all.first);
    assert_false(again.clean);
    driver_end(&driver);
}

static void behind_what_was_handed_out_a_clean_zone_leaves_clean_units(void **state)
{
    (void)state;
    unsigned size_class = size_class_of(CLASS_BYTES);
    for (uint32_t used = 0; used <= 102; used += 17) {
        begin(16 * MIB);
        (void)take(UNIT);
        struct zone *zone = new_zone(size_class);
        struct run_table *runs = section_runs(arena_first_section(driver.arena));
        struct chunk_entry entries[102];
        assert_int_equal(zone_take(zone, entries, used), used);
        for (uint32_t chunk = 0; chunk < used; chunk++) {
            zone_set_live(zone, entries[chunk].state, CLASS_BYTES);
            zone_set_state(zone, used - 1 - chunk, STATE_FREED); // the lowest is on top
        }
        assert_int_equal(zone_give_entries(zone, entries, used), used);
        assert_int_equal(zone_dirty_count(zone), used);
        arena_delete_zone(driver.arena, zone);
        assert_true(arena_is_valid(driver.arena));
        assert_int_equal(runs->dirty_count, (used * CLASS_BYTES + UNIT - 1) / UNIT);
        driver_end(&driver);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_virgin_zone_leaves_what_is_free_to_others),
        cmocka_unit_test(a_virgin_zone_is_refused_where_none_is_allowed),
        cmocka_unit_test(a_virgin_zone_asks_for_nothing),
        cmocka_unit_test(without_a_record_a_virgin_run_is_free_and_clean),
        cmocka_unit_test(the_first_zone_of_a_large_class_is_virgin_and_later_ones_are_not),
        cmocka_unit_test(where_none_is_committed_the_first_zone_is_cut_of_what_is_free),
        cmocka_unit_test(a_zone_knows_about_how_much_of_it_may_hold_old_bytes),
        cmocka_unit_test(where_any_may_be_left_a_dissolved_zone_is_not_clean),
        cmocka_unit_test(behind_what_was_handed_out_a_clean_zone_leaves_clean_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
