// SPDX-License-Identifier: MIT
// Of which zones a heap gives pages back, and where a search for them goes on.
#include "core/heap_return.h"

#include "core/heap_zones.h"
#include "tests/core/return_scene.h"
#include "tests/core/test.h"

// ---- which --------------------------------------------------------------------------------------

static void the_emptiest_zones_come_first(void **state)
{
    (void)state;
    return_scene_begin(SIZE_MAX - 1);
    return_scene_fill(scene.heap, CHUNK, 1280);
    // Ten zones; of each other one a tenth of the chunks is kept, of those between them a half.
    for (unsigned index = 0; index < 1280; index++) {
        unsigned kept = index / 128 % 2 != 0 ? 64 : 12;
        if (index % 128 >= kept) {
            return_scene_put(scene.heap, scene.chunks[index]);
        }
    }
    heap_flush(scene.heap);
    unsigned count = 0;
    uint32_t fill_before = ZONE_FILL_COUNT;
    struct leaving leaving;
    while (return_scene_next(16 * KIB, SIZE_MAX, &leaving)) {
        uint32_t fill = return_scene_zone_of_leaving(&leaving)->fill;
        assert_true(fill <= fill_before);
        fill_before = fill;
        return_scene_left(&leaving, LEFT_CLEAN);
        count++;
    }
    assert_true(count >= 10);
    assert_int_not_equal(fill_before, ZONE_FILL_COUNT - 1);
    return_scene_end();
}

static void a_search_in_small_steps_finds_as_much(void **state)
{
    (void)state;
    size_t bytes[2] = {0, 0};
    for (unsigned steps = 0; steps < 2; steps++) {
        return_scene_begin(MIB);
        return_scene_fill(scene.heap, CHUNK, 2000);
        return_scene_thin_out(scene.heap, 2000, 40);
        return_scene_fill(scene.heap, 48, 5000);
        return_scene_thin_out(scene.heap, 5000, 500);
        struct leaving leaving;
        struct heap_return *back = heap_returns(scene.heap);
        unsigned in_vain = 0;
        do {
            if (return_scene_next(1, steps != 0 ? 1 : SIZE_MAX, &leaving)) {
                bytes[steps] += leaving.range.bytes;
                return_scene_left(&leaving, LEFT_CLEAN);
            } else {
                in_vain++;
            }
        } while (back->above == 0);
        assert_true(steps == 0 ? in_vain == 1 : in_vain > 10);
        // All have been looked at, and what went does not go again.
        heap_search_anew(scene.heap);
        assert_false(return_scene_next(1, SIZE_MAX, &leaving));
        return_scene_end();
    }
    assert_int_equal(bytes[0], bytes[1]);
    assert_int_not_equal(bytes[0], 0);
}

static void each_zone_is_looked_at_from_its_first_chunk_on(void **state)
{
    (void)state;
    enum { ZONES = 3, PER_ZONE = 128, KEPT = 20 };
    return_scene_begin(MIB);
    return_scene_fill(scene.heap, CHUNK, ZONES * PER_ZONE);
    assert_int_equal(return_scene_zone_of(scene.chunks[0])->chunk_count, PER_ZONE);
    for (unsigned index = 0; index < ZONES * PER_ZONE; index++) {
        if (chunk_locate(scene.driver.arena, scene.chunks[index]).index < PER_ZONE - KEPT) {
            return_scene_put(scene.heap, scene.chunks[index]);
        }
    }
    heap_flush(scene.heap);
    struct leaving leaving;
    unsigned count = 0;
    for (; return_scene_next(16 * KIB, 100, &leaving); count++) {
        assert_ptr_equal((void *)leaving.range.base,
                         zone_base(return_scene_zone_of_leaving(&leaving)));
        return_scene_left(&leaving, LEFT_CLEAN);
    }
    assert_int_equal(count, ZONES);
    return_scene_end();
}

static void zones_with_less_than_is_wanted_are_passed_over(void **state)
{
    (void)state;
    return_scene_begin(MIB);
    return_scene_fill(scene.heap, CHUNK, 128);
    return_scene_put_some(scene.heap, 16, 31);
    struct leaving leaving;
    assert_false(return_scene_next(16 * KIB, SIZE_MAX, &leaving));
    return_scene_put(scene.heap, scene.chunks[31]);
    heap_flush(scene.heap);
    assert_true(return_scene_next(16 * KIB, SIZE_MAX, &leaving));
    assert_int_equal(leaving.range.base, (uintptr_t)scene.chunks[16]);
    assert_int_equal(leaving.range.bytes, 16 * KIB);
    return_scene_left(&leaving, LEFT_CLEAN);
    return_scene_end();
}

// ---- the place where a search goes on -----------------------------------------------------------

// Three zones, of the first of which one of two ranges has left.
static void begin_search(struct zone *order[3], struct leaving *leaving)
{
    return_scene_three_zones(order);
    assert_true(return_scene_next(16 * KIB, SIZE_MAX, leaving));
    return_scene_left(leaving, LEFT_CLEAN);
}

// Frees what is still in use of a zone.
static void empty(const struct zone *zone)
{
    for (unsigned index = 0; index < 384; index++) {
        unsigned at = index % 128;
        bool is_free = (at >= 8 && at < 32) || (at >= 64 && at < 96);
        if (!is_free && zone_spans(zone, scene.chunks[index])) {
            return_scene_put(scene.heap, scene.chunks[index]);
        }
    }
    heap_flush(scene.heap);
}

// Has everything of a zone handed out.
static void use_up(struct zone *zone)
{
    struct chunk_entry entries[128];
    uint32_t count = zone_take(zone, entries, 128);
    for (uint32_t index = 0; index < count; index++) {
        zone_set_state(zone, zone_entry_index(zone, &entries[index]), STATE_LIVE);
    }
    heap_relist(scene.heap, zone);
}

static void a_search_goes_on_in_the_zone_that_it_has_come_to(void **state)
{
    (void)state;
    struct zone *order[3];
    return_scene_three_zones(order);
    struct leaving leaving;
    for (unsigned range = 0; range < 6; range++) {
        assert_true(return_scene_next(16 * KIB, SIZE_MAX, &leaving));
        assert_ptr_equal(return_scene_zone_of_leaving(&leaving), order[range / 2]);
        return_scene_left(&leaving, LEFT_CLEAN);
    }
    assert_false(return_scene_next(16 * KIB, SIZE_MAX, &leaving));
    return_scene_end();
}

static void a_search_survives_that_its_zone_is_used_up(void **state)
{
    (void)state;
    struct zone *order[3];
    struct leaving leaving;
    begin_search(order, &leaving);
    use_up(order[0]);
    assert_int_equal(order[0]->fill, ZONE_UNLISTED);
    assert_true(heap_is_valid(scene.heap));
    assert_true(return_scene_next(16 * KIB, SIZE_MAX, &leaving));
    assert_ptr_equal(return_scene_zone_of_leaving(&leaving), order[1]);
    return_scene_left(&leaving, LEFT_CLEAN);
    // The zone after it goes as well, then the one that it is at.
    use_up(order[2]);
    use_up(order[1]);
    assert_false(return_scene_next(16 * KIB, SIZE_MAX, &leaving));
    assert_int_equal(heap_returns(scene.heap)->zone, 0);
    return_scene_end();
}

static void a_search_survives_that_its_zone_is_dissolved(void **state)
{
    (void)state;
    for (unsigned gives = 0; gives < 2; gives++) {
        struct zone *order[3];
        struct leaving leaving;
        begin_search(order, &leaving);
        empty(order[0]);
        assert_true(heap_has_empty(scene.heap));
        while (gives != 0 && heap_give_empty(scene.heap)) {
        }
        assert_true(heap_is_valid(scene.heap));
        assert_true(return_scene_next(16 * KIB, SIZE_MAX, &leaving));
        assert_ptr_equal(return_scene_zone_of_leaving(&leaving), order[1]);
        return_scene_left(&leaving, LEFT_CLEAN);
        while (heap_give_empty(scene.heap)) {
        }
        return_scene_end();
    }
}

static void a_search_survives_that_its_zone_goes_to_another_list(void **state)
{
    (void)state;
    struct zone *order[3];
    struct leaving leaving;
    begin_search(order, &leaving);
    // It becomes fuller: it is in a list that is still to come, and is looked through from its start.
    struct chunk_entry entries[30];
    uint32_t fill = order[0]->fill;
    assert_int_equal(zone_take(order[0], entries, 30), 30);
    for (uint32_t index = 0; index < 30; index++) {
        zone_set_state(order[0], zone_entry_index(order[0], &entries[index]), STATE_LIVE);
    }
    heap_relist(scene.heap, order[0]);
    assert_true(order[0]->fill < fill);
    for (unsigned range = 0; range < 5; range++) {
        static const unsigned expected[] = {1, 1, 2, 2, 0};
        assert_true(return_scene_next(16 * KIB, SIZE_MAX, &leaving));
        assert_ptr_equal(return_scene_zone_of_leaving(&leaving), order[expected[range]]);
        return_scene_left(&leaving, LEFT_CLEAN);
    }
    assert_false(return_scene_next(16 * KIB, SIZE_MAX, &leaving));
    return_scene_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_emptiest_zones_come_first),
        cmocka_unit_test(a_search_in_small_steps_finds_as_much),
        cmocka_unit_test(each_zone_is_looked_at_from_its_first_chunk_on),
        cmocka_unit_test(zones_with_less_than_is_wanted_are_passed_over),
        cmocka_unit_test(a_search_goes_on_in_the_zone_that_it_has_come_to),
        cmocka_unit_test(a_search_survives_that_its_zone_is_used_up),
        cmocka_unit_test(a_search_survives_that_its_zone_is_dissolved),
        cmocka_unit_test(a_search_survives_that_its_zone_goes_to_another_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
