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

static struct need need;

static struct zone *new_virgin_zone(void)
{
    return arena_new_virgin_zone(driver.arena, size_class_of(CLASS_BYTES), 0, 0, &need);
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
    assert_int_equal(need.kind, NEED_SECTION);
    take(UNIT);
    size_t zone_bytes = (size_t)new_virgin_zone()->unit_count * UNIT;
    driver.arena->config.limit_bytes = driver.arena->used_unit_count * UNIT + zone_bytes - 1;
    assert_null(new_virgin_zone());
    assert_int_equal(need.kind, NEED_NOTHING);
    driver.arena->config.limit_bytes++;
    assert_non_null(new_virgin_zone());
    assert_true(arena_is_valid(driver.arena));
    driver_end(&driver);
}

// The same, of which not all is committed.
static void begin_committing(void)
{
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT,
                                                   .page_bytes = 4096,
                                                   .dirty_bytes_max = 16 * MIB,
                                                   .section_bytes = 48 * MIB,
                                                   .commits = true,
                                                   .wide = true});
}

static void a_virgin_zone_says_what_it_needs(void **state)
{
    (void)state;
    begin_committing();
    take(8 * MIB);
    while (new_virgin_zone() != NULL) {
        assert_int_equal(need.kind, NEED_NOTHING);
    }
    const struct run_table *runs = section_runs(arena_first_section(driver.arena));
    uint32_t units = zone_layout_of(size_class_of(CLASS_BYTES), UNIT).unit_count;
    assert_in_range(runs->committed - runs->fresh, 0, units - 1);
    assert_int_equal(need.kind, NEED_COMMIT);
    assert_true(driver_meet(&driver, &need));
    assert_non_null(new_virgin_zone());
    driver_end(&driver);
}

// Cuts zones of a class until there is room for another, but not for its record.
static void fill_records(unsigned size_class)
{
    bool refused = false;
    for (unsigned count = 0; count < 700 && !refused; count++) {
        if (arena_new_zone(driver.arena, size_class, 0, 0, &need) == NULL) {
            refused = need.kind == NEED_COMMIT && need.commit[1].bytes == 0;
            assert_true(refused || driver_meet(&driver, &need));
        }
    }
    assert_true(refused); // only the record is missing
}

static void without_a_record_a_virgin_run_is_free_and_clean(void **state)
{
    (void)state;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT,
                                                   .page_bytes = 4096,
                                                   .space_mib = UINT16_MAX,
                                                   .section_bytes = 48 * MIB,
                                                   .commits = true,
                                                   .wide = true});
    fill_records(0);
    const struct run_table *runs = section_runs(arena_first_section(driver.arena));
    size_t used = driver.arena->used_unit_count;
    uint32_t free = runs->free_count;
    assert_null(arena_new_virgin_zone(driver.arena, 0, 0, 0, &need));
    assert_int_equal(need.kind, NEED_NOTHING);
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

static size_t zone_bytes(void)
{
    return (size_t)zone_layout_of(size_class_of(CLASS_BYTES), UNIT).unit_count * UNIT;
}

// A heap that has had its chunks of the class as runs, and will next have a zone.
static struct heap *acquire_before_zone(void)
{
    struct heap *heap = driver_acquire(&driver, 2 * UNIT);
    for (unsigned count = 0; count < SERVED_AS_RUNS; count++) {
        assert_int_equal(zone_of(alloc(heap))->kind, ZONE_LARGE);
    }
    return heap;
}

static void the_first_zone_of_a_small_class_is_virgin_and_later_ones_are_not(void **state)
{
    (void)state;
    begin(16 * MIB);
    struct heap *heap = acquire_before_zone();
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

static void so_is_that_of_a_class_without_runs_but_not_of_a_tiny_one(void **state)
{
    (void)state;
    begin(16 * MIB);
    struct heap *heap = driver_acquire(&driver, 2 * UNIT);
    (void)leave_dirty(4 * UNIT);
    for (unsigned tiny = 0; tiny < 2; tiny++) {
        const void *ptr = driver_alloc(&driver, heap, SIZE_CLASS_TINY_MAX + 1 - tiny, 16).ptr;
        assert_int_equal(zone_of(ptr)->is_cut_dirty, tiny);
    }
    driver_end(&driver);
}

static void with_a_narrow_map_no_zone_has_to_be_virgin(void **state)
{
    (void)state;
    driver_begin(&driver, &(struct driver_options){
                              .unit_bytes = UNIT, .page_bytes = 4096, .section_bytes = 64 * MIB});
    struct heap *heap = driver_acquire(&driver, 2 * UNIT);
    struct run dirty = leave_dirty(4 * UNIT);
    const void *ptr = driver_alloc(&driver, heap, SIZE_CLASS_TINY_MAX + 1, 16).ptr;
    assert_int_equal(zone_base(zone_of(ptr)), address_of(&dirty));
    driver_end(&driver);
}

static void a_first_zone_that_lacks_its_record_is_had_all_the_same(void **state)
{
    (void)state;
    begin_committing();
    driver.arena->config.space_mib = UINT16_MAX; // or all that records may take would be there
    struct heap *heap = driver_acquire(&driver, 2 * UNIT);
    fill_records(0);
    fill_records(SIZE_CLASS_TINY_COUNT);
    assert_non_null(driver_alloc(&driver, heap, SIZE_CLASS_TINY_MAX + 1, 16).ptr);
    assert_int_equal(driver_asks(&driver), 1);
    driver_end(&driver);
}

static void where_memory_is_scarce_the_first_zone_is_cut_of_what_is_free(void **state)
{
    (void)state;
    begin(16 * MIB);
    struct heap *heap = acquire_before_zone();
    (void)leave_dirty(2 * zone_bytes());
    take(8 * MIB);
    driver.arena->config.space_mib = 256; // of which a zone of this class is not too much
    assert_true(arena_is_scarce(driver.arena));
    assert_true(zone_of(alloc(heap))->is_cut_dirty);
    driver_end(&driver);
}

static void for_a_virgin_zone_memory_is_asked_for_once(void **state)
{
    (void)state;
    for (unsigned met = 0; met < 2; met++) {
        begin_committing();
        struct heap *heap = acquire_before_zone();
        struct run dirty = leave_dirty(2 * zone_bytes());
        const struct run_table *runs = section_runs(dirty.section);
        take((size_t)(runs->committed - runs->fresh) * UNIT);
        driver.asks_allowed = met;
        struct grant grant = driver_alloc(&driver, heap, CLASS_BYTES, 16);
        assert_int_equal(driver_asks(&driver), 1);
        if (met == 0) { // and refused: it is not asked for again
            assert_null(grant.ptr);
            grant = driver_alloc(&driver, heap, CLASS_BYTES, 16);
            assert_int_equal(driver_asks(&driver), 0);
        }
        assert_int_equal(zone_of(grant.ptr)->is_cut_dirty, met == 0);
        driver_end(&driver);
    }
}

static struct zone *new_zone(unsigned size_class)
{
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
        cmocka_unit_test(a_virgin_zone_says_what_it_needs),
        cmocka_unit_test(without_a_record_a_virgin_run_is_free_and_clean),
        cmocka_unit_test(the_first_zone_of_a_small_class_is_virgin_and_later_ones_are_not),
        cmocka_unit_test(so_is_that_of_a_class_without_runs_but_not_of_a_tiny_one),
        cmocka_unit_test(with_a_narrow_map_no_zone_has_to_be_virgin),
        cmocka_unit_test(a_first_zone_that_lacks_its_record_is_had_all_the_same),
        cmocka_unit_test(where_memory_is_scarce_the_first_zone_is_cut_of_what_is_free),
        cmocka_unit_test(for_a_virgin_zone_memory_is_asked_for_once),
        cmocka_unit_test(a_zone_knows_about_how_much_of_it_may_hold_old_bytes),
        cmocka_unit_test(where_any_may_be_left_a_dissolved_zone_is_not_clean),
        cmocka_unit_test(behind_what_was_handed_out_a_clean_zone_leaves_clean_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
