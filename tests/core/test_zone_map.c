// SPDX-License-Identifier: MIT
#include "core/zone_map.h"

#include "core/large.h"
#include "core/offset.h"
#include "tests/core/driver.h"
#include "tests/core/random.h"
#include "tests/core/test.h"

// A wide and a narrow arena with two sections each.
static void arenas_begin(struct driver *wide, struct driver *narrow)
{
    driver_begin(wide, &(struct driver_options){
                           .unit_bytes = 65536, .section_bytes = 4 << 20, .wide = true});
    driver_begin(narrow, &(struct driver_options){.unit_bytes = 256, .section_phase = 64});
    for (unsigned section = 0; section < 2; section++) {
        driver_add_section(wide, (4 + section) << 20);
        driver_add_section(narrow, 600000);
    }
}

static struct zone *find(const struct driver *driver, uintptr_t address)
{
    return zone_map_find(&driver->arena->map, (const void *)address);
}

static bool finds_nothing(const struct driver *driver, uintptr_t address)
{
    return find(driver, address) == &driver->arena->map.nothing;
}

static void expect_nothing_anywhere(const struct driver *driver)
{
    struct random random = random_seeded(17);
    assert_true(finds_nothing(driver, 0));
    assert_true(finds_nothing(driver, UINTPTR_MAX));
    for (unsigned bit = 0; bit < 64; bit++) {
        uintptr_t power = (uintptr_t)1 << bit;
        assert_true(finds_nothing(driver, power - 1));
        assert_true(finds_nothing(driver, power));
        assert_true(finds_nothing(driver, power + 1));
        assert_true(finds_nothing(driver, ~power));
        assert_true(finds_nothing(driver, 0 - power));
    }
    for (unsigned round = 0; round < 20000; round++) {
        assert_true(finds_nothing(driver, (uintptr_t)random_next(&random)));
        assert_true(finds_nothing(
            driver, (uintptr_t)(random_next(&random) >> (random_next(&random) % 64))));
    }
}

static void any_address_is_answered(void **state)
{
    (void)state;
    struct driver wide;
    struct driver narrow;
    arenas_begin(&wide, &narrow);
    expect_nothing_anywhere(&wide);
    expect_nothing_anywhere(&narrow);
    const struct driver *drivers[] = {&wide, &narrow};
    for (unsigned sample = 0; sample < 2; sample++) {
        // The map, the sections' own metadata, their units, their ends.
        const struct driver *driver = drivers[sample];
        assert_true(finds_nothing(driver, (uintptr_t)driver->arena));
        for (size_t region = 0; region < driver->region_count; region++) {
            uintptr_t base = (uintptr_t)driver->regions[region].base;
            for (size_t offset = 0; offset < driver->regions[region].bytes; offset += 97) {
                assert_true(finds_nothing(driver, base + offset));
            }
            assert_true(finds_nothing(driver, base - 1));
            assert_true(finds_nothing(driver, base + driver->regions[region].bytes));
        }
    }
    driver_end(&wide);
    driver_end(&narrow);
}

static void addresses_of_57_bits_are_not_mistaken_for_their_lower_48(void **state)
{
    (void)state;
    struct driver wide;
    struct driver narrow;
    arenas_begin(&wide, &narrow);
    struct driver *drivers[] = {&wide, &narrow};
    for (unsigned sample = 0; sample < 2; sample++) {
        struct need need;
        struct zone *zone = arena_new_zone(drivers[sample]->arena, 2, 0, 0, &need);
        assert_non_null(zone);
        uintptr_t base = (uintptr_t)zone_base(zone);
        assert_ptr_equal(find(drivers[sample], base), zone);
        for (unsigned bit = 48; bit < 64; bit++) {
            assert_true(finds_nothing(drivers[sample], base | (uintptr_t)1 << bit));
            assert_false(zone_map_is_within((const void *)(base | (uintptr_t)1 << bit)));
        }
        assert_true(finds_nothing(drivers[sample], base | (uintptr_t)0xFFFF << 48));
        const uintptr_t above = (uintptr_t)1 << ZONE_MAP_ADDRESS_BITS;
        assert_true(zone_map_is_within((const void *)(above - 1)));
        assert_false(zone_map_is_within((const void *)above));
    }
    driver_end(&wide);
    driver_end(&narrow);
}

static void a_zone_is_found_from_its_first_byte_to_its_last(void **state)
{
    (void)state;
    struct driver wide;
    struct driver narrow;
    arenas_begin(&wide, &narrow);
    struct driver *drivers[] = {&wide, &narrow};
    for (unsigned sample = 0; sample < 2; sample++) {
        struct driver *driver = drivers[sample];
        struct need need;
        const unsigned classes[] = {0, 5, 19, 23};
        struct zone *zones[4];
        for (unsigned index = 0; index < 4; index++) {
            zones[index] = arena_new_zone(driver->arena, classes[index], 0, 0, &need);
            assert_non_null(zones[index]);
        }
        for (unsigned index = 0; index < 4; index++) {
            uintptr_t base = (uintptr_t)zone_base(zones[index]);
            size_t bytes = zones[index]->unit_count * driver->arena->config.unit_bytes;
            for (size_t offset = 0; offset < bytes; offset += 83) {
                assert_ptr_equal(find(driver, base + offset), zones[index]);
            }
            assert_ptr_equal(find(driver, base + bytes - 1), zones[index]);
            assert_ptr_not_equal(find(driver, base - 1), zones[index]);
            assert_ptr_not_equal(find(driver, base + bytes), zones[index]);
        }
        uintptr_t base = (uintptr_t)zone_base(zones[1]);
        size_t bytes = zones[1]->unit_count * driver->arena->config.unit_bytes;
        arena_delete_zone(driver->arena, zones[1]);
        assert_true(finds_nothing(driver, base));
        assert_true(finds_nothing(driver, base + bytes - 1));
        assert_ptr_equal(find(driver, (uintptr_t)zone_base(zones[0])), zones[0]);
        assert_ptr_equal(find(driver, (uintptr_t)zone_base(zones[2])), zones[2]);
    }
    driver_end(&wide);
    driver_end(&narrow);
}

static void sections_are_kept_by_address(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 256});
    struct region region = region_new(12 * 16384, 16384, 0);
    const unsigned order[] = {5, 2, 11, 0, 7, 1, 9, 10, 4, 3, 8, 6};
    for (unsigned place = 0; place < 12; place++) {
        uintptr_t base = (uintptr_t)region.base + order[place] * (size_t)16384;
        assert_true(arena_add_section(driver.arena, base, 16384, NULL));
        assert_true(arena_is_valid(driver.arena));
    }
    unsigned seen = 0;
    for (struct section *section = arena_first_section(driver.arena); section != NULL;
         section = arena_next_section(driver.arena, section)) {
        assert_ptr_equal(section, region.base + seen * (size_t)16384);
        assert_ptr_equal(arena_section_of(driver.arena, section_unit_at(section, 0)), section);
        seen++;
    }
    assert_int_equal(seen, 12);
    driver_end(&driver);
    region_delete(&region);
}

static void leaves_are_missing_until_they_are_added(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 65536, .wide = true});
    struct zone_map *map = &driver.arena->map;
    uintptr_t leaf_bytes = (uintptr_t)1 << ZONE_MAP_LEAF_SHIFT;
    uintptr_t base = 7 * leaf_bytes + 65536;
    assert_int_equal(zone_map_leaf_missing(map, base, 0), 0);
    assert_int_equal(zone_map_leaf_missing(map, base, 1), base);
    assert_int_equal(zone_map_leaf_missing(map, base, 2 * leaf_bytes), base);
    struct region leaves[2];
    for (unsigned leaf = 0; leaf < 2; leaf++) {
        leaves[leaf] = region_new(ZONE_MAP_LEAF_ENTRIES * sizeof(uintptr_t), 65536, 0);
    }
    zone_map_add_leaf(map, base, leaves[0].base);
    assert_int_equal(zone_map_leaf_missing(map, base, 1), 0);
    assert_int_equal(zone_map_leaf_missing(map, 7 * leaf_bytes, leaf_bytes), 0);
    assert_int_equal(zone_map_leaf_missing(map, base, leaf_bytes), 8 * leaf_bytes);
    zone_map_add_leaf(map, 8 * leaf_bytes, leaves[1].base);
    assert_int_equal(zone_map_leaf_missing(map, base, 2 * leaf_bytes - 65536), 0);
    assert_int_equal(zone_map_leaf_missing(map, base, 2 * leaf_bytes), 9 * leaf_bytes);

    // A zone over the border of two leaves has its entries in both.
    struct zone zone = {.kind = ZONE_TINY};
    zone_map_set(map, (const void *)(8 * leaf_bytes - 2 * 65536), 4, &zone);
    for (uintptr_t unit = 0; unit < 4; unit++) {
        assert_ptr_equal(find(&driver, 8 * leaf_bytes - 2 * 65536 + unit * 65536 + 9), &zone);
    }
    assert_true(finds_nothing(&driver, 8 * leaf_bytes - 2 * 65536 - 1));
    assert_true(finds_nothing(&driver, 8 * leaf_bytes + 2 * 65536));
    zone_map_set(map, (const void *)(8 * leaf_bytes - 2 * 65536), 4, NULL);
    assert_true(finds_nothing(&driver, 8 * leaf_bytes));
    for (unsigned leaf = 0; leaf < 2; leaf++) {
        assert_true(bytes_are(leaves[leaf].base, leaves[leaf].bytes, 0));
        region_delete(&leaves[leaf]);
    }
    driver_end(&driver);
}

static uintptr_t near_entry(const struct driver *driver, uintptr_t address)
{
    return (uintptr_t)zone_map_find_near(&driver->arena->map, (const void *)address) -
           (uintptr_t)&driver->arena->map;
}

static _Atomic uintptr_t *near_place(struct zone_map *map, uintptr_t address)
{
    return &((struct zone_map_wide *)map - 1)->near[zone_map_near_index(address)];
}

static void of_units_that_share_the_lower_half_the_first_is_near(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 65536, .wide = true});
    struct zone_map *map = &driver.arena->map;
    uintptr_t near_bytes = (uintptr_t)ZONE_MAP_NEAR_ENTRIES << 16;
    uintptr_t low = 7 * near_bytes + 5 * 65536, high = low + near_bytes;
    struct region leaves[2];
    for (unsigned leaf = 0; leaf < 2; leaf++) {
        leaves[leaf] = region_new(ZONE_MAP_LEAF_ENTRIES * sizeof(uintptr_t), 65536, 0);
        zone_map_add_leaf(map, low + leaf * near_bytes, leaves[leaf].base);
    }
    struct zone zones[2];
    for (unsigned which = 0; which < 2; which++) {
        uintptr_t base = which == 0 ? low : high;
        zones[which] = (struct zone){.kind = ZONE_TINY, .base = base - (uintptr_t)&zones[which]};
    }
    assert_int_equal(near_entry(&driver, low), 0);
    zone_map_set(map, (const void *)low, 2, &zones[0]);
    zone_map_set(map, (const void *)high, 2, &zones[1]);
    for (uintptr_t unit = 0; unit < 2; unit++) {
        for (unsigned each = 0; each < 9; each++) {
            uintptr_t address = low + (each - 7) * near_bytes + unit * 65536 + 17;
            assert_ptr_equal(zone_map_find_near(map, (const void *)address), &zones[0]);
            assert_true(zone_map_near_is_valid(map, address));
        }
        assert_ptr_equal(find(&driver, low + unit * 65536), &zones[0]);
        assert_ptr_equal(find(&driver, high + unit * 65536), &zones[1]);
    }
    assert_int_equal(near_entry(&driver, low - 1), 0);
    assert_int_equal(near_entry(&driver, low + 2 * 65536), 0);
    // Who came second has no part in it, until the first has gone and it is entered anew.
    zone_map_set(map, (const void *)high, 2, NULL);
    assert_ptr_equal(zone_map_find_near(map, (const void *)low), &zones[0]);
    zone_map_set(map, (const void *)high, 2, &zones[1]);
    zone_map_set(map, (const void *)low, 2, NULL);
    assert_int_equal(near_entry(&driver, high), 0);
    assert_true(zone_map_near_is_valid(map, high));
    zone_map_set(map, (const void *)high, 1, &zones[1]);
    assert_ptr_equal(zone_map_find_near(map, (const void *)low), &zones[1]);
    assert_true(zone_map_near_is_valid(map, low));
    // An entry that outlives its zone is noticed.
    *near_place(map, high + 65536) = (uintptr_t)&zones[0] - (uintptr_t)map;
    assert_false(zone_map_near_is_valid(map, high + 65536));
    *near_place(map, high + 65536) = 0;
    zone_map_set(map, (const void *)high, 2, NULL);
    for (unsigned leaf = 0; leaf < 2; leaf++) {
        assert_true(bytes_are(leaves[leaf].base, leaves[leaf].bytes, 0));
        region_delete(&leaves[leaf]);
    }
    driver_end(&driver);
}

// ---- what rests of `near` -------------------------------------------------------------------------

static bool is_near(const struct driver *driver, const struct zone *zone, uint32_t unit)
{
    uintptr_t address = (uintptr_t)zone_base(zone) + unit * (uintptr_t)65536;
    assert_ptr_equal(find(driver, address), zone);
    return zone_map_find_near(&driver->arena->map, (const void *)address) == zone;
}

static void what_rests_is_not_written_and_all_is_found(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 65536, .wide = true});
    struct zone_map *map = &driver.arena->map;
    const struct zone_map_wide *wide = (const struct zone_map_wide *)map - 1;
    assert_false(zone_map_near_rests_at(map, 0));
    zone_map_rest_near(map);
    for (uintptr_t address = 0; address >> 32 == 0; address += 65536) {
        assert_true(zone_map_near_rests_at(map, address | (uintptr_t)5 << 32));
    }
    struct section *section = driver_add_section(&driver, 8 << 20);
    struct need need;
    struct zone *gone = arena_new_zone(driver.arena, 3, 0, 0, &need);
    struct zone *zone = arena_new_zone(driver.arena, 19, 0, 0, &need);
    struct grant large = large_take(driver.arena, 100000, 16, &need);
    assert_true(gone != NULL && zone != NULL && large.ptr != NULL);
    arena_delete_zone(driver.arena, gone);
    assert_true(bytes_are((const unsigned char *)wide->near, sizeof(wide->near), 0));
    assert_false(is_near(&driver, zone, 0));
    assert_true(driver_is_valid(&driver));
    // Awake, all of it is as if it had never rested: zones are entered, and neither what is gone nor LARGE chunks.
    zone_map_wake_near(map, (uintptr_t)section_unit_at(section, 0),
                       section_runs(section)->unit_count);
    for (uint32_t unit = 0; unit < zone->unit_count; unit++) {
        assert_true(is_near(&driver, zone, unit));
    }
    size_t entered = 0;
    for (uint32_t index = 0; index < ZONE_MAP_NEAR_ENTRIES; index++) {
        entered += wide->near[index] != 0;
    }
    assert_int_equal(entered, zone->unit_count);
    struct zone *other = arena_new_zone(driver.arena, 3, 0, 0, &need);
    assert_true(is_near(&driver, other, 0));
    assert_true(driver_is_valid(&driver));
    arena_delete_zone(driver.arena, zone);
    arena_delete_zone(driver.arena, other);
    assert_true(bytes_are((const unsigned char *)wide->near, sizeof(wide->near), 0));
    driver_end(&driver);
}

static void a_part_wakes_alone_and_takes_no_entry_from_another(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 65536, .wide = true});
    struct zone_map *map = &driver.arena->map;
    zone_map_rest_near(map);
    driver_add_section(&driver, 48 << 20);
    struct need need;
    struct zone *zones[60];
    for (unsigned index = 0; index < 60;
         index++) { // 13 units each: more than a part has entries for
        zones[index] = arena_new_zone(driver.arena, 27, 0, 0, &need);
        assert_non_null(zones[index]);
    }
    uintptr_t first = (uintptr_t)zone_base(zones[0]);
    // Somebody else has the entry of the first zone's second unit.
    *near_place(map, first + 65536) = offset_of(map, zones[1]);
    zone_map_wake_near(map, first, 1);
    const uintptr_t part_bytes = (uintptr_t)ZONE_MAP_NEAR_PART << 16;
    unsigned awake = 0;
    for (unsigned index = 0; index < 60; index++) {
        for (uint32_t unit = 0; unit < zones[index]->unit_count; unit++) {
            uintptr_t address = (uintptr_t)zone_base(zones[index]) + unit * (uintptr_t)65536;
            bool is_awake = address / part_bytes == first / part_bytes;
            assert_true(zone_map_near_rests_at(map, address) == !is_awake);
            bool is_others = index == 0 && unit == 1;
            assert_true(is_near(&driver, zones[index], unit) == (is_awake && !is_others));
            awake += is_awake;
        }
    }
    assert_in_range(awake, 1, ZONE_MAP_NEAR_PART);
    *near_place(map, first + 65536) = 0;
    driver_end(&driver);
}

// As many units are awake as were woken, over the border of a part.
static void units_are_woken_one_by_one(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 65536, .wide = true});
    struct zone_map *map = &driver.arena->map;
    const uintptr_t part_bytes = (uintptr_t)ZONE_MAP_NEAR_PART << 16;
    zone_map_rest_near(map);
    zone_map_wake_near(map, 34 * part_bytes - 65536, 2 + ZONE_MAP_NEAR_PART);
    for (uintptr_t part = 0; part < ZONE_MAP_NEAR_PARTS; part++) {
        bool is_awake = part >= 33 && part <= 35;
        assert_true(zone_map_near_rests_at(map, part * part_bytes) == !is_awake);
        assert_true(zone_map_near_rests_at(map, (part + 1) * part_bytes - 1) == !is_awake);
    }
    driver_end(&driver);
}

static void a_narrow_map_wants_no_leaf(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 65536});
    assert_int_equal(zone_map_leaf_missing(&driver.arena->map, 1 << 20, SIZE_MAX / 2), 0);
    driver_end(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_address_is_answered),
        cmocka_unit_test(addresses_of_57_bits_are_not_mistaken_for_their_lower_48),
        cmocka_unit_test(a_zone_is_found_from_its_first_byte_to_its_last),
        cmocka_unit_test(sections_are_kept_by_address),
        cmocka_unit_test(leaves_are_missing_until_they_are_added),
        cmocka_unit_test(of_units_that_share_the_lower_half_the_first_is_near),
        cmocka_unit_test(what_rests_is_not_written_and_all_is_found),
        cmocka_unit_test(a_part_wakes_alone_and_takes_no_entry_from_another),
        cmocka_unit_test(units_are_woken_one_by_one),
        cmocka_unit_test(a_narrow_map_wants_no_leaf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
