// SPDX-License-Identifier: MIT
// Breaks what arena_is_valid() and section_is_valid() promise, and wants them to notice: M1 (zone_map.h),
// the order and number of sections, the counters, the parts of a section.
#include "core/arena.h"

#include "core/large.h"
#include "core/offset.h"
#include "tests/core/driver.h"
#include "tests/core/test.h"

enum { CLASS = 25, LARGE_BYTES = 3 };

// An arena with a zone of several units, a LARGE run of three, a run of the arena's own, and a free run.
struct scene {
    struct driver driver;
    struct arena *arena;
    struct section *section;
    struct zone *zone;  // of class CLASS
    struct zone *other; // of the same class
    unsigned char *large;
    uint32_t meta;
    uint32_t free;
};

static struct scene scene;

static void scene_begin(bool wide)
{
    size_t unit = wide ? 65536 : 4096;
    driver_begin(&scene.driver, &(struct driver_options){.unit_bytes = unit, .wide = wide});
    scene.arena = scene.driver.arena;
    scene.section = driver_add_section(&scene.driver, 64 * unit + (wide ? 2 << 20 : 1 << 20));
    struct need need;
    scene.zone = arena_new_zone(scene.arena, CLASS, 0, 0, &need);
    scene.other = arena_new_zone(scene.arena, CLASS, 0, 0, &need);
    scene.large = large_take(scene.arena, LARGE_BYTES * unit, 16, &need).ptr;
    struct run free = arena_take_run(scene.arena, 2 * unit, 1, &need);
    struct run meta = arena_take_meta(scene.arena, 2 * unit, &need);
    assert_true(scene.zone != NULL && scene.other != NULL && scene.large != NULL &&
                free.section != NULL && meta.section != NULL);
    arena_give_run(scene.arena, free.section, free.first);
    scene.free = free.first;
    scene.meta = meta.first;
    assert_true(arena_is_valid(scene.arena));
}

static void scene_end(void)
{
    for (size_t region = 0; region < scene.driver.region_count; region++) {
        region_delete(&scene.driver.regions[region]);
    }
    driver_delete_arena(&scene.driver);
}

typedef void breaker(void);

static void expect_noticed_in(breaker *breaks, bool wide)
{
    scene_begin(wide);
    breaks();
    assert_false(arena_is_valid(scene.arena));
    scene_end();
}

static void expect_noticed(breaker *breaks)
{
    expect_noticed_in(breaks, false);
    expect_noticed_in(breaks, true);
}

// Lets one unit lead elsewhere, in either kind of map.
static void lead(const void *unit, const struct zone *zone)
{
    zone_map_set(&scene.arena->map, unit, 1, zone);
}

static unsigned char *unit_of(const struct zone *zone, uint32_t unit)
{
    return (unsigned char *)zone_base(zone) + unit * arena_unit_bytes(scene.arena);
}

static void a_first_unit_that_leads_to_nothing(void)
{
    lead(zone_base(scene.zone), NULL);
}

static void a_last_unit_that_leads_to_nothing(void)
{
    lead(unit_of(scene.zone, scene.zone->unit_count - 1), NULL);
}

static void a_unit_in_between_that_leads_to_another_zone(void)
{
    lead(unit_of(scene.zone, 1), scene.other);
}

static void all_units_that_lead_to_another_zone(void)
{
    zone_map_set(&scene.arena->map, zone_base(scene.zone), scene.zone->unit_count, scene.other);
}

static void a_zone_with_another_base(void)
{
    scene.zone->base += 16;
}

static void a_zone_with_fewer_units_than_its_run(void)
{
    scene.zone->unit_count--;
}

static void a_zone_without_chunks(void)
{
    scene.zone->chunk_count = 0;
}

static void a_large_run_that_ends_before_it_begins(void)
{
    struct unit *first =
        run_unit(section_runs(scene.section), section_unit_of(scene.section, scene.large));
    run_set_note(first, RUN_TAIL);
}

static void a_large_run_that_leads_to_nothing(void)
{
    lead(scene.large, NULL);
}

static void a_large_run_that_leads_to_a_zone(void)
{
    lead(scene.large, scene.zone);
}

static void a_second_unit_of_a_large_run_that_leads_to_the_marker(void)
{
    lead(scene.large + arena_unit_bytes(scene.arena), &scene.section->marker);
}

static void a_second_unit_of_a_large_run_that_leads_to_a_zone(void)
{
    lead(scene.large + arena_unit_bytes(scene.arena), scene.zone);
}

static void a_unit_of_the_arenas_own_that_leads_to_a_zone(void)
{
    lead(section_unit_at(scene.section, scene.meta + 1), scene.zone);
}

static void a_virgin_unit_that_leads_to_a_zone(void)
{
    uint32_t virgin = section_runs(scene.section)->unit_count - 1;
    zone_map_set(&scene.arena->map, section_unit_at(scene.section, virgin), 1, scene.zone);
}

static void a_free_unit_that_leads_to_a_zone(void)
{
    lead(section_unit_at(scene.section, scene.free), scene.zone);
}

static void arena_is_valid_checks_m1_of_zones(void **state)
{
    (void)state;
    expect_noticed(a_first_unit_that_leads_to_nothing);
    expect_noticed(a_last_unit_that_leads_to_nothing);
    expect_noticed(a_unit_in_between_that_leads_to_another_zone);
    expect_noticed(all_units_that_lead_to_another_zone);
    expect_noticed(a_zone_with_another_base);
    expect_noticed(a_zone_with_fewer_units_than_its_run);
    expect_noticed(a_zone_without_chunks);
}

static void arena_is_valid_checks_m1_of_large_runs(void **state)
{
    (void)state;
    expect_noticed_in(a_large_run_that_ends_before_it_begins, false);
    // A narrow map knows a LARGE run by its kind, and has nothing to be set.
    expect_noticed_in(a_large_run_that_leads_to_nothing, true);
    expect_noticed_in(a_large_run_that_leads_to_a_zone, true);
    expect_noticed_in(a_second_unit_of_a_large_run_that_leads_to_the_marker, true);
    expect_noticed(a_second_unit_of_a_large_run_that_leads_to_a_zone);
}

static void arena_is_valid_checks_m1_of_all_other_units(void **state)
{
    (void)state;
    expect_noticed_in(a_unit_of_the_arenas_own_that_leads_to_a_zone, true);
    expect_noticed_in(a_free_unit_that_leads_to_a_zone, true);
    expect_noticed_in(a_virgin_unit_that_leads_to_a_zone, true);
}

static void one_section_more(void)
{
    scene.arena->section_count++;
}

static void one_unit_more(void)
{
    scene.arena->unit_count++;
}

static void one_used_unit_less(void)
{
    scene.arena->used_unit_count--;
}

static void nothing_with_a_kind(void)
{
    scene.arena->map.nothing.kind = ZONE_TINY;
}

static void nothing_with_a_bound(void)
{
    scene.arena->map.nothing.bound = 1;
}

static void nothing_with_a_reciprocal(void)
{
    scene.arena->map.nothing.reciprocal = 1;
}

static void less_in_sections_at_most_than_there_is(void)
{
    scene.arena->section_bytes_max = arena_section_bytes(scene.arena) - 1;
}

static void less_at_most_than_there_is(void)
{
    scene.arena->committed_bytes_max = arena_committed_bytes(scene.arena) - 1;
}

static void a_near_entry_of_another_zone(void)
{
    struct zone_map *map = &scene.arena->map;
    uint32_t last = section_runs(scene.section)->unit_count - 1;
    uintptr_t address = (uintptr_t)section_unit_at(scene.section, last);
    ((struct zone_map_wide *)map - 1)->near[zone_map_near_index(address)] =
        offset_of(map, scene.zone);
}

static void sections_that_overlap(void)
{
    struct section *next = driver_add_section(&scene.driver, 4 << 20);
    struct section *first = arena_first_section(scene.arena);
    struct section *second = arena_next_section(scene.arena, first);
    assert_true(arena_is_valid(scene.arena) && (next == first || next == second));
    // The first one's end is where its units end, too: both are moved.
    uintptr_t unit_bytes = arena_unit_bytes(scene.arena);
    uintptr_t overlap = (uintptr_t)section_unit_at(second, 0) + unit_bytes - (uintptr_t)first;
    uintptr_t more = bits_align_up(overlap - first->end, unit_bytes);
    first->units += more;
    first->end += more;
}

static void arena_is_valid_checks_counters_sections_and_nothing(void **state)
{
    (void)state;
    expect_noticed(one_section_more);
    expect_noticed(one_unit_more);
    expect_noticed(one_used_unit_less);
    expect_noticed(less_in_sections_at_most_than_there_is);
    expect_noticed(less_at_most_than_there_is);
    expect_noticed(nothing_with_a_kind);
    expect_noticed(nothing_with_a_bound);
    expect_noticed(nothing_with_a_reciprocal);
    expect_noticed_in(a_near_entry_of_another_zone, true);
    expect_noticed(sections_that_overlap);
}

static void used_units_are_not_compared_while_a_range_is_on_its_way(void **state)
{
    (void)state;
    scene_begin(false);
    scene.arena->leaving_count = 1;
    scene.arena->used_unit_count--;
    assert_true(arena_is_valid(scene.arena));
    scene_end();
}

// ---- sections -----------------------------------------------------------------------------------

static void expect_broken(uintptr_t *member, uintptr_t value)
{
    uintptr_t before = *member;
    *member = value;
    assert_false(section_is_valid(scene.section));
    assert_false(arena_is_valid(scene.arena));
    *member = before;
    assert_true(section_is_valid(scene.section));
}

static void section_is_valid_checks_that_its_parts_do_not_overlap(void **state)
{
    (void)state;
    scene_begin(true);
    struct section *section = scene.section;
    expect_broken(&section->area_committed, section->area_end + 1);
    expect_broken(&section->area_end, section->units + 1);
    expect_broken(&section->area_end, section->area_committed - 1);
    expect_broken(&section->end, section->end - 1);
    expect_broken(&section->record_next, section->record_end + 1);
    expect_broken(&section->marker.bound, 1);
    section->marker.kind = ZONE_MAPPED;
    assert_false(section_is_valid(section));
    section->marker.kind = ZONE_LARGE;
    section_runs(section)->free_count++;
    assert_false(section_is_valid(section));
    section_runs(section)->free_count--;
    assert_true(section_is_valid(section));
    scene_end();
}

// The table is read through the section, so it is moved as a whole to where it must not be.
static void section_is_valid_checks_where_the_table_is(void **state)
{
    (void)state;
    scene_begin(false);
    struct section *section = scene.section;
    struct section copy = *section;
    struct run_table *table = section_runs(section);
    copy.table = (uintptr_t)table - (uintptr_t)&copy;
    copy.end = section->end;
    assert_true(copy.table > copy.units); // far away: above the units, or below by wrapping around
    assert_false(section_is_valid(&copy));
    // Within the section's own header.
    struct {
        _Alignas(64) unsigned char bytes[64];
        struct section section;
    } inside = {.section = *section};
    struct section *low = &inside.section;
    low->table = offsetof(struct section, classes) - sizeof(struct run_table);
    low->units = low->area_end = low->area_committed = low->record_end = 1 << 20;
    low->record_next = 0;
    *section_runs(low) = (struct run_table){.unit_count = 0};
    low->end = low->units;
    assert_false(section_is_valid(low));
    scene_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_is_valid_checks_m1_of_zones),
        cmocka_unit_test(arena_is_valid_checks_m1_of_large_runs),
        cmocka_unit_test(arena_is_valid_checks_m1_of_all_other_units),
        cmocka_unit_test(arena_is_valid_checks_counters_sections_and_nothing),
        cmocka_unit_test(used_units_are_not_compared_while_a_range_is_on_its_way),
        cmocka_unit_test(section_is_valid_checks_that_its_parts_do_not_overlap),
        cmocka_unit_test(section_is_valid_checks_where_the_table_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
