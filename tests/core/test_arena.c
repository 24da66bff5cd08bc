// SPDX-License-Identifier: MIT
#include "core/arena.h"

#include "core/large.h"
#include "tests/core/driver.h"
#include "tests/core/random.h"
#include "tests/core/test.h"

#include <string.h>

// Takes a run, and meets what that asks for. asks: how often that may be.
static struct run take(struct driver *driver, size_t bytes, size_t align, size_t asks)
{
    struct need need;
    struct run run = arena_take_run(driver->arena, bytes, align, &need);
    while (run.section == NULL && asks-- > 0 && driver_meet(driver, &need)) {
        run = arena_take_run(driver->arena, bytes, align, &need);
    }
    return run;
}

static void *address_of(const struct run *run)
{
    return section_unit_at(run->section, run->first);
}

static void an_empty_arena_asks_for_a_section(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 4096});
    struct need need;
    struct run run = arena_take_run(driver.arena, 10000, 1, &need);
    assert_null(run.section);
    assert_int_equal(need.kind, NEED_SECTION);
    assert_true(need.bytes >= 3 * 4096);
    assert_true(arena_is_valid(driver.arena));
    driver_end(&driver);
}

static void requests_that_no_memory_can_meet_ask_for_nothing(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 4096});
    const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 4096, (size_t)PTRDIFF_MAX, (size_t)1 << 50};
    for (unsigned sample = 0; sample < 4; sample++) {
        struct need need = {.kind = NEED_COMMIT};
        assert_null(arena_take_run(driver.arena, sizes[sample], 1, &need).section);
        assert_int_equal(need.kind, NEED_NOTHING);
        need.kind = NEED_COMMIT;
        assert_null(arena_take_run(driver.arena, 1, ((size_t)1 << 63) >> sample, &need).section);
        assert_int_equal(need.kind, NEED_NOTHING);
    }
    driver_end(&driver);
}

// The contract of arena_region_bytes_for(): whatever its address, a region of that size is enough.
static void expect_region_is_enough(size_t unit, size_t bytes, size_t align, size_t phase,
                                    bool wide)
{
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = unit, .wide = wide});
    size_t region_bytes = arena_region_bytes_for(driver.arena, bytes, align);
    struct region region = region_new(region_bytes, 2 * align, phase);
    assert_true(arena_add_section(driver.arena, (uintptr_t)region.base, region_bytes, NULL));
    struct need need;
    struct run run = arena_take_run(driver.arena, bytes, align, &need);
    if (run.section == NULL) {
        fail_msg("%zu bytes at %zu, units of %zu, phase %zu", bytes, align, unit, phase);
    }
    assert_int_equal((uintptr_t)address_of(&run) % align, 0);
    assert_true((size_t)run.count * unit >= bytes);
    assert_true(run.clean);
    memset(address_of(&run), 0xFF, bytes);
    assert_true(region_is_guarded(&region));
    driver_end(&driver);
    region_delete(&region);
}

static void a_region_as_large_as_needed_serves_the_run_at_any_address(void **state)
{
    (void)state;
    struct random random = random_seeded(19);
    for (unsigned round = 0; round < 400; round++) {
        size_t unit = (size_t)256 << random_below(&random, 9);
        size_t align = (size_t)1 << random_below(&random, 18);
        size_t grain = align > unit ? align : unit;
        size_t phase = 64 * (size_t)random_below(&random, (uint32_t)(2 * grain / 64));
        size_t bytes = 1 + random_size(&random, 1 << 20);
        expect_region_is_enough(unit, bytes, align, phase % (2 * align), unit == 65536);
    }
}

static void regions_of_every_size_are_refused_or_used_within_their_bounds(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes < 12000; bytes += 41) {
        struct driver driver;
        driver_begin(&driver, &(struct driver_options){.unit_bytes = 256});
        struct region region = region_new(bytes, 256, 64 * (bytes % 4));
        bool added = arena_add_section(driver.arena, (uintptr_t)region.base, bytes, NULL);
        assert_true(added || bytes < 4096);
        assert_true(!added || bytes > sizeof(struct section) + 256);
        assert_int_equal(driver.arena->section_count, added);
        size_t units = 0;
        struct need need;
        for (struct run run; (run = arena_take_run(driver.arena, 1, 1, &need)).section != NULL;
             units++) {
            memset(address_of(&run), 0xFF, 256);
        }
        assert_int_equal(need.kind, NEED_SECTION);
        assert_int_equal(units, driver.arena->unit_count);
        assert_true(added || bytes_are(region.base, bytes, 0));
        assert_true(arena_is_valid(driver.arena));
        region_delete(&region);
        driver_delete_arena(&driver);
    }
}

static void a_region_at_an_odd_address_is_used_from_the_first_aligned_byte(void **state)
{
    (void)state;
    for (size_t phase = 1; phase < 64; phase += 9) {
        struct driver driver;
        driver_begin(&driver, &(struct driver_options){.unit_bytes = 256});
        struct region region = region_new(20000, 256, phase);
        assert_true(arena_add_section(driver.arena, (uintptr_t)region.base, region.bytes, NULL));
        struct need need;
        assert_non_null(arena_take_run(driver.arena, 1, 1, &need).section);
        assert_true(arena_is_valid(driver.arena));
        region_delete(&region);
        driver_delete_arena(&driver);
    }
}

static void a_plan_commits_only_what_it_says(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){
                              .unit_bytes = 4096, .section_bytes = 64 << 20, .commits = true});
    struct run run = take(&driver, 4096, 1, 1);
    assert_non_null(run.section);
    const struct run_table *runs = section_runs(run.section);
    assert_true(runs->committed < runs->unit_count / 2);
    memset(section_unit_at(run.section, 0), 0xFF, (size_t)runs->committed * 4096);
    assert_true(driver_is_valid(&driver));
    driver_end(&driver);
}

static void a_refused_commitment_can_be_made_modest_once(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){
                              .unit_bytes = 4096, .section_bytes = 64 << 20, .commits = true});
    struct run first = take(&driver, 4096, 1, 1);
    struct need need;
    struct run run;
    do {
        run = arena_take_run(driver.arena, 4096, 1, &need);
    } while (run.section != NULL);
    assert_int_equal(need.kind, NEED_COMMIT);
    size_t before = need.commit[0].bytes + need.commit[1].bytes;
    assert_true(arena_need_least(driver.arena, &need));
    assert_true(need.commit[1].bytes >= 4096);
    assert_true(need.commit[0].bytes + need.commit[1].bytes < before);
    assert_false(arena_need_least(driver.arena, &need));
    assert_true(driver_meet(&driver, &need));
    run = arena_take_run(driver.arena, 4096, 1, &need);
    assert_ptr_equal(run.section, first.section);
    driver_end(&driver);
}

static void sections_and_mappings_cannot_be_made_modest(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 4096});
    const enum need_kind kinds[] = {NEED_NOTHING, NEED_SECTION, NEED_MAPPING};
    for (unsigned kind = 0; kind < 3; kind++) {
        struct need need = {.kind = kinds[kind], .bytes = 4096};
        assert_false(arena_need_least(driver.arena, &need));
    }
    driver_end(&driver);
}

static void counters_follow_runs_zones_and_sections(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 4096, .section_bytes = 2 << 20});
    struct need need;
    struct run run = take(&driver, 5 * 4096, 1, 1);
    assert_int_equal(driver.arena->section_count, 1);
    assert_int_equal(driver.arena->unit_count, section_runs(run.section)->unit_count);
    assert_int_equal(driver.arena->used_unit_count, 5);
    struct zone *zone = arena_new_zone(driver.arena, 10, 0, 0, &need);
    assert_non_null(zone);
    assert_int_equal(driver.arena->zone_count, 1);
    assert_int_equal(driver.arena->used_unit_count, 5 + zone->unit_count);
    arena_delete_zone(driver.arena, zone);
    arena_give_run(driver.arena, run.section, run.first);
    assert_int_equal(driver.arena->zone_count, 0);
    assert_int_equal(driver.arena->used_unit_count, 0);
    driver_add_section(&driver, 100000);
    assert_int_equal(driver.arena->section_count, 2);
    driver_end(&driver);
}

static void arena_is_valid_checks_its_parts(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 4096});
    struct arena *arena = driver.arena;
    struct section *section = driver_add_section(&driver, 1 << 20);
    driver_add_section(&driver, 1 << 20);
    struct need need;
    assert_non_null(arena_take_run(arena, 1, 1, &need).section);
    assert_true(arena_is_valid(arena));
    size_t *const counts[] = {&arena->section_count, &arena->used_unit_count};
    for (unsigned count = 0; count < 2; count++) {
        (*counts[count])++;
        assert_false(arena_is_valid(arena));
        (*counts[count])--;
    }
    section_runs(section)->dirty_count++;
    assert_false(arena_is_valid(arena));
    section_runs(section)->dirty_count--;
    arena->map.nothing.kind = ZONE_TINY;
    assert_false(arena_is_valid(arena));
    arena->map.nothing.kind = ZONE_NONE;
    arena->map.nothing.bound = 1;
    assert_false(arena_is_valid(arena));
    arena->map.nothing.bound = 0;
    // Two sections in the wrong order.
    struct section *first = arena_first_section(arena);
    struct section *second = arena_next_section(arena, first);
    assert_true(first != NULL && second != NULL);
    arena->map.sections = offset_of(arena, second);
    second->next = offset_of(arena, first);
    first->next = 0;
    assert_false(arena_is_valid(arena));
    arena->map.sections = offset_of(arena, first);
    first->next = offset_of(arena, second);
    second->next = 0;
    assert_true(arena_is_valid(arena));
    arena->unit_count++;
    assert_false(arena_is_valid(arena));
    arena->unit_count--;
    driver_end(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_arena_asks_for_a_section),
        cmocka_unit_test(requests_that_no_memory_can_meet_ask_for_nothing),
        cmocka_unit_test(a_region_as_large_as_needed_serves_the_run_at_any_address),
        cmocka_unit_test(regions_of_every_size_are_refused_or_used_within_their_bounds),
        cmocka_unit_test(a_plan_commits_only_what_it_says),
        cmocka_unit_test(a_refused_commitment_can_be_made_modest_once),
        cmocka_unit_test(sections_and_mappings_cannot_be_made_modest),
        cmocka_unit_test(counters_follow_runs_zones_and_sections),
        cmocka_unit_test(arena_is_valid_checks_its_parts),
        cmocka_unit_test(a_region_at_an_odd_address_is_used_from_the_first_aligned_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
