// SPDX-License-Identifier: MIT
#include "core/walk.h"

#include "tests/core/churn.h"
#include "tests/core/test.h"

#include <stdlib.h>
#include <string.h>

static struct churn churn;

static void begin(void)
{
    const struct driver_options options = {
        .unit_bytes = 65536,
        .page_bytes = 4096,
        .run_bytes_max = 400000,
        .section_bytes = 6 << 20,
        .commits = true,
        .wide = true,
    };
    churn_begin(&churn, &options, 3, 65536, 41);
    churn.held_most = 700;
    churn.bytes_most = 500000;
}

static int by_address(const void *left, const void *right)
{
    uintptr_t first = (uintptr_t)((const struct held *)left)->ptr;
    uintptr_t second = (uintptr_t)((const struct held *)right)->ptr;
    return (first > second) - (first < second);
}

// The zone that a walk is in.
struct place {
    uintptr_t base;
    uintptr_t end;
    enum zone_kind kind;
};

static void expect_zone(struct place *place, const struct walk_step *step)
{
    assert_true((uintptr_t)step->base >= place->end);
    *place = (struct place){.base = (uintptr_t)step->base,
                            .end = (uintptr_t)step->base + step->bytes,
                            .kind = step->kind};
    assert_true(step->kind == ZONE_TINY || step->kind == ZONE_SMALL || step->kind == ZONE_LARGE);
}

static void expect_chunk(const struct place *place, const struct walk_step *step)
{
    uintptr_t base = (uintptr_t)step->base;
    assert_true(base >= place->base && base + step->bytes <= place->end);
    assert_int_equal(step->kind, place->kind);
}

// Walks everything, with or without letting go of the lock at each step.
static void expect_all_in_order(bool resumes)
{
    qsort(churn.held, churn.held_count, sizeof(churn.held[0]), by_address);
    struct walk walk = {0};
    struct place place = {0};
    size_t chunks = 0;
    size_t zones = 0;
    size_t larges = 0;
    for (;;) {
        if (resumes) {
            walk_resume(&walk);
        }
        struct walk_step step = walk_next(churn.driver.arena, &walk);
        if (step.what == WALK_END) {
            break;
        }
        if (step.what == WALK_ZONE) {
            expect_zone(&place, &step);
            zones += step.kind != ZONE_LARGE;
            larges += step.kind == ZONE_LARGE;
            continue;
        }
        expect_chunk(&place, &step);
        assert_true(chunks < churn.held_count);
        assert_ptr_equal(step.base, churn.held[chunks].ptr);
        assert_int_equal(step.bytes, churn.held[chunks].bytes);
        chunks++;
    }
    assert_int_equal(chunks, churn.held_count);
    assert_int_equal(zones, churn.driver.arena->zone_count);
    assert_int_equal(larges, churn.driver.arena->large_count + churn.driver.arena->mapping_count);
    assert_int_equal(walk_next(churn.driver.arena, &walk).what, WALK_END);
}

static void an_arena_without_zones_ends_at_once(void **state)
{
    (void)state;
    begin();
    struct walk walk = {0};
    assert_int_equal(walk_next(churn.driver.arena, &walk).what, WALK_END);
    assert_int_equal(walk_next(churn.driver.arena, &walk).what, WALK_END);
    churn_end(&churn);
}

static void a_walk_tells_each_live_chunk_once_in_address_order(void **state)
{
    (void)state;
    begin();
    for (unsigned round = 0; round < 12; round++) {
        for (unsigned step = 0; step < 300; step++) {
            churn_step(&churn);
        }
        expect_all_in_order(false);
        expect_all_in_order(true);
    }
    assert_true(churn.driver.region_count > 2);
    churn_free_all(&churn);
    expect_all_in_order(false);
    churn_end(&churn);
}

static void a_walk_tells_an_empty_zone_without_chunks(void **state)
{
    (void)state;
    begin();
    assert_true(churn_alloc(&churn, churn.heaps[0], 50, 16));
    churn_free(&churn, churn.heaps[0], 0);
    struct walk walk = {0};
    struct walk_step step = walk_next(churn.driver.arena, &walk);
    assert_int_equal(step.what, WALK_ZONE);
    assert_int_equal(step.kind, ZONE_TINY);
    assert_int_equal(step.bytes, 65536);
    assert_int_equal(walk_next(churn.driver.arena, &walk).what, WALK_END);
    churn_end(&churn);
}

// What the model held when the walk began and still holds was told, exactly once.
static void a_walk_goes_on_while_others_allocate_and_free(void **state)
{
    (void)state;
    static struct held before[CHURN_HELD_MAX];
    static unsigned told[CHURN_HELD_MAX];
    begin();
    for (unsigned round = 0; round < 30; round++) {
        for (unsigned step = 0; step < 150; step++) {
            churn_step(&churn);
        }
        size_t count = churn.held_count;
        for (size_t index = 0; index < count; index++) {
            before[index] = churn.held[index];
            told[index] = 0;
        }
        static bool touched[CHURN_HELD_MAX];
        memset(touched, 0, sizeof(touched));
        struct walk walk = {0};
        uintptr_t last = 0;
        for (struct walk_step step;
             (step = walk_next(churn.driver.arena, &walk)).what != WALK_END;) {
            if (step.what == WALK_CHUNK) {
                assert_true((uintptr_t)step.base > last);
                last = (uintptr_t)step.base;
                for (size_t index = 0; index < count; index++) {
                    told[index] +=
                        before[index].ptr == step.base && before[index].bytes == step.bytes;
                }
            }
            if (random_chance(&churn.random, 30)) {
                // Somebody frees one chunk and allocates two others; then the walk goes on.
                if (churn.held_count != 0) {
                    uint32_t index = random_below(&churn.random, (uint32_t)churn.held_count);
                    for (size_t was = 0; was < count; was++) {
                        touched[was] = touched[was] || before[was].ptr == churn.held[index].ptr;
                    }
                    churn_free(&churn, churn_heap(&churn), index);
                }
                if (churn.held_count < churn.held_most) {
                    size_t bytes = random_size(&churn.random, churn.bytes_most);
                    churn_alloc(&churn, churn_heap(&churn), bytes, 16);
                }
                walk_resume(&walk);
            }
        }
        for (size_t index = 0; index < count; index++) {
            assert_true(touched[index] || told[index] == 1);
        }
    }
    churn_end(&churn);
}

// Between two steps the zone whose chunks are told next may give way to something else.
static void a_walk_is_not_led_astray_by_what_took_a_zones_place(void **state)
{
    (void)state;
    enum { UNIT = 4096, BIG = SIZE_CLASS_TINY_COUNT - 1 }; // of 25 units
    for (unsigned successor = 0; successor < 4; successor++) {
        struct driver driver;
        driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT});
        driver_add_section(&driver, 1 << 20);
        struct need need;
        struct run before = arena_take_run(driver.arena, 24 * UNIT, 1, &need);
        struct zone *zone = arena_new_zone(driver.arena, 0, 0, 0, &need);
        struct run after = arena_take_run(driver.arena, UNIT, 1, &need);
        assert_true(before.section != NULL && zone != NULL && after.section != NULL);
        void *base = zone_base(zone);
        struct walk walk = {0};
        assert_int_equal(walk_next(driver.arena, &walk).what, WALK_ZONE);
        arena_delete_zone(driver.arena, zone);
        arena_give_run(driver.arena, before.section, before.first);
        if (successor == 1) {
            // A zone that begins below, with a live chunk at the very place.
            struct zone *other = arena_new_zone(driver.arena, BIG, 0, 0, &need);
            assert_ptr_equal(zone_map_find(&driver.arena->map, base), other);
            struct chunk_entry entries[100];
            zone_take(other, entries, 100);
            for (uint32_t index = 0; index < 100; index++) {
                zone_set_state(other, index, STATE_LIVE);
            }
        } else if (successor == 2) {
            assert_non_null(large_take(driver.arena, 25 * UNIT, 16, &need).ptr);
        } else if (successor == 3) {
            assert_non_null(arena_take_run(driver.arena, 25 * UNIT, 1, &need).section);
        }
        walk_resume(&walk);
        assert_int_equal(walk_next(driver.arena, &walk).what, WALK_END);
        driver_end(&driver);
    }
}

static void a_zone_that_came_back_at_the_same_place_is_told_on(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 4096});
    driver_add_section(&driver, 1 << 20);
    struct need need;
    struct zone *zone = arena_new_zone(driver.arena, 0, 0, 0, &need);
    struct walk walk = {0};
    assert_int_equal(walk_next(driver.arena, &walk).what, WALK_ZONE);
    void *base = zone_base(zone);
    arena_delete_zone(driver.arena, zone);
    zone = arena_new_zone(driver.arena, 5, 0, 0, &need);
    assert_ptr_equal(zone_base(zone), base);
    struct chunk_entry entry;
    zone_take(zone, &entry, 1);
    zone_set_state(zone, 0, STATE_LIVE + 6);
    walk_resume(&walk);
    struct walk_step step = walk_next(driver.arena, &walk);
    assert_int_equal(step.what, WALK_CHUNK);
    assert_ptr_equal(step.base, base);
    assert_int_equal(step.bytes, 90);
    driver_end(&driver);
}

static struct zone *full_zone(struct driver *driver, unsigned size_class)
{
    struct need need;
    struct zone *zone = arena_new_zone(driver->arena, size_class, 0, 0, &need);
    assert_non_null(zone);
    struct chunk_entry entry;
    for (uint32_t index = 0; index < zone->chunk_count; index++) {
        zone_take(zone, &entry, 1);
        zone_set_state(zone, index, STATE_LIVE);
    }
    return zone;
}

// Chunks of another size have other numbers: none is told that begins below the end of the last one.
static void a_zone_of_another_class_at_the_same_place_is_told_from_where_the_walk_was(void **state)
{
    (void)state;
    enum { TOLD = 20 };
    for (unsigned before = 0; before < 6; before++) {
        for (unsigned after = 0; after < 6; after++) {
            struct driver driver;
            driver_begin(&driver, &(struct driver_options){.unit_bytes = 4096});
            driver_add_section(&driver, 1 << 20);
            struct zone *zone = full_zone(&driver, before);
            void *base = zone_base(zone);
            struct walk walk = {0};
            struct walk_step step = walk_next(driver.arena, &walk);
            for (unsigned told = 0; told < TOLD; told++) {
                step = walk_next(driver.arena, &walk);
            }
            uintptr_t end = (uintptr_t)step.base + step.bytes;
            for (uint32_t index = 0; index < zone->chunk_count; index++) {
                zone_set_state(zone, index, STATE_FREED);
                zone_give(zone, index);
            }
            arena_delete_zone(driver.arena, zone);
            zone = full_zone(&driver, after);
            assert_ptr_equal(zone_base(zone), base);
            walk_resume(&walk);
            step = walk_next(driver.arena, &walk);
            assert_int_equal(step.what, WALK_CHUNK);
            assert_true((uintptr_t)step.base >= end);
            uint32_t left = zone->chunk_count - TOLD;
            while ((step = walk_next(driver.arena, &walk)).what == WALK_CHUNK) {
                left--;
            }
            assert_true(before != after || left == 1);
            driver_end(&driver);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arena_without_zones_ends_at_once),
        cmocka_unit_test(a_walk_tells_each_live_chunk_once_in_address_order),
        cmocka_unit_test(a_walk_tells_an_empty_zone_without_chunks),
        cmocka_unit_test(a_walk_goes_on_while_others_allocate_and_free),
        cmocka_unit_test(a_walk_is_not_led_astray_by_what_took_a_zones_place),
        cmocka_unit_test(a_zone_that_came_back_at_the_same_place_is_told_on),
        cmocka_unit_test(a_zone_of_another_class_at_the_same_place_is_told_from_where_the_walk_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
