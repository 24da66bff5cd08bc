// SPDX-License-Identifier: MIT
// Zones that are full and nobody's, and chunks that come home to them: whose they become.
#include "core/heap_zones.h"

#include "tests/core/home_scene.h"
#include "tests/core/test.h"

static struct home_scene scene;
static void *chunks[SCENE_COUNT_MAX];

enum { TINY_CLASS = SIZE_CLASS_TINY_COUNT - 1 };

// ---- whose a zone is ----------------------------------------------------------------------------

static void a_full_zone_is_nobodys_until_its_last_owner_takes_it_back(void **state)
{
    (void)state;
    for (size_t bytes = SCENE_BYTES; bytes <= 2 * SCENE_BYTES; bytes += SCENE_BYTES) {
        home_scene_begin(&scene, 0);
        struct zone *zone = home_scene_fill(&scene, scene.a, bytes, chunks, NULL);
        assert_int_equal(zone->heap, offset_of(scene.arena, scene.a));
        assert_false(heap_owns(scene.a, zone));
        assert_false(heap_take_back(scene.b, zone));
        assert_int_equal(zone->owner, ZONE_OWNER_FULL);
        assert_true(heap_take_back(scene.a, zone));
        assert_true(heap_owns(scene.a, zone));
        assert_false(heap_take_back(scene.a, zone)); // it is no more nobody's
        struct chunk chunk = home_scene_at(&scene, chunks[7]);
        assert_true(heap_put(scene.a, &chunk));
        assert_int_equal(home_scene_at(&scene, chunks[7]).status, CHUNK_FREED);
        heap_flush(scene.a);
        assert_int_equal(zone_available(zone), 1);
        assert_true(heap_is_valid(scene.a));
        assert_ptr_equal(home_scene_alloc(&scene, scene.a, bytes), chunks[7]);
        assert_int_equal(zone->owner, ZONE_OWNER_FULL);
        home_scene_end(&scene);
    }
}

static void put_refuses_what_is_not_live_and_changes_nothing(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    struct zone *zone = home_scene_fill_but_one(&scene, scene.a, SCENE_BYTES, chunks);
    const struct heap_stack *stack = &scene.a->stacks[TINY_CLASS];
    struct chunk chunk = home_scene_at(&scene, chunks[5]);
    const unsigned states[] = {STATE_FRESH, STATE_FREED, STATE_HOME};
    for (unsigned sample = 0; sample < 3; sample++) {
        zone_set_state(zone, chunk.index, states[sample]);
        assert_false(heap_put(scene.a, &chunk));
        assert_int_equal(zone_state(zone, chunk.index), states[sample]);
        assert_ptr_equal(stack->top, stack->bottom);
    }
    zone_set_state(zone, chunk.index, STATE_LIVE);
    // The record is another zone's by now, with its chunks elsewhere.
    chunk.base = (char *)chunk.base - SCENE_BYTES;
    assert_false(heap_put(scene.a, &chunk));
    chunk.base = (char *)chunk.base + SCENE_BYTES;
    assert_true(heap_put(scene.a, &chunk));
    assert_false(heap_put(scene.a, &chunk));
    assert_ptr_equal(stack->top - 1, stack->bottom);
    home_scene_end(&scene);
}

// ---- sending ------------------------------------------------------------------------------------

static void a_chunk_is_claimed_once(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    struct zone *zone = home_scene_fill_but_one(&scene, scene.a, SCENE_BYTES, chunks);
    assert_true(home_scene_send(&scene, scene.b, chunks[3]));
    assert_int_equal(home_scene_at(&scene, chunks[3]).status, CHUNK_HOME);
    assert_true(home_scene_is_sent(&scene, chunks[3]));
    assert_false(home_scene_send(&scene, scene.b, chunks[3]));
    assert_false(home_scene_send(&scene, scene.c, chunks[3]));
    assert_false(home_scene_send(&scene, NULL, chunks[3]));
    // A chunk in the zone, and one in a stack.
    assert_false(home_scene_send(&scene, scene.b, chunks[SCENE_COUNT - 1]));
    home_scene_put(&scene, scene.a, chunks[4]);
    assert_false(home_scene_send(&scene, scene.b, chunks[4]));
    assert_int_equal(home_scene_at(&scene, chunks[4]).status, CHUNK_FREED);
    assert_false(home_scene_is_sent(&scene, chunks[4]));
    heap_drain(scene.a);
    assert_int_equal(zone_available(zone), 2);
    home_scene_end(&scene);
}

static void chunks_of_an_owned_zone_go_to_their_owner(void **state)
{
    (void)state;
    for (unsigned late = 0; late < 2; late++) {
        home_scene_begin(&scene, 0);
        struct zone *zone = home_scene_fill_but_one(&scene, scene.a, SCENE_BYTES, chunks);
        struct heap *sender = late != 0 ? NULL : scene.b; // a thread with a heap, and one without
        for (unsigned index = 10; index < 20; index++) {
            assert_true(home_scene_send(&scene, sender, chunks[index]));
            assert_true(home_scene_is_listed(&scene, &scene.a->home, zone));
            assert_false(home_scene_is_listed(&scene, home_scene_full(&scene, zone), zone));
            assert_int_equal(zone_available(zone), 1);
        }
        assert_true(driver_is_valid(&scene.driver));
        assert_false(heap_adopt(scene.c, TINY_CLASS, true));
        heap_drain(scene.a);
        assert_true(home_list_is_empty(&scene.a->home));
        assert_false(zone_has_home(zone));
        assert_int_equal(zone_mail(zone)->announced, 0);
        assert_int_equal(zone_available(zone), 11);
        assert_int_equal(home_scene_take_all(&scene, scene.a, SCENE_BYTES), 11);
        home_scene_end(&scene);
    }
}

static void what_came_home_is_taken_when_no_zone_has_a_freed_chunk(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    struct zone *zone = home_scene_fill_but_one(&scene, scene.a, SCENE_BYTES, chunks);
    home_scene_send(&scene, scene.b, chunks[0]);
    assert_false(heap_lacks(scene.a, TINY_CLASS));
    // One is at hand, the other one at home.
    assert_ptr_equal(heap_take(scene.a, TINY_CLASS, 1000, SIZE_CLASS_STEP).ptr,
                     chunks[SCENE_COUNT - 1]);
    assert_true(zone_has_home(zone));
    assert_true(home_scene_is_listed(&scene, &scene.a->home, zone));
    assert_false(heap_lacks(scene.a, TINY_CLASS));
    assert_ptr_equal(heap_take(scene.a, TINY_CLASS, 1000, SIZE_CLASS_STEP).ptr, chunks[0]);
    assert_true(heap_lacks(scene.a, TINY_CLASS));
    assert_null(heap_take(scene.a, TINY_CLASS, 1000, SIZE_CLASS_STEP).ptr);
    assert_int_equal(zone->owner, ZONE_OWNER_FULL);
    home_scene_end(&scene);
}

static void what_came_home_is_taken_before_chunks_that_were_never_handed_out(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    const struct heap_stack *stack = &scene.a->stacks[TINY_CLASS];
    uint32_t count = 0;
    do {
        chunks[count++] = home_scene_alloc(&scene, scene.a, SCENE_BYTES);
    } while (stack->top != stack->bottom);
    struct zone *zone = home_scene_at(&scene, chunks[0]).zone;
    assert_int_equal(zone->free_count, 0);
    assert_true(zone_available(zone) != 0);
    home_scene_send(&scene, scene.b, chunks[0]);
    assert_ptr_equal(heap_take(scene.a, TINY_CLASS, 1000, SIZE_CLASS_STEP).ptr, chunks[0]);
    assert_false(zone_has_home(zone));
    // Those wait until there is nothing else, as long as others may send more.
    assert_ptr_equal(stack->top, stack->bottom);
    assert_non_null(heap_take(scene.a, TINY_CLASS, 1000, SIZE_CLASS_STEP).ptr);
    assert_true(stack->top != stack->bottom);
    home_scene_end(&scene);
}

static void chunks_of_nobodys_zone_go_to_who_is_short_of_them(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    struct zone *zone = home_scene_fill(&scene, scene.a, SCENE_BYTES, chunks, NULL);
    assert_false(heap_adopt(scene.c, TINY_CLASS, true)); // nothing has come home
    for (unsigned index = 10; index < 85; index++) {
        assert_true(home_scene_send(&scene, scene.b, chunks[index]));
    }
    assert_true(home_scene_is_listed(&scene, home_scene_full(&scene, zone), zone));
    assert_true(home_list_is_empty(&scene.a->home));
    assert_true(heap_lacks(scene.a, TINY_CLASS));
    assert_false(heap_adopt(scene.c, TINY_CLASS - 1, true)); // of this class no
    for (unsigned index = 10; index < 85; index++) {
        assert_ptr_equal(home_scene_alloc(&scene, scene.c, SCENE_BYTES), chunks[index]);
    }
    assert_int_equal(scene.arena->zone_count, 1);
    assert_int_equal(zone->heap, offset_of(scene.arena, scene.c));
    // The heap that cut the zone is now one like all others.
    home_scene_put(&scene, scene.c, chunks[10]);
    assert_false(heap_take_back(scene.a, zone));
    assert_true(home_scene_send(&scene, scene.a, chunks[30]));
    assert_true(home_scene_is_listed(&scene, &scene.c->home, zone));
    home_scene_end(&scene);
}

static void chunks_among_many_in_use_go_to_the_last_owner(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    struct zone *zone = home_scene_fill(&scene, scene.a, SCENE_BYTES, chunks, NULL);
    for (unsigned index = 10; index < 84; index++) {
        assert_true(home_scene_send(&scene, scene.b, chunks[index]));
    }
    assert_false(heap_adopt(scene.c, TINY_CLASS, false)); // one too few
    assert_true(home_list_is_empty(home_scene_full(&scene, zone)));
    assert_true(home_scene_is_listed(&scene, &scene.a->home, zone));
    assert_int_equal(zone->owner, ZONE_OWNER_FULL);
    heap_drain(scene.a);
    assert_true(heap_owns(scene.a, zone));
    assert_int_equal(zone_available(zone), 74);
    home_scene_end(&scene);
}

static void chunks_of_who_waits_for_a_thread_go_to_who_is_short(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    struct zone *zone = home_scene_fill(&scene, scene.a, SCENE_BYTES, chunks, NULL);
    assert_true(home_scene_send(&scene, scene.b, chunks[10]));
    atomic_store(&scene.a->is_idle, 1);
    assert_true(heap_adopt(scene.c, TINY_CLASS, false));
    atomic_store(&scene.a->is_idle, 0);
    assert_true(heap_owns(scene.c, zone));
    home_scene_end(&scene);
}

static void a_small_heap_adopts_before_it_takes_runs(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    uint32_t count = 0;
    struct zone *zone = home_scene_fill(&scene, scene.a, 4096, chunks, &count);
    for (unsigned index = 20; index < count; index++) {
        assert_true(home_scene_send(&scene, NULL, chunks[index]));
    }
    assert_ptr_equal(home_scene_alloc(&scene, scene.b, 4000), chunks[20]);
    assert_int_equal(home_scene_at(&scene, chunks[20]).requested, 4000);
    assert_int_equal(zone->heap, offset_of(scene.arena, scene.b));
    home_scene_end(&scene);
}

static void what_the_last_owner_has_taken_back_is_not_adopted(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    struct zone *zone = home_scene_fill(&scene, scene.a, SCENE_BYTES, chunks, NULL);
    home_scene_send(&scene, scene.b, chunks[1]);
    home_scene_put(&scene, scene.a, chunks[2]);
    assert_int_equal(zone_available(zone), 1); // with what had come home
    assert_false(zone_has_home(zone));
    assert_true(driver_is_valid(&scene.driver));
    // The list for nobody's zones still has it.
    assert_false(heap_adopt(scene.c, TINY_CLASS, true));
    assert_true(home_list_is_empty(home_scene_full(&scene, zone)));
    assert_true(heap_owns(scene.a, zone));
    heap_drain(scene.a);
    heap_flush(scene.a);
    assert_int_equal(zone_available(zone), 2);
    assert_int_equal(home_scene_take_all(&scene, scene.c, SCENE_BYTES), 0);
    assert_int_equal(home_scene_take_all(&scene, scene.a, SCENE_BYTES), 2);
    home_scene_end(&scene);
}

static void its_owner_may_find_a_zone_among_those_of_nobody(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    struct zone *zone = home_scene_fill(&scene, scene.a, SCENE_BYTES, chunks, NULL);
    home_scene_send(&scene, scene.b, chunks[1]);
    home_scene_put(&scene, scene.a, chunks[2]);
    // It is announced, so that nobody lists it anew.
    home_scene_send(&scene, scene.b, chunks[3]);
    assert_true(home_list_is_empty(&scene.a->home));
    assert_true(heap_adopt(scene.a, TINY_CLASS, true));
    assert_int_equal(zone_available(zone), 2);
    assert_int_equal(home_scene_take_all(&scene, scene.a, SCENE_BYTES), 3);
    assert_false(zone_has_home(zone));
    assert_int_equal(zone_mail(zone)->announced, 0);
    home_scene_end(&scene);
}

// ---- the last chunk -----------------------------------------------------------------------------

static void who_sends_the_last_chunk_gives_the_zone_back(void **state)
{
    (void)state;
    for (size_t bytes = SCENE_BYTES; bytes <= 2 * SCENE_BYTES; bytes += SCENE_BYTES) {
        home_scene_begin(&scene, 0);
        uint32_t count;
        struct zone *zone = home_scene_fill(&scene, scene.a, bytes, chunks, &count);
        for (uint32_t index = 0; index < count; index++) {
            assert_false(heap_has_empty(scene.b));
            assert_true(home_scene_send(&scene, index % 2 != 0 ? scene.b : scene.c,
                                        chunks[(index * 37) % count]));
        }
        assert_false(heap_has_empty(scene.a) || heap_has_empty(scene.c));
        assert_true(heap_has_empty(scene.b) && heap_owns(scene.b, zone));
        assert_true(driver_is_valid(&scene.driver));
        driver_give_empty(&scene.driver, scene.b);
        assert_int_equal(scene.arena->zone_count, 0);
        assert_int_equal(zone->owner, ZONE_OWNER_DEAD);
        assert_true(driver_is_valid(&scene.driver));
        // The record is still listed; who finds it there lets it be.
        assert_true(home_scene_is_listed(&scene, home_scene_full(&scene, zone), zone));
        assert_false(heap_adopt(scene.c, zone->size_class, true));
        assert_int_equal(zone_mail(zone)->announced, 0);
        home_scene_end(&scene);
    }
}

static void a_thread_without_a_heap_leaves_a_whole_zone_to_others(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    struct zone *zone = home_scene_fill(&scene, scene.a, SCENE_BYTES, chunks, NULL);
    for (unsigned index = 0; index < SCENE_COUNT; index++) {
        assert_true(home_scene_send(&scene, NULL, chunks[index]));
    }
    assert_int_equal(zone->owner, ZONE_OWNER_FULL);
    assert_true(driver_is_valid(&scene.driver));
    assert_int_equal(home_scene_take_all(&scene, scene.c, SCENE_BYTES), SCENE_COUNT);
    for (unsigned index = 0; index < SCENE_COUNT; index++) {
        assert_true(home_scene_send(&scene, NULL, chunks[index]));
    }
    heap_trim(scene.b);
    assert_int_equal(scene.arena->zone_count, 0);
    home_scene_end(&scene);
}

static void a_zone_with_chunks_in_a_stack_is_not_whole(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    struct zone *zone = home_scene_fill(&scene, scene.a, SCENE_BYTES, chunks, NULL);
    for (unsigned index = 0; index < 3; index++) {
        home_scene_put(&scene, scene.a, chunks[index]);
    }
    atomic_store(&zone->owner, ZONE_OWNER_FULL); // as when their zone was taken from behind them
    for (unsigned index = 3; index < SCENE_COUNT; index++) {
        home_scene_send(&scene, scene.b, chunks[index]);
    }
    assert_false(heap_has_empty(scene.b));
    assert_true(heap_adopt(scene.c, TINY_CLASS, true));
    assert_int_equal(zone_available(zone), SCENE_COUNT - 3);
    assert_true(driver_is_valid(&scene.driver));
    heap_flush(scene.a);
    assert_true(home_scene_is_listed(&scene, &scene.c->home, zone));
    heap_drain(scene.c);
    assert_true(zone_is_empty(zone));
    heap_trim(scene.c);
    assert_int_equal(scene.arena->zone_count, 0);
    home_scene_end(&scene);
}

static void stacked_chunks_of_a_zone_that_is_nobodys_take_it_back(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    struct zone *zone = home_scene_fill(&scene, scene.a, SCENE_BYTES, chunks, NULL);
    home_scene_put(&scene, scene.a, chunks[0]);
    home_scene_put(&scene, scene.a, chunks[1]);
    heap_relist(scene.a, zone);
    assert_int_equal(zone->owner, ZONE_OWNER_FULL);
    assert_true(driver_is_valid(&scene.driver));
    heap_flush(scene.a);
    assert_true(heap_owns(scene.a, zone));
    assert_int_equal(zone_available(zone), 2);
    home_scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_zone_is_nobodys_until_its_last_owner_takes_it_back),
        cmocka_unit_test(put_refuses_what_is_not_live_and_changes_nothing),
        cmocka_unit_test(a_chunk_is_claimed_once),
        cmocka_unit_test(chunks_of_an_owned_zone_go_to_their_owner),
        cmocka_unit_test(what_came_home_is_taken_when_no_zone_has_a_freed_chunk),
        cmocka_unit_test(what_came_home_is_taken_before_chunks_that_were_never_handed_out),
        cmocka_unit_test(chunks_of_nobodys_zone_go_to_who_is_short_of_them),
        cmocka_unit_test(chunks_among_many_in_use_go_to_the_last_owner),
        cmocka_unit_test(chunks_of_who_waits_for_a_thread_go_to_who_is_short),
        cmocka_unit_test(a_small_heap_adopts_before_it_takes_runs),
        cmocka_unit_test(what_the_last_owner_has_taken_back_is_not_adopted),
        cmocka_unit_test(its_owner_may_find_a_zone_among_those_of_nobody),
        cmocka_unit_test(who_sends_the_last_chunk_gives_the_zone_back),
        cmocka_unit_test(a_thread_without_a_heap_leaves_a_whole_zone_to_others),
        cmocka_unit_test(a_zone_with_chunks_in_a_stack_is_not_whole),
        cmocka_unit_test(stacked_chunks_of_a_zone_that_is_nobodys_take_it_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
