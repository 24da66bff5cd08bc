// SPDX-License-Identifier: MIT
// What becomes of pages that a heap has given back.
#include "core/heap_return.h"

#include "tests/core/churn.h"
#include "tests/core/return_scene.h"
#include "tests/core/test.h"

#include <string.h>

// ---- what becomes of it -------------------------------------------------------------------------

static void what_was_purged_is_no_longer_kept(void **state)
{
    (void)state;
    return_scene_begin(MIB);
    return_scene_fill(scene.heap, CHUNK, 128);
    return_scene_put_some(scene.heap, 16, 100);
    struct heap_return *back = heap_returns(scene.heap);
    assert_int_equal(back->dirty_bytes, 84 * CHUNK);
    assert_int_equal(back->held_bytes, (128 - 84) * CHUNK);
    struct leaving leaving;
    assert_true(return_scene_next(PAGE, SIZE_MAX, &leaving));
    return_scene_left(&leaving, LEFT_CLEAN);
    assert_int_equal(back->dirty_bytes, 0);
    assert_int_equal(back->held_bytes, (128 - 84) * CHUNK);
    // A calloc finds it zero, and what it is used for counts as before.
    unsigned zero_count = 0;
    for (unsigned index = 16; index < 100; index++) {
        struct grant grant = driver_alloc(&scene.driver, scene.heap, CHUNK, 16);
        assert_true(!grant.is_zero || bytes_are(grant.ptr, CHUNK, 0));
        zero_count += grant.is_zero;
        scene.chunks[index] = grant.ptr;
        memset(grant.ptr, OLD, CHUNK);
    }
    assert_int_equal(zero_count, 84);
    return_scene_put_some(scene.heap, 0, 128);
    assert_int_equal(back->dirty_bytes, 128 * CHUNK);
    assert_int_equal(back->held_bytes, 0);
    return_scene_end();
}

static void what_the_system_refuses_ends_the_search(void **state)
{
    (void)state;
    struct zone *order[3];
    return_scene_three_zones(order);
    struct heap_return *back = heap_returns(scene.heap);
    struct leaving leaving;
    assert_true(return_scene_next(16 * KIB, SIZE_MAX, &leaving));
    uintptr_t dirty = back->dirty_bytes;
    return_scene_left(&leaving, LEFT_DIRTY);
    assert_int_equal(back->dirty_bytes, dirty);
    assert_int_equal(back->above, dirty + MIB);
    assert_int_equal(heap_worth_leaving(scene.heap), 0);
    // Whoever asks nevertheless begins anew.
    assert_true(return_scene_next(16 * KIB, SIZE_MAX, &leaving));
    assert_ptr_equal(return_scene_zone_of_leaving(&leaving), order[0]);
    return_scene_left(&leaving, LEFT_CLEAN);
    return_scene_end();
}

static void what_has_no_access_any_more_is_nobodys_for_ever(void **state)
{
    (void)state;
    struct zone *order[3];
    return_scene_three_zones(order);
    struct leaving lost[6];
    for (unsigned index = 0; index < 6; index++) {
        assert_true(return_scene_next(16 * KIB, SIZE_MAX, &lost[index]));
        return_scene_left(&lost[index], LEFT_RESERVED);
    }
    // Whatever is freed and allocated, trimmed and left behind, and with a child's new books.
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned index = 0; index < 600; index++) {
            unsigned char *ptr = driver_alloc(&scene.driver, scene.heap, CHUNK, 16).ptr;
            assert_non_null(ptr);
            for (unsigned range = 0; range < 6; range++) {
                uintptr_t distance = (uintptr_t)ptr - lost[range].range.base;
                assert_true(distance >= lost[range].range.bytes && (uintptr_t)-distance >= CHUNK);
            }
            scene.chunks[1000 + index] = ptr;
        }
        for (unsigned index = 0; index < 600; index++) {
            driver_free(&scene.driver, scene.heap, scene.chunks[1000 + index]);
        }
        heap_trim(scene.heap);
        assert_true(driver_is_valid(&scene.driver));
        if (round == 1) {
            heap_revive(scene.driver.arena, scene.heap);
            assert_true(driver_is_valid(&scene.driver));
        }
    }
    return_scene_end();
}

static void a_zone_that_is_lost_but_for_what_is_in_use_is_nobodys(void **state)
{
    (void)state;
    return_scene_begin(MIB);
    return_scene_fill(scene.heap, CHUNK, 128);
    struct zone *zone = return_scene_zone_of(scene.chunks[0]);
    return_scene_put_some(scene.heap, 16, 128);
    struct leaving leaving;
    assert_true(return_scene_next(PAGE, SIZE_MAX, &leaving));
    return_scene_left(&leaving, LEFT_RESERVED);
    assert_int_equal(zone->owner, ZONE_OWNER_FULL);
    assert_int_equal(heap_returns(scene.heap)->dirty_bytes, 0);
    assert_int_equal(heap_returns(scene.heap)->held_bytes, 0);
    assert_true(heap_is_valid(scene.heap));
    // What is in use of it can be freed, and had again.
    for (unsigned index = 0; index < 16; index++) {
        driver_free(&scene.driver, scene.heap, scene.chunks[index]);
    }
    heap_flush(scene.heap);
    assert_true(heap_owns(scene.heap, zone));
    assert_int_equal(zone_available(zone), 16);
    return_scene_end();
}

// ---- any program --------------------------------------------------------------------------------

// All pages of a program's zones that can go. Returns how many ranges went.
static size_t purge_all(struct churn *churn)
{
    size_t count = 0;
    for (unsigned which = 0; which < CHURN_HEAPS_MAX; which++) {
        struct heap *owner = churn->heaps[which];
        struct leaving leaving;
        while (owner != NULL && heap_next_leaving(owner, 1, SIZE_MAX, &leaving)) {
            memset((void *)leaving.range.base, 0, leaving.range.bytes);
            heap_left(owner, &leaving, LEFT_CLEAN);
            count++;
        }
    }
    return count;
}

// Programs of up to three heaps on arenas that keep next to nothing: what is said to be zero is zero, and what is in use
// stays as it is, whichever pages leave meanwhile.
static void contents_survive_purges(void **state)
{
    (void)state;
    struct random random = random_seeded(47);
    size_t purges = 0;
    for (unsigned round = 0; round < 24; round++) {
        static struct churn churn;
        static const size_t pages[] = {4 * KIB, 16 * KIB, 64 * KIB};
        const struct driver_options options = {
            .unit_bytes = UNIT,
            .page_bytes = pages[round % 3],
            .dirty_bytes_max = 1 + random_below(&random, 64 * KIB),
            .parcel_count = round % 2 != 0 ? 8 : 0,
            .section_bytes = 16 * MIB,
            .commits = round % 4 == 0,
        };
        churn_begin(&churn, &options, 1 + round % 3, HEAP_BYTES, random_next(&random));
        churn.bytes_most = 256U << random_below(&random, 6);
        for (unsigned step = 0; step < 9000; step++) {
            // From time to time most of what is held goes.
            while (step % 3000 == 2999 && churn.held_count > 40) {
                struct heap *heap_now = churn_heap(&churn);
                churn_free(&churn, heap_now, random_below(&random, (uint32_t)churn.held_count));
            }
            churn_step(&churn);
            purges += step % 300 == 0 ? purge_all(&churn) : 0;
        }
        purges += churn.driver.purge_count;
        churn_end(&churn);
    }
    assert_true(purges > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_purged_is_no_longer_kept),
        cmocka_unit_test(what_the_system_refuses_ends_the_search),
        cmocka_unit_test(what_has_no_access_any_more_is_nobodys_for_ever),
        cmocka_unit_test(a_zone_that_is_lost_but_for_what_is_in_use_is_nobodys),
        cmocka_unit_test(contents_survive_purges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
