// SPDX-License-Identifier: MIT
// Records of zones: where they come from when a section's area for them is full, and how often an
// arena asks for memory on the way.
#include "core/arena.h"
#include "tests/core/driver.h"
#include "tests/core/test.h"

enum { ZONES_MAX = 4096 };

// A new zone, and how many asks it took; more than `most` are a failure.
static struct zone *new_zone(struct driver *driver, unsigned size_class, size_t most)
{
    struct need need;
    size_t before = driver_asks(driver);
    struct zone *zone = arena_new_zone(driver->arena, size_class, 0, 0, &need);
    while (zone == NULL && driver_asks(driver) - before < most && driver_meet(driver, &need)) {
        zone = arena_new_zone(driver->arena, size_class, 0, 0, &need);
    }
    return zone;
}

static void a_zone_in_a_section_without_room_for_its_record_is_still_had(void **state)
{
    (void)state;
    // The first section is filled until a zone has room there and its record does not; the second
    // one, added then, has room for both.
    for (unsigned size_class = 0; size_class < 12; size_class++) {
        struct driver driver;
        driver_begin(&driver,
                     &(struct driver_options){.unit_bytes = 4096, .section_bytes = 1 << 20});
        driver_add_section(&driver, 1 << 20);
        struct need need;
        while (arena_new_zone(driver.arena, size_class, 0, 0, &need) != NULL) {
        }
        for (unsigned zone = 0; zone < 20; zone++) {
            assert_non_null(new_zone(&driver, size_class, 2));
        }
        assert_in_range(driver.arena->section_count, 2, 3);
        driver_end(&driver);
    }
}

static void every_zone_takes_at_most_two_asks(void **state)
{
    (void)state;
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class += 3) {
        for (unsigned unit_shift = 12; unit_shift <= 16; unit_shift += 2) {
            struct driver driver;
            driver_begin(&driver, &(struct driver_options){
                                      .unit_bytes = (size_t)1 << unit_shift,
                                      .page_bytes = 4096,
                                      .section_bytes = 4 << 20,
                                      .commits = true,
                                  });
            for (unsigned count = 0; count < 60 && driver.region_count < 12; count++) {
                assert_non_null(new_zone(&driver, size_class, 2));
            }
            driver_end(&driver);
        }
    }
}

static void records_are_used_again_by_their_own_class(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 4096, .section_bytes = 4 << 20});
    struct zone *zones[3];
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned index = 0; index < 3; index++) {
            struct zone *zone = new_zone(&driver, 4 + index, 1);
            assert_true(zone_is_valid(zone));
            assert_true(round == 0 || zone == zones[index]);
            assert_ptr_equal(zone_map_find(&driver.arena->map, zone_base(zone)), zone);
            zones[index] = zone;
        }
        for (unsigned index = 0; index < 3; index++) {
            arena_delete_zone(driver.arena, zones[index]);
            assert_true(arena_is_valid(driver.arena));
        }
        assert_int_equal(driver.arena->used_unit_count, 0);
    }
    driver_end(&driver);
}

static void a_zone_on_units_used_before_has_no_fresh_chunks(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 4096, .section_bytes = 4 << 20});
    struct zone *zone = new_zone(&driver, 4, 1);
    assert_int_equal(zone_state(zone, 0), STATE_FRESH);
    struct chunk_entry entry;
    assert_int_equal(zone_take(zone, &entry, 1), 1);
    zone_set_live(zone, entry.state, 1);
    zone_set_state(zone, 0, STATE_FREED);
    zone_give(zone, 0);
    arena_delete_zone(driver.arena, zone);
    zone = new_zone(&driver, 4, 0);
    assert_int_equal(zone_state(zone, 0), STATE_FREED);
    assert_int_equal(zone_state(zone, zone->chunk_count - 1), STATE_FREED);
    driver_end(&driver);
}

static void a_refused_record_leaves_the_run_free_and_clean(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 65536,
                                                   .page_bytes = 4096,
                                                   .space_mib = UINT16_MAX,
                                                   .section_bytes = 48 << 20,
                                                   .commits = true});
    bool refused = false;
    for (unsigned count = 0; count < 700 && !refused; count++) {
        struct need need;
        size_t used = driver.arena->used_unit_count;
        if (arena_new_zone(driver.arena, 0, 0, 0, &need) == NULL) {
            refused = need.kind == NEED_COMMIT && need.commit[1].bytes == 0;
            assert_true(arena_is_valid(driver.arena));
            assert_int_equal(driver.arena->used_unit_count, used);
            assert_true(driver_meet(&driver, &need));
        }
    }
    assert_true(refused); // only the record was missing
    struct need need;
    struct zone *zone = arena_new_zone(driver.arena, 0, 0, 0, &need);
    assert_non_null(zone);
    assert_int_equal(zone_state(zone, 0), STATE_FRESH);
    driver_end(&driver);
}

static void classes_whose_zones_are_too_large_are_not_served(void **state)
{
    (void)state;
    for (size_t most = 4096; most <= 8 << 20; most *= 2) {
        struct driver driver;
        driver_begin(&driver, &(struct driver_options){.unit_bytes = 4096, .zone_bytes_max = most});
        for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
            size_t run = bits_align_up(100 * size_class_bytes(size_class), 4096);
            assert_int_equal(size_class < driver.arena->class_count, run <= most);
        }
        driver_end(&driver);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zone_in_a_section_without_room_for_its_record_is_still_had),
        cmocka_unit_test(every_zone_takes_at_most_two_asks),
        cmocka_unit_test(records_are_used_again_by_their_own_class),
        cmocka_unit_test(a_zone_on_units_used_before_has_no_fresh_chunks),
        cmocka_unit_test(a_refused_record_leaves_the_run_free_and_clean),
        cmocka_unit_test(classes_whose_zones_are_too_large_are_not_served),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
