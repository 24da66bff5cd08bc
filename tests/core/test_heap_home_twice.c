// SPDX-License-Identifier: MIT
// Two frees of one chunk at a time, both taken for good: the home bit that is one too many is found, wherever it is, and
// the chunk is free once. The states that such a race leaves are made by hand.
#include "core/heap_zones.h"

#include "tests/core/home_scene.h"
#include "tests/core/test.h"

static struct home_scene scene;
static void *chunks[SCENE_COUNT_MAX];
static struct zone *zone;

enum { TINY_CLASS = SIZE_CLASS_TINY_COUNT - 1 };

static void begin(size_t parcel_count)
{
    home_scene_begin(&scene, parcel_count);
    zone = home_scene_fill_but_one(&scene, scene.a, SCENE_BYTES, chunks);
    assert_null(heap_freed_twice(scene.arena));
}

// A double free was found, of this chunk; it is told once.
static void expect_twice(const void *ptr)
{
    assert_ptr_equal(heap_freed_twice(scene.arena), ptr);
    assert_null(heap_freed_twice(scene.arena));
}

static void end(void)
{
    home_scene_end(&scene);
}

// The state that a second free finds which began before the first one.
static void make_live(unsigned index)
{
    home_scene_set_state(&scene, chunks[index], STATE_LIVE);
}

static void a_bit_that_is_set_already_is_found_when_it_is_sent(void **state)
{
    (void)state;
    begin(0);
    home_scene_send(&scene, scene.b, chunks[70]);
    make_live(70);
    home_scene_send(&scene, scene.c, chunks[70]);
    expect_twice(chunks[70]);
    heap_drain(scene.a);
    assert_int_equal(zone_available(zone), 2);
    assert_int_equal(home_scene_take_all(&scene, scene.a, SCENE_BYTES), 2);
    end();
}

static void the_right_one_of_a_parcel_is_found(void **state)
{
    (void)state;
    for (unsigned twice = 10; twice <= 40; twice += 10) {
        begin(4);
        home_scene_send(&scene, NULL, chunks[twice]);
        make_live(twice);
        for (unsigned index = 10; index <= 40; index += 10) {
            home_scene_send(&scene, scene.b, chunks[index / 10 % 2 != 0 ? index : 60 - index]);
        }
        assert_null(heap_freed_twice(scene.arena));
        heap_send_parcels(scene.b);
        expect_twice(chunks[twice]);
        heap_drain(scene.a);
        assert_int_equal(zone_available(zone), 5);
        end();
    }
}

static void a_bit_that_is_in_the_parcel_already_is_found_there(void **state)
{
    (void)state;
    begin(4);
    home_scene_send(&scene, scene.b, chunks[7]);
    make_live(7);
    home_scene_send(&scene, scene.b, chunks[7]);
    expect_twice(chunks[7]);
    heap_send_parcels(scene.b);
    assert_null(heap_freed_twice(scene.arena));
    heap_drain(scene.a);
    assert_int_equal(zone_available(zone), 2);
    end();
}

// What the owner has of a chunk whose home bit is set as well.
static void stacked(unsigned index)
{
    home_scene_put(&scene, scene.a, chunks[index]);
}

static void back_in_the_zone(unsigned index)
{
    home_scene_put(&scene, scene.a, chunks[index]);
    heap_flush(scene.a);
}

static void live_again(unsigned index)
{
    make_live(index);
}

static void a_bit_of_a_chunk_that_is_not_on_its_way_is_found_by_the_drain(void **state)
{
    (void)state;
    void (*const ways[])(unsigned index) = {stacked, back_in_the_zone, live_again};
    const uint32_t available[] = {2, 3, 2};
    for (unsigned way = 0; way < 3; way++) {
        begin(0);
        home_scene_send(&scene, scene.b, chunks[6]); // a right one beside it
        ways[way](5);
        unsigned before = zone_state(zone, 5);
        home_scene_set_bit(&scene, chunks[5]);
        heap_drain(scene.a);
        expect_twice(chunks[5]);
        assert_int_equal(zone_state(zone, 5), before);
        assert_int_equal(zone_available(zone), available[way]);
        assert_false(zone_has_home(zone));
        assert_true(driver_is_valid(&scene.driver));
        assert_int_equal(home_scene_take_all(&scene, scene.a, SCENE_BYTES), way == 2 ? 2 : 3);
        end();
    }
}

static void it_is_found_by_who_adopts_the_zone(void **state)
{
    (void)state;
    begin(0);
    home_scene_alloc(&scene, scene.a, SCENE_BYTES);
    assert_int_equal(zone->owner, ZONE_OWNER_FULL);
    home_scene_send(&scene, scene.b, chunks[0]);
    home_scene_set_bit(&scene, chunks[50]);
    assert_true(heap_adopt(scene.c, TINY_CLASS, true));
    expect_twice(chunks[50]);
    assert_int_equal(zone_available(zone), 1);
    end();
}

static void it_is_found_for_a_heap_without_a_thread(void **state)
{
    (void)state;
    begin(0);
    heap_retire(scene.a);
    home_scene_send(&scene, scene.b, chunks[0]);
    home_scene_set_bit(&scene, chunks[50]);
    (void)heap_receive_idle(scene.arena);
    expect_twice(chunks[50]);
    assert_int_equal(zone_available(zone), 2);
    end();
}

static void a_zone_that_seems_whole_and_is_not_stays(void **state)
{
    (void)state;
    begin(0);
    home_scene_alloc(&scene, scene.a, SCENE_BYTES);
    home_scene_set_bit(&scene, chunks[0]); // and the chunk is live
    for (unsigned index = 1; index < SCENE_COUNT; index++) {
        home_scene_send(&scene, scene.b, chunks[index]);
    }
    expect_twice(chunks[0]);
    assert_false(heap_has_empty(scene.b));
    assert_true(heap_owns(scene.b, zone));
    assert_int_equal(zone_available(zone), SCENE_COUNT - 1);
    assert_true(driver_is_valid(&scene.driver));
    assert_int_equal(home_scene_at(&scene, chunks[0]).status, CHUNK_LIVE);
    assert_int_equal(home_scene_take_all(&scene, scene.b, SCENE_BYTES), SCENE_COUNT - 1);
    end();
}

// The zone is gone, and a home bit of it comes after that.
static void leave_a_bit_behind(unsigned index)
{
    for (unsigned chunk = 0; chunk < SCENE_COUNT - 1; chunk++) {
        home_scene_put(&scene, scene.a, chunks[chunk]);
    }
    heap_trim(scene.a);
    assert_int_equal(zone->owner, ZONE_OWNER_DEAD);
    atomic_fetch_or(zone_home_word(zone, index / (uint32_t)BITS_PER_WORD),
                    (uintptr_t)1 << index % BITS_PER_WORD);
}

static void it_is_found_in_a_record_without_a_zone(void **state)
{
    (void)state;
    for (unsigned which = 0; which < 3; which++) {
        begin(0);
        leave_a_bit_behind(66);
        struct home_list *const lists[] = {&scene.b->home, &scene.arena->home_idle,
                                           home_scene_full(&scene, zone)};
        assert_true(home_announce(zone));
        home_list_push(lists[which], scene.arena, zone);
        heap_drain(scene.b);
        (void)heap_receive_idle(scene.arena);
        // By now it is with those of nobody, where the lock guards a record without a zone.
        assert_true(home_scene_is_listed(&scene, lists[2], zone));
        assert_null(heap_freed_twice(scene.arena));
        assert_false(heap_adopt(scene.c, TINY_CLASS, true));
        expect_twice(chunks[66]);
        assert_false(zone_has_home(zone));
        assert_int_equal(zone_mail(zone)->announced, 0);
        end();
    }
}

static void it_is_found_when_the_record_is_cut_again(void **state)
{
    (void)state;
    begin(0);
    leave_a_bit_behind(66);
    void *ptr = home_scene_alloc(&scene, scene.b, SCENE_BYTES);
    assert_ptr_equal(home_scene_at(&scene, ptr).zone, zone);
    expect_twice(chunks[66]);
    assert_false(zone_has_home(zone));
    assert_true(driver_is_valid(&scene.driver));
    end();
}

static void a_bit_for_the_zone_that_was_meets_the_one_that_is(void **state)
{
    (void)state;
    begin(0);
    leave_a_bit_behind(66);
    atomic_store(zone_home_word(zone, 66 / (uint32_t)BITS_PER_WORD), 0);
    assert_ptr_equal(home_scene_fill_but_one(&scene, scene.b, SCENE_BYTES, chunks), zone);
    home_scene_set_bit(&scene, chunks[66]);
    home_scene_send(&scene, scene.c, chunks[2]);
    heap_drain(scene.b);
    expect_twice(chunks[66]);
    assert_int_equal(zone_available(zone), 2);
    assert_int_equal(home_scene_at(&scene, chunks[66]).status, CHUNK_LIVE);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bit_that_is_set_already_is_found_when_it_is_sent),
        cmocka_unit_test(the_right_one_of_a_parcel_is_found),
        cmocka_unit_test(a_bit_that_is_in_the_parcel_already_is_found_there),
        cmocka_unit_test(a_bit_of_a_chunk_that_is_not_on_its_way_is_found_by_the_drain),
        cmocka_unit_test(it_is_found_by_who_adopts_the_zone),
        cmocka_unit_test(it_is_found_for_a_heap_without_a_thread),
        cmocka_unit_test(a_zone_that_seems_whole_and_is_not_stays),
        cmocka_unit_test(it_is_found_in_a_record_without_a_zone),
        cmocka_unit_test(it_is_found_when_the_record_is_cut_again),
        cmocka_unit_test(a_bit_for_the_zone_that_was_meets_the_one_that_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
