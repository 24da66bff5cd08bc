// SPDX-License-Identifier: MIT
// What an arena asks of a region before it becomes a section, and what it refuses.
#define _DEFAULT_SOURCE // MAP_ANONYMOUS
#include "core/arena.h"
#include "tests/core/driver.h"
#include "tests/core/test.h"

#include <string.h>
#include <sys/mman.h>

enum { STEP = 256 << 10 }; // what is committed at once, at least

static struct driver driver;

static void begin(size_t unit_bytes, bool wide)
{
    driver_begin(&driver, &(struct driver_options){
                              .unit_bytes = unit_bytes, .section_bytes = 1 << 20, .wide = wide});
}

static void a_region_that_is_too_small_is_neither_planned_nor_added(void **state)
{
    (void)state;
    begin(4096, false);
    struct region region = region_new(5000, 4096, 0);
    for (size_t bytes = 0; bytes <= region.bytes; bytes += 500) {
        uintptr_t base = (uintptr_t)region.base;
        assert_int_equal(arena_plan_section(driver.arena, base, bytes, 0).kind, NEED_NOTHING);
        assert_false(arena_add_section(driver.arena, base, bytes, NULL));
    }
    assert_true(bytes_are(region.base, region.bytes, 0));
    assert_int_equal(driver.arena->section_count, 0);
    region_delete(&region);
    driver_end(&driver);
}

static void a_plan_serves_all_units_of_the_region_and_no_more(void **state)
{
    (void)state;
    begin(4096, false);
    struct region region = region_new(200000, 4096, 0);
    uintptr_t base = (uintptr_t)region.base;
    struct need plan = arena_plan_section(driver.arena, base, region.bytes, 0);
    assert_int_equal(plan.kind, NEED_COMMIT);
    size_t most = (size_t)plan.units * 4096; // a step of commitment is larger than this region
    assert_true(base + region.bytes - plan.commit[1].base - plan.commit[1].bytes < 4096);
    assert_int_equal(arena_plan_section(driver.arena, base, region.bytes, most).kind, NEED_COMMIT);
    assert_int_equal(arena_plan_section(driver.arena, base, region.bytes, most + 1).kind,
                     NEED_NOTHING);
    region_delete(&region);
    driver_end(&driver);
}

static void a_plan_leaves_one_unit_more_than_is_asked_for(void **state)
{
    (void)state;
    begin(4096, false);
    struct region region = region_new(64, 64, 0); // nothing of it is touched
    const size_t asked[] = {0, 100, 57 * 4096, 114 * 4096, STEP - 4096, STEP, 3 << 20, 20 << 20};
    for (unsigned sample = 0; sample < sizeof(asked) / sizeof(asked[0]); sample++) {
        struct need plan =
            arena_plan_section(driver.arena, (uintptr_t)region.base, 64 << 20, asked[sample]);
        // An eighth beside, in whole units.
        size_t more = asked[sample] + asked[sample] / 8 / 4096 * 4096 + 4096;
        assert_int_equal(plan.commit[1].bytes, more > STEP ? more : STEP);
    }
    region_delete(&region);
    driver_end(&driver);
}

// One range, where there is no bound: what records may take comes with the first units.
static void a_plan_of_a_wide_region_commits_its_head_and_a_step(void **state)
{
    (void)state;
    driver_begin(&driver,
                 &(struct driver_options){.unit_bytes = 65536, .page_bytes = 4096, .wide = true});
    struct region region = region_new(64, 64, 0); // nothing of it is touched
    const size_t asked[] = {1, 5 << 20, 20 << 20};
    for (unsigned sample = 0; sample < 3; sample++) {
        uintptr_t base = (uintptr_t)region.base;
        driver.arena->config.space_mib = 0;
        struct need plan = arena_plan_section(driver.arena, base, 64 << 20, asked[sample]);
        assert_true(plan.commit[1].bytes > asked[sample]);
        assert_int_equal(plan.commit[0].base + plan.commit[0].bytes, plan.commit[1].base);
        driver.arena->config.space_mib = 64;
        struct need bounded = arena_plan_section(driver.arena, base, 64 << 20, asked[sample]);
        assert_memory_equal(&bounded.commit[1], &plan.commit[1], sizeof(plan.commit[1]));
        // Instead of nearly a MiB of records 16 KiB and the rest of a page.
        size_t less = plan.commit[0].bytes - bounded.commit[0].bytes;
        size_t area = (64 << 20) / SECTION_RECORD_SHARE;
        assert_in_range(less, area - (64 << 10), area - (16 << 10) + 65536);
    }
    region_delete(&region);
    driver_end(&driver);
}

static void the_plan_of_a_region_cannot_be_made_modest(void **state)
{
    (void)state;
    begin(4096, false);
    struct region region = region_new(64, 64, 0);
    struct need plan = arena_plan_section(driver.arena, (uintptr_t)region.base, 64 << 20, 1 << 20);
    struct need before = plan;
    plan.units_least--; // not because it is modest already
    assert_false(arena_need_least(driver.arena, &plan));
    assert_memory_equal(&plan.commit, &before.commit, sizeof(plan.commit));
    region_delete(&region);
    driver_end(&driver);
}

static void a_region_begins_at_the_next_address_where_a_header_may_lie(void **state)
{
    (void)state;
    begin(256, false);
    struct region region = region_new(20000, 256, 0);
    for (size_t skip = 0; skip < 130; skip++) {
        uintptr_t base = (uintptr_t)region.base + skip;
        struct need plan = arena_plan_section(driver.arena, base, 19000, 0);
        assert_int_equal(plan.kind, NEED_COMMIT);
        assert_int_equal(plan.commit[0].base, bits_align_up(base, 64));
        assert_true(plan.commit[1].base + plan.commit[1].bytes <= base + 19000);
    }
    region_delete(&region);
    driver_end(&driver);
}

static void a_run_longer_than_any_section_asks_for_nothing(void **state)
{
    (void)state;
    begin(4096, false);
    struct need need;
    size_t most = RUN_UNITS_MAX - 1;
    assert_null(arena_take_run(driver.arena, most * 4096, 1, &need).section);
    assert_int_equal(need.kind, NEED_SECTION);
    assert_int_equal(need.run_bytes, (most + 1) * 4096);
    assert_null(arena_take_run(driver.arena, most * 4096 + 1, 1, &need).section);
    assert_int_equal(need.kind, NEED_NOTHING);
    driver_end(&driver);
}

static void a_need_for_units_leaves_one_more_unless_all_are_wanted(void **state)
{
    (void)state;
    driver_begin(&driver, &(struct driver_options){
                              .unit_bytes = 4096, .section_bytes = 64 << 20, .commits = true});
    const struct section *section = driver_add_section(&driver, 64 << 20);
    uint32_t unit_count = section_runs(section)->unit_count;
    uint32_t committed = section_runs(section)->committed;
    struct need need = arena_need_units(driver.arena, section, committed + 3);
    assert_int_equal(need.units_least, committed + 4);
    assert_int_equal(need.units, committed + STEP / 4096);
    need = arena_need_units(driver.arena, section, 3 * committed);
    assert_int_equal(need.units_least, 3 * committed + 1);
    assert_int_equal(need.units, 3 * committed + 2 * committed / 8 + 1);
    need = arena_need_units(driver.arena, section, unit_count);
    assert_int_equal(need.units_least, unit_count);
    assert_int_equal(need.units, unit_count);
    assert_int_equal(need.commit[1].bytes, (size_t)(unit_count - committed) * 4096);
    driver_end(&driver);
}

static void a_wide_region_without_room_for_its_leaf_is_refused(void **state)
{
    (void)state;
    begin(65536, true);
    size_t leaf_bytes = ZONE_MAP_LEAF_ENTRIES * sizeof(uintptr_t);
    struct region region = region_new(leaf_bytes + 3 * 65536, 65536, 0);
    uintptr_t base = (uintptr_t)region.base;
    if (base >> ZONE_MAP_LEAF_SHIFT == (base + region.bytes) >> ZONE_MAP_LEAF_SHIFT) {
        assert_int_equal(arena_plan_section(driver.arena, base, leaf_bytes, 0).kind, NEED_NOTHING);
        assert_false(arena_add_section(driver.arena, base, leaf_bytes, NULL));
        assert_true(bytes_are(region.base, region.bytes, 0));
        assert_true(arena_add_section(driver.arena, base, region.bytes, NULL));
        size_t leaf_units = leaf_bytes / 65536;
        assert_int_equal(driver.arena->meta_unit_count, leaf_units);
        assert_int_equal(driver.arena->used_unit_count, leaf_units);
        assert_int_equal(driver.arena->used_unit_max, leaf_units);
    }
    assert_true(driver_is_valid(&driver));
    driver_delete_arena(&driver);
    region_delete(&region);
}

static void a_step_is_small_while_little_is_in_use_and_then_as_much_or_twice(void **state)
{
    (void)state;
    driver_begin(&driver, &(struct driver_options){
                              .unit_bytes = 4096, .section_bytes = 64 << 20, .commits = true});
    const struct section *section = driver_add_section(&driver, 64 << 20);
    uint32_t committed = section_runs(section)->committed;
    const struct {
        size_t in_use, step;
    } samples[] = {
        {0, STEP},
        {STEP - 4096, STEP},
        {STEP, STEP},
        {3 * STEP, 3 * STEP},
        {(8 << 20) - 4096, (8 << 20) - 4096},
        {8 << 20, 16 << 20},
        {9 << 20, 18 << 20},
    };
    size_t used = driver.arena->used_unit_count;
    for (unsigned sample = 0; sample < sizeof(samples) / sizeof(samples[0]); sample++) {
        driver.arena->used_unit_count = samples[sample].in_use / 4096;
        struct need need = arena_need_units(driver.arena, section, 1);
        assert_int_equal(need.commit[1].bytes, samples[sample].step);
        assert_int_equal(need.units, committed + samples[sample].step / 4096);
    }
    // Nor is it larger than 64 MiB, of a region where that is not all.
    driver.arena->used_unit_count = (size_t)1 << 20;
    struct need plan = arena_plan_section(driver.arena, (uintptr_t)1 << 30, 200 << 20, 1);
    assert_int_equal(plan.commit[1].bytes, 64 << 20);
    driver.arena->used_unit_count = used;
    driver_end(&driver);
}

static void a_region_as_large_as_is_asked_for_serves_the_run_wherever_it_lies(void **state)
{
    (void)state;
    const size_t runs[] = {65536, 100 << 20, 511 << 20, 513 << 20, 1 << 30, 3500LL << 20};
    const size_t leaf_covers = (size_t)1 << ZONE_MAP_LEAF_SHIFT;
    begin(65536, true);
    for (unsigned sample = 0; sample < sizeof(runs) / sizeof(runs[0]); sample++) {
        for (unsigned before = 0; before < 4; before++) {
            // Nothing of it is touched.
            uintptr_t base = 9 * leaf_covers - before * 65536 + (before > 1 ? 4096 : 0);
            size_t bytes = arena_region_bytes_for(driver.arena, runs[sample], 65536);
            assert_int_equal(arena_plan_section(driver.arena, base, bytes, runs[sample]).kind,
                             NEED_COMMIT);
        }
    }
    driver_delete_arena(&driver);
}

// Zeroed memory with a boundary between leaves in its middle, or NULL.
static void *memory_across_leaves(size_t bytes)
{
    for (uintptr_t leaf = 3; leaf < 200; leaf++) {
        void *wanted = (void *)((leaf << ZONE_MAP_LEAF_SHIFT) - bytes / 2);
        void *memory = mmap(wanted, bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == wanted) {
            return memory;
        }
        if (memory != MAP_FAILED) {
            munmap(memory, bytes);
        }
    }
    return NULL;
}

static void a_wide_region_brings_the_leaves_of_its_addresses(void **state)
{
    (void)state;
    enum { BYTES = 8 << 20 };
    unsigned char *memory = memory_across_leaves(BYTES);
    if (memory == NULL) {
        skip();
    }
    begin(65536, true);
    size_t leaf_units = ZONE_MAP_LEAF_ENTRIES * sizeof(uintptr_t) / 65536;
    struct need plan = arena_plan_section(driver.arena, (uintptr_t)memory, BYTES, 1 << 20);
    assert_int_equal(plan.units, 2 * leaf_units + 16 + (2 * leaf_units + 16) / 8 + 1);
    assert_true(arena_add_section(driver.arena, (uintptr_t)memory, BYTES, NULL));
    assert_int_equal(driver.arena->meta_unit_count, 2 * leaf_units);
    assert_int_equal(zone_map_leaf_missing(&driver.arena->map, (uintptr_t)memory, BYTES), 0);
    // Chunks on both sides are found.
    struct need need;
    unsigned sides = 0;
    for (unsigned zone = 0; zone < 20; zone++) {
        struct zone *made = arena_new_zone(driver.arena, 25, 0, 0, &need);
        assert_non_null(made);
        assert_ptr_equal(zone_map_find(&driver.arena->map, zone_chunk(made, 99)), made);
        sides |= zone_base(made) < (void *)(memory + BYTES / 2) ? 1 : 2;
    }
    assert_int_equal(sides, 3);
    assert_true(driver_is_valid(&driver));
    driver_delete_arena(&driver);
    munmap(memory, BYTES);
}

static void what_would_be_two_steps_at_most_comes_with_the_last_one(void **state)
{
    (void)state;
    driver_begin(&driver, &(struct driver_options){
                              .unit_bytes = 4096, .section_bytes = 64 << 20, .commits = true});
    const struct section *section = driver_add_section(&driver, 64 << 20);
    struct run_table *runs = section_runs(section);
    uint32_t committed = runs->committed;
    const uint32_t step = STEP / 4096;
    for (uint32_t left = 3 * step - 1; left <= 3 * step + 2; left++) {
        runs->committed = runs->unit_count - left;
        struct need need = arena_need_units(driver.arena, section, runs->committed);
        uint32_t wanted = left <= 3 * step ? left : step;
        assert_int_equal(need.units, runs->committed + wanted);
    }
    runs->committed = committed;
    driver_end(&driver);
}

// As long as there is a bound, records get what they need; when there is none any more, all the rest.
static void the_rest_of_the_area_for_records_comes_when_the_bound_is_gone(void **state)
{
    (void)state;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 65536,
                                                   .page_bytes = 4096,
                                                   .section_bytes = 128 << 20,
                                                   .commits = true,
                                                   .wide = true});
    driver.arena->config.space_mib = 128;
    const struct section *section = driver_add_section(&driver, 128 << 20);
    size_t left = section->area_end - section->area_committed;
    assert_true(left > 900 << 10);
    uint32_t more = section_runs(section)->committed + 1;
    uintptr_t end = (uintptr_t)section + section->area_committed;
    assert_int_equal(arena_need_units(driver.arena, section, more).commit[0].bytes, 0);
    struct need need = arena_need_record_area(driver.arena, section, 0);
    assert_in_range(need.commit[0].bytes, 16 << 10, 32 << 10);
    assert_int_equal(need.commit[0].base, end);
    driver.arena->config.space_mib = 0;
    need = arena_need_record_area(driver.arena, section, 0);
    assert_int_equal(need.commit[0].bytes, left);
    need = arena_need_units(driver.arena, section, more);
    assert_int_equal(need.commit[0].bytes, left);
    assert_int_equal(need.commit[0].base, end);
    assert_true(driver_meet(&driver, &need));
    assert_int_equal(section->area_committed, section->area_end);
    assert_int_equal(section->record_end, section->area_end);
    assert_true(arena_is_valid(driver.arena));
    driver_end(&driver);
}

static void a_wide_region_beside_a_boundary_of_leaves_brings_one(void **state)
{
    (void)state;
    enum { BYTES = 8 << 20, HALF = BYTES / 2 };
    unsigned char *memory = memory_across_leaves(BYTES);
    if (memory == NULL) {
        skip();
    }
    for (unsigned half = 0; half < 2; half++) {
        begin(65536, true);
        uintptr_t base = (uintptr_t)memory + half * HALF;
        assert_true(arena_add_section(driver.arena, base, HALF, NULL));
        assert_int_equal(driver.arena->meta_unit_count,
                         ZONE_MAP_LEAF_ENTRIES * sizeof(uintptr_t) / 65536);
        assert_int_equal(zone_map_leaf_missing(&driver.arena->map, base, HALF), 0);
        uintptr_t other = (uintptr_t)memory + (1 - half) * HALF;
        assert_int_equal(zone_map_leaf_missing(&driver.arena->map, other, HALF), other);
        assert_true(driver_is_valid(&driver));
        driver_delete_arena(&driver);
    }
    munmap(memory, BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_region_that_is_too_small_is_neither_planned_nor_added),
        cmocka_unit_test(a_plan_serves_all_units_of_the_region_and_no_more),
        cmocka_unit_test(a_plan_leaves_one_unit_more_than_is_asked_for),
        cmocka_unit_test(a_plan_of_a_wide_region_commits_its_head_and_a_step),
        cmocka_unit_test(the_plan_of_a_region_cannot_be_made_modest),
        cmocka_unit_test(a_region_begins_at_the_next_address_where_a_header_may_lie),
        cmocka_unit_test(a_run_longer_than_any_section_asks_for_nothing),
        cmocka_unit_test(a_need_for_units_leaves_one_more_unless_all_are_wanted),
        cmocka_unit_test(a_step_is_small_while_little_is_in_use_and_then_as_much_or_twice),
        cmocka_unit_test(a_region_as_large_as_is_asked_for_serves_the_run_wherever_it_lies),
        cmocka_unit_test(a_wide_region_without_room_for_its_leaf_is_refused),
        cmocka_unit_test(a_wide_region_brings_the_leaves_of_its_addresses),
        cmocka_unit_test(what_would_be_two_steps_at_most_comes_with_the_last_one),
        cmocka_unit_test(the_rest_of_the_area_for_records_comes_when_the_bound_is_gone),
        cmocka_unit_test(a_wide_region_beside_a_boundary_of_leaves_brings_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
