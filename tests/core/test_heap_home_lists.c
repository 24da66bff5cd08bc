// SPDX-License-Identifier: MIT
// Records that are listed where nobody can take their chunks any more: their zones' owners have changed, wait for a
// thread, or are gone with the zones.
#include "core/heap_zones.h"

#include "tests/core/home_scene.h"
#include "tests/core/test.h"

static struct home_scene scene;
static void *chunks[SCENE_COUNT_MAX];

enum { TINY_CLASS = SIZE_CLASS_TINY_COUNT - 1 };

// Lists a record, as does somebody who looked at it long ago.
static void list_late(struct home_list *list, struct zone *zone)
{
    assert_true(home_announce(zone));
    home_list_push(list, scene.arena, zone);
}

// Gives all chunks of a zone back by its owner's hand, and the zone to the arena.
static void dissolve(struct heap *heap, struct zone *zone)
{
    for (uint32_t index = 0; index < zone->chunk_count; index++) {
        if (state_is_live(zone_state(zone, index))) {
            home_scene_put(&scene, heap, zone_chunk(zone, index));
        }
    }
    heap_trim(heap);
    assert_int_equal(zone->owner, ZONE_OWNER_DEAD);
}

// ---- owners without a thread --------------------------------------------------------------------

static void chunks_of_an_idle_heap_are_taken_by_who_has_the_lock(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    struct zone *zone = home_scene_fill_but_one(&scene, scene.a, SCENE_BYTES, chunks);
    heap_retire(scene.a);
    assert_false(heap_has_idle_home(scene.arena));
    for (unsigned index = 0; index < 10; index++) {
        struct heap *sender = index % 2 != 0 ? scene.b : NULL;
        assert_true(home_scene_send(&scene, sender, chunks[index]));
        assert_true(heap_has_idle_home(scene.arena));
        assert_true(home_scene_is_listed(&scene, &scene.arena->home_idle, zone));
        assert_true(home_list_is_empty(&scene.a->home));
    }
    struct leaving leaving = {.kind = LEAVING_NOTHING};
    (void)heap_receive_idle(scene.arena);
    assert_int_equal(leaving.kind, LEAVING_NOTHING);
    assert_false(heap_has_idle_home(scene.arena));
    assert_int_equal(zone_available(zone), 11);
    assert_true(driver_is_valid(&scene.driver));
    // The last one empties the zone, which its heap keeps, as it has no other.
    for (unsigned index = 10; index < SCENE_COUNT - 1; index++) {
        home_scene_send(&scene, scene.b, chunks[index]);
    }
    (void)heap_receive_idle(scene.arena);
    assert_true(zone_is_empty(zone));
    heap_trim_idle(scene.arena);
    assert_int_equal(scene.arena->zone_count, 0);
    home_scene_end(&scene);
}

static void zones_of_idle_heaps_that_become_empty_go_back(void **state)
{
    (void)state;
    driver_begin(&scene.driver, &(struct driver_options){.unit_bytes = 65536,
                                                         .section_bytes = 32 << 20,
                                                         .dirty_bytes_max = 1});
    scene.arena = scene.driver.arena;
    scene.a = driver_acquire(&scene.driver, SCENE_HEAP_BYTES);
    static void *all[3][SCENE_COUNT_MAX];
    uint32_t count = 0;
    for (unsigned zone = 0; zone < 3; zone++) {
        while (home_scene_at(&scene, all[zone][0] = home_scene_alloc(&scene, scene.a, 32768))
                   .zone->kind == ZONE_LARGE) {
        }
        count = home_scene_at(&scene, all[zone][0]).zone->chunk_count;
        for (uint32_t index = 1; index < count; index++) {
            all[zone][index] = home_scene_alloc(&scene, scene.a, 32768);
        }
    }
    for (unsigned zone = 0; zone < 3; zone++) {
        home_scene_put(&scene, scene.a, all[zone][0]);
    }
    heap_retire(scene.a);
    for (unsigned zone = 0; zone < 3; zone++) {
        for (uint32_t index = 1; index < count; index++) {
            assert_true(home_scene_send(&scene, NULL, all[zone][index]));
        }
    }
    assert_ptr_equal(heap_receive_idle(scene.arena), scene.a);
    assert_int_equal(scene.arena->zone_count, 1);
    assert_null(heap_receive_idle(scene.arena));
    home_scene_end(&scene);
}

static void a_heap_that_has_a_thread_again_gets_what_waited(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    struct zone *zone = home_scene_fill_but_one(&scene, scene.a, SCENE_BYTES, chunks);
    heap_retire(scene.a);
    home_scene_send(&scene, scene.b, chunks[0]);
    struct need need;
    assert_ptr_equal(heap_acquire(scene.arena, SCENE_HEAP_BYTES, &need), scene.a);
    (void)heap_receive_idle(scene.arena);
    assert_int_equal(zone_available(zone), 1); // not by the wrong thread
    assert_true(home_scene_is_listed(&scene, &scene.a->home, zone));
    heap_drain(scene.a);
    assert_int_equal(zone_available(zone), 2);
    home_scene_end(&scene);
}

static void the_common_heap_is_one_without_a_thread(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    struct need need;
    assert_int_equal(heap_count_in_use(scene.arena), 3);
    uint32_t heap_count = scene.arena->heap_count;
    scene.arena->heap_count = HEAP_ID_MAX;
    assert_null(heap_common(scene.arena, SCENE_HEAP_BYTES, &need));
    scene.arena->heap_count = heap_count;
    struct heap *common = heap_common(scene.arena, SCENE_HEAP_BYTES, &need);
    assert_non_null(common);
    assert_ptr_equal(heap_common(scene.arena, SCENE_HEAP_BYTES, &need), common);
    assert_true(common->is_idle);
    assert_int_equal(scene.arena->heap_count, 4);
    assert_int_equal(heap_count_in_use(scene.arena), 3);
    struct zone *zone = home_scene_fill_but_one(&scene, common, SCENE_BYTES, chunks);
    home_scene_send(&scene, scene.b, chunks[0]);
    assert_true(heap_has_idle_home(scene.arena));
    (void)heap_receive_idle(scene.arena);
    assert_int_equal(zone_available(zone), 2);
    for (unsigned index = 1; index < SCENE_COUNT - 1; index++) {
        home_scene_send(&scene, NULL, chunks[index]);
    }
    heap_trim_idle(scene.arena);
    (void)heap_receive_idle(scene.arena);
    heap_trim_idle(scene.arena);
    assert_int_equal(scene.arena->zone_count, 0);
    // Nobody gets it for his own.
    heap_retire(scene.a);
    assert_int_equal(heap_count_in_use(scene.arena), 2);
    assert_ptr_equal(heap_acquire(scene.arena, SCENE_HEAP_BYTES, &need), scene.a);
    assert_ptr_not_equal(heap_acquire(scene.arena, SCENE_HEAP_BYTES, &need), common);
    assert_int_equal(heap_count_in_use(scene.arena), 4);
    home_scene_end(&scene);
}

// ---- records in the wrong list ------------------------------------------------------------------

static void a_record_in_anothers_list_is_handed_on(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    struct zone *zone = home_scene_fill_but_one(&scene, scene.a, SCENE_BYTES, chunks);
    assert_true(zone_claim(zone, 0));
    home_scene_set_bit(&scene, chunks[0]);
    list_late(&scene.b->home, zone);
    heap_drain(scene.b);
    assert_int_equal(zone_available(zone), 1);
    assert_true(home_scene_is_listed(&scene, &scene.a->home, zone));
    heap_drain(scene.a);
    assert_int_equal(zone_available(zone), 2);
    // Nothing to hand on: it is forgotten.
    list_late(&scene.b->home, zone);
    heap_drain(scene.b);
    assert_int_equal(zone_mail(zone)->announced, 0);
    assert_true(home_list_is_empty(&scene.a->home));
    home_scene_end(&scene);
}

static void a_record_of_nobody_in_a_heaps_list_is_taken_by_its_last_owner_alone(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    struct zone *zone = home_scene_fill(&scene, scene.a, SCENE_BYTES, chunks, NULL);
    assert_true(zone_claim(zone, 0));
    home_scene_set_bit(&scene, chunks[0]);
    list_late(&scene.b->home, zone);
    heap_drain(scene.b);
    assert_int_equal(zone->owner, ZONE_OWNER_FULL);
    assert_true(home_scene_is_listed(&scene, home_scene_full(&scene, zone), zone));
    assert_true(heap_adopt(scene.c, TINY_CLASS, true));
    assert_ptr_equal(home_scene_alloc(&scene, scene.c, SCENE_BYTES), chunks[0]);
    assert_int_equal(zone->owner, ZONE_OWNER_FULL);
    assert_true(zone_claim(zone, 1));
    home_scene_set_bit(&scene, chunks[1]);
    list_late(&scene.c->home, zone);
    heap_drain(scene.c);
    assert_true(heap_owns(scene.c, zone));
    assert_int_equal(zone_available(zone), 1);
    home_scene_end(&scene);
}

// Who takes a zone over writes first that he owns it, then which heap that is, and then drains it.
static void a_zone_that_is_being_taken_over_is_its_takers_business(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    struct zone *zone = home_scene_fill(&scene, scene.a, SCENE_BYTES, chunks, NULL);
    assert_true(zone_claim(zone, 0));
    home_scene_set_bit(&scene, chunks[0]);
    uint32_t place = (uint32_t)((uintptr_t)&scene.c->stacks[TINY_CLASS] - (uintptr_t)scene.c);
    atomic_store(&zone->owner, scene.c->owner | place);
    atomic_store(&scene.a->is_idle, 1);
    list_late(&scene.arena->home_idle, zone);
    (void)heap_receive_idle(scene.arena);
    assert_int_equal(zone_mail(zone)->announced, 0);
    assert_int_equal(zone->fill, ZONE_UNLISTED);
    assert_true(zone_has_home(zone));
    // Who sends more lists it where any heap that is short finds it.
    assert_true(home_scene_send(&scene, scene.b, chunks[1]));
    assert_true(home_scene_is_listed(&scene, home_scene_full(&scene, zone), zone));
    assert_false(heap_adopt(scene.b, TINY_CLASS, true));
    assert_int_equal(zone_mail(zone)->announced, 0);
    atomic_store(&scene.a->is_idle, 0);
    atomic_store(&zone->owner, ZONE_OWNER_FULL);
    assert_true(heap_take_back(scene.a, zone));
    assert_int_equal(zone_available(zone), 2);
    home_scene_end(&scene);
}

static void an_adoption_goes_on_until_it_has_a_chunk(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    struct zone *first = home_scene_fill(&scene, scene.a, SCENE_BYTES, chunks, NULL);
    struct zone *second = home_scene_fill(&scene, scene.b, SCENE_BYTES, chunks + SCENE_COUNT, NULL);
    struct zone *third =
        home_scene_fill(&scene, scene.b, SCENE_BYTES, chunks + 2 * SCENE_COUNT, NULL);
    struct home_list *full = home_scene_full(&scene, first);
    home_scene_send(&scene, scene.c, chunks[0]);
    list_late(full, second); // with nothing
    home_scene_send(&scene, scene.c, chunks[2 * SCENE_COUNT]);
    home_scene_put(&scene, scene.b, chunks[2 * SCENE_COUNT + 1]); // its owner has it again
    heap_flush(scene.b);
    assert_true(heap_adopt(scene.c, TINY_CLASS, true));
    assert_true(heap_owns(scene.c, first));
    assert_true(heap_owns(scene.b, third));
    assert_int_equal(zone_available(first), 1);
    assert_true(home_list_is_empty(full));
    // The one without a chunk is the adopter's, too.
    assert_true(heap_owns(scene.c, second));
    assert_int_equal(zone_mail(second)->announced, 0);
    assert_true(driver_is_valid(&scene.driver));
    assert_int_equal(home_scene_take_all(&scene, scene.b, SCENE_BYTES), 2);
    assert_int_equal(home_scene_take_all(&scene, scene.c, SCENE_BYTES), 1);
    home_scene_end(&scene);
}

// ---- records without a zone, or with another ----------------------------------------------------

static void a_record_that_is_gone_is_dropped_from_any_list(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 4; which++) {
        home_scene_begin(&scene, 0);
        struct zone *zone = home_scene_fill_but_one(&scene, scene.a, SCENE_BYTES, chunks);
        dissolve(scene.a, zone);
        struct home_list *const lists[] = {&scene.a->home, &scene.b->home,
                                           home_scene_full(&scene, zone), &scene.arena->home_idle};
        list_late(lists[which], zone);
        assert_true(driver_is_valid(&scene.driver));
        heap_drain(scene.a);
        heap_drain(scene.b);
        assert_false(heap_adopt(scene.c, TINY_CLASS, true));
        (void)heap_receive_idle(scene.arena);
        assert_int_equal(zone_mail(zone)->announced, 0);
        assert_true(home_list_is_empty(lists[which]));
        assert_int_equal(zone->owner, ZONE_OWNER_DEAD);
        home_scene_end(&scene);
    }
}

static void a_listed_record_can_be_cut_again(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 2; which++) {
        home_scene_begin(&scene, 0);
        struct zone *zone = home_scene_fill_but_one(&scene, scene.a, SCENE_BYTES, chunks);
        dissolve(scene.a, zone);
        struct home_list *const lists[] = {&scene.a->home, &scene.c->home};
        list_late(lists[which], zone);
        assert_ptr_equal(home_scene_fill_but_one(&scene, scene.b, SCENE_BYTES, chunks), zone);
        assert_int_equal(zone_mail(zone)->announced, 1);
        // Nobody needs to list it for what comes home meanwhile: it is in a list already.
        assert_true(home_scene_send(&scene, scene.a, chunks[0]));
        assert_true(home_scene_is_listed(&scene, lists[which], zone));
        heap_drain(scene.a);
        heap_drain(scene.c);
        assert_true(home_scene_is_listed(&scene, &scene.b->home, zone));
        heap_drain(scene.b);
        assert_int_equal(zone_available(zone), 2);
        assert_int_equal(zone_mail(zone)->announced, 0);
        home_scene_end(&scene);
    }
}

static void a_record_is_of_one_section_and_class_for_ever(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    struct zone *zone = home_scene_fill_but_one(&scene, scene.a, SCENE_BYTES, chunks);
    struct zone before = *zone;
    dissolve(scene.a, zone);
    // Another run is cut with the same record.
    home_scene_alloc(&scene, scene.b, 60000);
    assert_ptr_equal(home_scene_fill_but_one(&scene, scene.b, SCENE_BYTES, chunks), zone);
    assert_int_equal(zone->section, before.section);
    assert_int_equal(zone->size_class, before.size_class);
    assert_int_equal(zone->word_count, before.word_count);
    assert_int_equal(zone->chunk_bytes, before.chunk_bytes);
    assert_int_equal(zone->chunk_count, before.chunk_count);
    home_scene_end(&scene);
}

static void all_is_drained_where_nothing_leaves(void **state)
{
    (void)state;
    home_scene_begin(&scene, 4);
    struct zone *zone = home_scene_fill_but_one(&scene, scene.a, SCENE_BYTES, chunks);
    struct zone *other = home_scene_fill_but_one(&scene, scene.b, 512, chunks + SCENE_COUNT);
    home_scene_send(&scene, scene.c, chunks[0]); // both wait in parcels
    home_scene_send(&scene, scene.c, chunks[SCENE_COUNT]);
    heap_retire(scene.a);
    heap_drain_all(scene.arena);
    assert_int_equal(scene.c->parcels_open, 0);
    assert_int_equal(zone_available(zone), 2);
    assert_int_equal(zone_available(other), 2);
    assert_int_equal(zone_mail(zone)->announced + zone_mail(other)->announced, 0);
    assert_false(heap_has_idle_home(scene.arena));
    home_scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_of_an_idle_heap_are_taken_by_who_has_the_lock),
        cmocka_unit_test(zones_of_idle_heaps_that_become_empty_go_back),
        cmocka_unit_test(a_heap_that_has_a_thread_again_gets_what_waited),
        cmocka_unit_test(the_common_heap_is_one_without_a_thread),
        cmocka_unit_test(a_record_in_anothers_list_is_handed_on),
        cmocka_unit_test(a_record_of_nobody_in_a_heaps_list_is_taken_by_its_last_owner_alone),
        cmocka_unit_test(a_zone_that_is_being_taken_over_is_its_takers_business),
        cmocka_unit_test(an_adoption_goes_on_until_it_has_a_chunk),
        cmocka_unit_test(a_record_that_is_gone_is_dropped_from_any_list),
        cmocka_unit_test(a_listed_record_can_be_cut_again),
        cmocka_unit_test(a_record_is_of_one_section_and_class_for_ever),
        cmocka_unit_test(all_is_drained_where_nothing_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
