// SPDX-License-Identifier: MIT
// Chunks that came home to zones which are listed for a heap whose thread sleeps: who else finds them, and when.
#include "core/heap_zones.h"

#include "tests/core/home_scene.h"
#include "tests/core/test.h"

static struct home_scene scene;
static void *chunks[SCENE_COUNT_MAX];

enum { TINY_CLASS = SIZE_CLASS_TINY_COUNT - 1, UNITS = 16, GROWTH_SHARE = 16 };

// A full zone of `a`, listed for it because `c` might not have it when it looked.
static struct zone *refuse_zone(void)
{
    struct zone *zone = home_scene_fill(&scene, scene.a, SCENE_BYTES, chunks, NULL);
    home_scene_send(&scene, scene.b, chunks[0]);
    assert_false(heap_adopt(scene.c, TINY_CLASS, false));
    assert_true(home_scene_is_listed(&scene, &scene.a->home, zone));
    return zone;
}

static struct zone *refused_zone(void)
{
    home_scene_begin(&scene, 0);
    return refuse_zone();
}

static void send(unsigned first, unsigned end)
{
    for (unsigned index = first; index < end; index++) {
        home_scene_send(&scene, scene.b, chunks[index]);
    }
}

static void a_zone_of_nobody_is_found_when_most_of_it_came_home(void **state)
{
    (void)state;
    struct zone *zone = refused_zone();
    send(1, SCENE_COUNT - SCENE_COUNT / 4);
    assert_false(heap_adopt(scene.c, TINY_CLASS, false)); // it is in a sleeper's list
    heap_look_home(scene.arena);
    assert_true(home_list_is_empty(&scene.a->home));
    assert_true(home_scene_is_listed(&scene, home_scene_full(&scene, zone), zone));
    assert_true(heap_adopt(scene.c, TINY_CLASS, false));
    assert_true(heap_owns(scene.c, zone));
    assert_int_equal(zone_available(zone), SCENE_COUNT - SCENE_COUNT / 4);
    assert_true(driver_is_valid(&scene.driver));
    home_scene_end(&scene);
}

static void one_of_which_less_came_home_is_for_its_last_owner_again(void **state)
{
    (void)state;
    struct zone *zone = refused_zone();
    send(1, SCENE_COUNT - SCENE_COUNT / 4 - 1);
    heap_look_home(scene.arena);
    assert_false(heap_adopt(scene.c, TINY_CLASS, false));
    assert_true(home_scene_is_listed(&scene, &scene.a->home, zone));
    heap_drain(scene.a);
    assert_true(heap_owns(scene.a, zone));
    home_scene_end(&scene);
}

static void a_zone_with_an_owner_stays_listed_for_it(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    struct zone *zone = home_scene_fill_but_one(&scene, scene.a, SCENE_BYTES, chunks);
    send(0, SCENE_COUNT - 1);
    heap_look_home(scene.arena);
    assert_true(home_scene_is_listed(&scene, &scene.a->home, zone));
    assert_int_equal(zone_available(zone), 1);
    assert_int_equal(zone_mail(zone)->announced, 1);
    home_scene_end(&scene);
}

static void a_record_that_has_another_owner_by_now_is_listed_for_that(void **state)
{
    (void)state;
    struct zone *zone = refused_zone();
    // Whoever sends the last chunk gives the zone back, and another one is cut with its record.
    send(1, SCENE_COUNT);
    while (heap_give_empty(scene.b)) {
    }
    assert_int_equal(zone->owner, ZONE_OWNER_DEAD);
    assert_ptr_equal(home_scene_fill_but_one(&scene, scene.c, SCENE_BYTES, chunks), zone);
    send(0, 1);
    assert_true(home_list_is_empty(&scene.c->home)); // it is announced: nobody lists it
    heap_look_home(scene.arena);
    assert_true(home_scene_is_listed(&scene, &scene.c->home, zone));
    assert_true(home_list_is_empty(&scene.a->home));
    home_scene_end(&scene);
}

static void a_push_that_is_not_finished_stops_a_look(void **state)
{
    (void)state;
    home_scene_begin(&scene, 0);
    struct zone *other = home_scene_fill_but_one(&scene, scene.b, 512, chunks + SCENE_COUNT);
    struct zone *zone = refuse_zone();
    // Somebody pushes another record, and has not linked it yet.
    assert_true(home_announce(other));
    atomic_store(&zone_mail(other)->next, HOME_PENDING);
    atomic_store(&scene.arena->home_idle.first, offset_of(scene.arena, other));
    heap_look_home(scene.arena);
    assert_true(home_scene_is_listed(&scene, &scene.a->home, zone));
    atomic_store(&zone_mail(other)->next, 0);
    heap_look_home(scene.arena);
    assert_true(home_list_is_empty(&scene.a->home));
    assert_int_equal(zone_mail(other)->announced, 0);
    home_scene_end(&scene);
}

static void a_trim_takes_what_is_listed_for_others(void **state)
{
    (void)state;
    struct zone *zone = refused_zone();
    heap_trim(scene.c);
    assert_true(heap_owns(scene.c, zone));
    assert_int_equal(zone_available(zone), 1);
    home_scene_end(&scene);
}

// Whether an arena with so many units in use looks, that had `before` when it looked last.
static bool looks(size_t before, size_t now)
{
    struct zone *zone = refused_zone();
    size_t used = scene.arena->used_unit_count;
    scene.arena->looked_units = (uint32_t)before;
    scene.arena->used_unit_count = now;
    heap_look_home_grown(scene.arena);
    bool has_looked = home_list_is_empty(&scene.a->home);
    assert_int_equal(has_looked, home_scene_is_listed(&scene, home_scene_full(&scene, zone), zone));
    assert_int_equal(scene.arena->looked_units, has_looked || now < before ? now : before);
    scene.arena->used_unit_count = used;
    home_scene_end(&scene);
    return has_looked;
}

static void an_arena_looks_when_it_has_grown_by_a_part(void **state)
{
    (void)state;
    assert_false(looks(10, 10));
    assert_false(looks(10, 10 + UNITS - 1));
    assert_true(looks(10, 10 + UNITS));
    const size_t many = (size_t)GROWTH_SHARE * 100;
    assert_false(looks(many - 99, many));
    assert_true(looks(many - 100, many));
    assert_false(looks(many, many - 1));
}

static void an_arena_with_one_heap_does_not_look(void **state)
{
    (void)state;
    (void)refused_zone();
    scene.arena->looked_units = 0;
    scene.arena->heap_count = 1;
    heap_look_home_grown(scene.arena);
    scene.arena->heap_count = 3;
    assert_false(home_list_is_empty(&scene.a->home));
    home_scene_end(&scene);
}

static void who_wants_a_zone_looks_first(void **state)
{
    (void)state;
    struct zone *zone = refused_zone();
    send(1, SCENE_COUNT - SCENE_COUNT / 4);
    scene.arena->looked_units = 0;
    struct need need;
    struct grant grant = heap_alloc(scene.c, SCENE_BYTES, 1, &need);
    assert_non_null(grant.ptr);
    assert_true(heap_owns(scene.c, zone) && home_scene_at(&scene, grant.ptr).zone == zone);
    home_scene_put(&scene, scene.c, grant.ptr);
    home_scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zone_of_nobody_is_found_when_most_of_it_came_home),
        cmocka_unit_test(one_of_which_less_came_home_is_for_its_last_owner_again),
        cmocka_unit_test(a_zone_with_an_owner_stays_listed_for_it),
        cmocka_unit_test(a_record_that_has_another_owner_by_now_is_listed_for_that),
        cmocka_unit_test(a_push_that_is_not_finished_stops_a_look),
        cmocka_unit_test(a_trim_takes_what_is_listed_for_others),
        cmocka_unit_test(an_arena_looks_when_it_has_grown_by_a_part),
        cmocka_unit_test(an_arena_with_one_heap_does_not_look),
        cmocka_unit_test(who_wants_a_zone_looks_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
