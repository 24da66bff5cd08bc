// SPDX-License-Identifier: MIT
// What a heap gives back when it is asked to, and when it or its zones change hands.
#include "core/heap_return.h"

#include "core/heap_zones.h"
#include "core/zone_home.h"
#include "tests/core/return_scene.h"
#include "tests/core/test.h"

// ---- trims of all heaps -------------------------------------------------------------------------

static void a_trim_that_is_demanded_is_due_once_in_each_heap(void **state)
{
    (void)state;
    return_scene_begin(MIB);
    struct heap *other = driver_acquire(&scene.driver, HEAP_BYTES);
    assert_false(heap_trim_is_due(scene.heap));
    heap_demand_trim(scene.driver.arena);
    heap_demand_trim(scene.driver.arena);
    assert_true(heap_trim_is_due(scene.heap));
    assert_false(heap_trim_is_due(scene.heap));
    assert_true(heap_trim_is_due(other));
    assert_false(heap_trim_is_due(other));
    heap_demand_trim(scene.driver.arena);
    assert_true(heap_trim_is_due(scene.heap));
    return_scene_end();
}

// ---- heaps that change hands --------------------------------------------------------------------

static void a_heap_that_waits_for_a_thread_keeps_its_books(void **state)
{
    (void)state;
    return_scene_begin(MIB);
    return_scene_fill(scene.heap, CHUNK, 1280);
    return_scene_thin_out(scene.heap, 1280, 64);
    heap_retire(scene.heap);
    assert_true(driver_is_valid(&scene.driver));
    assert_true(heap_returns(scene.heap)->dirty_bytes > MIB);
    struct leaving leaving;
    while (return_scene_next(1, SIZE_MAX, &leaving)) {
        return_scene_left(&leaving, LEFT_CLEAN);
    }
    // Of each page with one in use the three others stay.
    assert_int_equal(heap_returns(scene.heap)->dirty_bytes, 20 * 3 * CHUNK);
    assert_ptr_equal(driver_acquire(&scene.driver, HEAP_BYTES), scene.heap);
    assert_true(driver_is_valid(&scene.driver));
    return_scene_end();
}

static void a_zone_that_another_heap_takes_over_is_counted_there(void **state)
{
    (void)state;
    return_scene_begin(MIB);
    struct heap *other = driver_acquire(&scene.driver, HEAP_BYTES);
    return_scene_fill(scene.heap, CHUNK, 256);
    for (unsigned index = 0; index < 256; index++) {
        if (index % 64 != 0) {
            driver_free(&scene.driver, other, scene.chunks[index]);
        }
    }
    heap_send_parcels(other);
    struct zone *zone = return_scene_zone_of(scene.chunks[0]);
    assert_true(heap_adopt(other, zone->size_class, true));
    assert_true(driver_is_valid(&scene.driver));
    assert_true(heap_returns(other)->dirty_bytes >= 100 * CHUNK);
    while (heap_adopt(other, zone->size_class, true)) {
    }
    assert_int_equal(heap_returns(scene.heap)->held_bytes, 0);
    assert_int_equal(heap_returns(other)->dirty_bytes, 252 * CHUNK);
    assert_int_equal(heap_returns(other)->held_bytes, 4 * CHUNK);
    return_scene_end();
}

// Another heap frees ten chunks of the scene's, which go home.
static void free_ten(struct heap *other)
{
    for (unsigned index = 0; index < 10; index++) {
        driver_free(&scene.driver, other, scene.chunks[index]);
    }
    heap_send_parcels(other);
}

static void classes_that_nobody_wants_any_more_are_taken_in_one_by_one(void **state)
{
    (void)state;
    return_scene_begin(MIB);
    struct heap *other = driver_acquire(&scene.driver, HEAP_BYTES);
    return_scene_fill(scene.heap, CHUNK, 256);
    struct zone *zone = return_scene_zone_of(scene.chunks[0]);
    assert_int_equal(atomic_load(&zone->owner), ZONE_OWNER_FULL);
    free_ten(other);
    // By who had it last: a tenth of its chunks are not enough for the other.
    for (unsigned count = 0; count < scene.heap->class_count; count++) {
        heap_adopt_next(other);
        assert_false(heap_owns(other, zone));
    }
    assert_int_equal(zone_home_count(zone), 10);
    heap_drain(scene.heap);
    assert_true(heap_owns(scene.heap, zone));
    assert_int_equal(zone_home_count(zone), 0);
    assert_true(heap_returns(scene.heap)->dirty_bytes >= 10 * CHUNK);
    return_scene_end();
}

static void each_new_zone_looks_through_one_class(void **state)
{
    (void)state;
    return_scene_begin(MIB);
    struct heap *other = driver_acquire(&scene.driver, HEAP_BYTES);
    return_scene_fill(scene.heap, CHUNK, 256);
    struct zone *zone = return_scene_zone_of(scene.chunks[0]);
    free_ten(other);
    size_t zones = scene.driver.arena->zone_count;
    uintptr_t first = heap_returns(scene.heap)->home_class;
    for (unsigned count = 0; count < scene.heap->class_count; count++) {
        assert_int_equal(heap_returns(scene.heap)->home_class,
                         (first + count) % scene.heap->class_count);
        while (scene.driver.arena->zone_count == zones + count) {
            assert_non_null(driver_alloc(&scene.driver, scene.heap, 16, 16).ptr);
        }
    }
    assert_int_equal(heap_returns(scene.heap)->home_class, first);
    assert_true(heap_owns(scene.heap, zone));
    assert_int_equal(zone_home_count(zone), 0);
    return_scene_end();
}

static void a_revived_heap_counts_anew_and_goes_on(void **state)
{
    (void)state;
    for (unsigned survives = 0; survives < 2; survives++) {
        return_scene_begin(MIB);
        return_scene_fill(scene.heap, CHUNK, 1280);
        return_scene_thin_out(scene.heap, 1280, 64);
        struct leaving leaving;
        for (unsigned count = 0; count < 4; count++) {
            assert_true(return_scene_next(PAGE, SIZE_MAX, &leaving));
            return_scene_left(&leaving, LEFT_CLEAN);
        }
        // A thread of the parent was about to purge one more.
        assert_true(return_scene_next(PAGE, SIZE_MAX, &leaving));
        uintptr_t dirty = heap_returns(scene.heap)->dirty_bytes;
        heap_revive(scene.driver.arena, survives != 0 ? scene.heap : NULL);
        assert_true(driver_is_valid(&scene.driver));
        assert_int_equal(heap_returns(scene.heap)->dirty_bytes, dirty);
        assert_int_equal(heap_returns(scene.heap)->zone, 0);
        while (return_scene_next(1, SIZE_MAX, &leaving)) {
            return_scene_left(&leaving, LEFT_CLEAN);
        }
        assert_int_equal(heap_returns(scene.heap)->dirty_bytes, 20 * 3 * CHUNK);
        return_scene_end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trim_that_is_demanded_is_due_once_in_each_heap),
        cmocka_unit_test(a_heap_that_waits_for_a_thread_keeps_its_books),
        cmocka_unit_test(a_zone_that_another_heap_takes_over_is_counted_there),
        cmocka_unit_test(classes_that_nobody_wants_any_more_are_taken_in_one_by_one),
        cmocka_unit_test(each_new_zone_looks_through_one_class),
        cmocka_unit_test(a_revived_heap_counts_anew_and_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
