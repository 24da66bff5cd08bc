// SPDX-License-Identifier: MIT
// LARGE chunks that a thread has freed and may have again.
#include "core/heap_hand.h"

#include "core/census.h"
#include "core/large.h"
#include "core/misuse.h"
#include "core/walk.h"
#include "tests/core/churn.h"
#include "tests/core/test.h"

enum {
    UNIT = 65536,
    HEAP_BYTES = 2 * UNIT,
    HAND_UNITS = 16,
    EACH_UNITS = HAND_UNITS / 2,
};

static struct driver driver;
static struct heap *heap;
static struct heap_hand *hand;

static const struct driver_options wide = {
    .unit_bytes = UNIT,
    .page_bytes = 4096,
    .dirty_bytes_max = SIZE_MAX - 1,
    .parcel_count = 8,
    .hand_bytes_max = (size_t)HAND_UNITS * UNIT,
    .section_bytes = 32 << 20,
    .wide = true,
};

static void begin(void)
{
    driver_begin(&driver, &wide);
    heap = driver_acquire(&driver, HEAP_BYTES);
    assert_non_null(heap);
    hand = offset_to(heap, heap->hand);
    assert_non_null(hand);
}

static void end(void)
{
    assert_true(driver_is_valid(&driver));
    driver_end(&driver);
}

static void *alloc_units(unsigned units)
{
    void *ptr = driver_alloc(&driver, heap, (size_t)units * UNIT, 16).ptr;
    assert_non_null(ptr);
    return ptr;
}

static void make_room(size_t units)
{
    heap_hand_make_room(heap, units, units * UNIT);
}

static enum chunk_status status_of(const void *ptr)
{
    return chunk_locate(driver.arena, ptr).status;
}

static void a_freed_chunk_comes_again_for_as_many_units(void **state)
{
    (void)state;
    begin();
    void *ptr = driver_alloc(&driver, heap, UNIT + 1, 16).ptr;
    assert_null(heap_hand_take(heap, UNIT + 1));
    assert_true(heap_hand_put(heap, ptr));
    assert_int_equal(hand->count, 1);
    assert_int_equal(hand->units, 2);
    assert_true(driver_is_valid(&driver));
    assert_null(heap_hand_take(heap, UNIT));
    assert_null(heap_hand_take(heap, 2 * UNIT + 1));
    assert_null(heap_hand_take(heap, 0));
    assert_ptr_equal(heap_hand_take(heap, 2 * UNIT), ptr);
    assert_int_equal(hand->count + hand->units, 0);
    struct chunk chunk = chunk_locate(driver.arena, ptr);
    assert_true(chunk_is_held_at(&chunk, ptr));
    assert_int_equal(chunk.requested, 2 * UNIT);
    driver_free(&driver, NULL, ptr);
    end();
}

static void what_is_resized_is_held_and_at_its_start(void **state)
{
    (void)state;
    begin();
    unsigned char *ptr = alloc_units(2);
    const struct section *section = (const struct section *)zone_map_find(&driver.arena->map, ptr);
    assert_true(chunk_resize_run(section, ptr, 2 * UNIT - 1));
    assert_int_equal(chunk_locate(driver.arena, ptr).requested, 2 * UNIT - 1);
    assert_false(chunk_resize_run(section, ptr + 16, 2 * UNIT - 2));
    assert_false(chunk_resize_run(section, ptr + UNIT - 1, 2 * UNIT - 2));
    assert_int_equal(chunk_locate(driver.arena, ptr).requested, 2 * UNIT - 1);
    assert_true(heap_hand_put(heap, ptr));
    assert_false(chunk_resize_run(section, ptr, 2 * UNIT - 2));
    assert_int_equal(status_of(ptr), CHUNK_FREED);
    end();
}

// Two threads may use one chunk, which is an error of theirs: one has seen it live when the other frees it.
static void what_is_gone_is_not_resized(void **state)
{
    (void)state;
    begin();
    unsigned char *ptr = alloc_units(2);
    const struct section *section = (const struct section *)zone_map_find(&driver.arena->map, ptr);
    struct unit *unit = run_unit(section_runs(section), section_unit_of(section, ptr));
    struct unit seen = run_unit_read(unit);
    assert_true(run_change_note(unit, seen.note, 2 * UNIT - 5));
    assert_false(run_change_note(unit, seen.note, 2 * UNIT - 6)); // it is another entry by now
    assert_int_equal(chunk_locate(driver.arena, ptr).requested, 2 * UNIT - 5);
    seen = run_unit_read(unit);
    driver_free(&driver, NULL, ptr);
    assert_int_equal(unit->kind, RUN_FREE);
    assert_false(run_change_note(unit, seen.note, 2 * UNIT - 6));
    assert_false(chunk_resize_run(section, ptr, 2 * UNIT - 6));
    assert_true(driver_is_valid(&driver));
    end();
}

static void a_chunk_in_a_hand_is_free(void **state)
{
    (void)state;
    begin();
    unsigned char *ptr = alloc_units(2);
    size_t used = driver.arena->used_unit_count;
    assert_true(heap_hand_put(heap, ptr));
    struct chunk chunk = chunk_locate(driver.arena, ptr);
    assert_int_equal(chunk.status, CHUNK_FREED);
    assert_int_equal(chunk.requested, 0);
    assert_int_equal(chunk.capacity, 2 * UNIT);
    assert_int_equal(misuse_of(&chunk, ptr), MISUSE_DOUBLE_FREE);
    assert_int_equal(status_of(ptr + UNIT), CHUNK_FREED);
    // It is not freed again, by anybody.
    assert_false(heap_hand_put(heap, ptr));
    struct leaving leaving;
    chunk.status = CHUNK_LIVE; // as who has located it before was told
    assert_false(heap_free_large(driver.arena, &chunk, &leaving));
    // Nobody is told of it.
    struct walk walk = {.next = 0};
    assert_int_equal(walk_next(driver.arena, &walk).what, WALK_END);
    static struct census census;
    census_take(driver.arena, &census);
    assert_int_equal(census.bytes[CENSUS_HANDS], 2 * UNIT);
    assert_int_equal(census.hand_count, 1);
    assert_int_equal(census.runs.count, 0);
    assert_true(census_is_whole(&census));
    assert_int_equal(driver.arena->used_unit_count, used);
    end();
}

static void a_walk_passes_over_what_goes_into_a_hand_meanwhile(void **state)
{
    (void)state;
    begin();
    void *first = alloc_units(1);
    void *second = alloc_units(1);
    struct walk walk = {.next = 0};
    assert_int_equal(walk_next(driver.arena, &walk).what, WALK_ZONE);
    assert_true(heap_hand_put(heap, first));
    struct walk_step step = walk_next(driver.arena, &walk);
    assert_int_equal(step.what, WALK_ZONE);
    assert_ptr_equal(step.base, second);
    assert_int_equal(walk_next(driver.arena, &walk).what, WALK_CHUNK);
    assert_int_equal(walk_next(driver.arena, &walk).what, WALK_END);
    driver_free(&driver, heap, second);
    end();
}

static void only_the_start_of_a_live_run_goes_into_a_hand(void **state)
{
    (void)state;
    begin();
    unsigned char *large = alloc_units(2);
    unsigned char *tiny = driver_alloc(&driver, heap, 100, 16).ptr;
    unsigned char on_the_stack = 0;
    unsigned char *const wrong[] = {large + 16, large + UNIT, tiny, &on_the_stack, NULL};
    for (size_t index = 0; index < sizeof wrong / sizeof *wrong; index++) {
        assert_false(heap_hand_put(heap, wrong[index]));
    }
    struct chunk chunk = chunk_locate(driver.arena, large);
    struct leaving leaving;
    assert_true(heap_free_large(driver.arena, &chunk, &leaving));
    assert_false(heap_hand_put(heap, large)); // by now it is no run at all
    assert_int_equal(hand->count, 0);
    driver_free(&driver, heap, tiny);
    end();
}

static void a_hand_holds_so_much_and_of_each_half_of_it(void **state)
{
    (void)state;
    begin();
    void *too_large = alloc_units(EACH_UNITS + 1);
    assert_false(heap_hand_put(heap, too_large));
    void *halves[3] = {alloc_units(EACH_UNITS), alloc_units(EACH_UNITS), alloc_units(EACH_UNITS)};
    assert_true(heap_hand_put(heap, halves[0]));
    assert_true(heap_hand_put(heap, halves[1]));
    assert_false(heap_hand_put(heap, halves[2]));
    make_room(EACH_UNITS + 1); // for what never has any, nothing is given up
    assert_int_equal(hand->units, HAND_UNITS);
    make_room(1);
    assert_int_equal(hand->count, 1);
    assert_int_equal(status_of(halves[0]), CHUNK_UNUSED); // what was freed first
    assert_int_equal(status_of(halves[1]), CHUNK_FREED);
    make_room(EACH_UNITS);
    assert_int_equal(hand->count, 1);
    assert_true(heap_hand_put(heap, halves[2]));
    make_room(EACH_UNITS);
    assert_ptr_equal(heap_hand_take(heap, (size_t)EACH_UNITS * UNIT), halves[2]);
    driver_free(&driver, heap, halves[2]);
    driver_free(&driver, heap, too_large);
    end();
}

static void as_many_go_back_as_a_large_one_needs_room(void **state)
{
    (void)state;
    begin();
    enum { QUARTER = HAND_UNITS / 4 };
    void *quarters[4];
    for (unsigned index = 0; index < 4; index++) {
        quarters[index] = alloc_units(QUARTER);
    }
    for (unsigned index = 0; index < 4; index++) {
        assert_true(heap_hand_put(heap, quarters[index]));
    }
    make_room(EACH_UNITS);
    assert_int_equal(hand->count, 2);
    assert_int_equal(hand->units, EACH_UNITS);
    assert_int_equal(status_of(quarters[1]), CHUNK_UNUSED);
    assert_int_equal(status_of(quarters[2]), CHUNK_FREED);
    end();
}

static void a_hand_holds_so_many(void **state)
{
    (void)state;
    begin();
    void *chunks[HEAP_HAND_COUNT + 1];
    void *two = alloc_units(2);
    for (unsigned index = 0; index <= HEAP_HAND_COUNT; index++) {
        chunks[index] = alloc_units(1);
    }
    for (unsigned index = 0; index < HEAP_HAND_COUNT; index++) {
        assert_true(heap_hand_put(heap, chunks[index]));
    }
    assert_false(heap_hand_put(heap, chunks[HEAP_HAND_COUNT]));
    // The one that was freed last comes first, also out of the middle.
    assert_ptr_equal(heap_hand_take(heap, UNIT), chunks[HEAP_HAND_COUNT - 1]);
    assert_true(heap_hand_put(heap, two));
    assert_ptr_equal(heap_hand_take(heap, UNIT), chunks[HEAP_HAND_COUNT - 2]);
    assert_ptr_equal(heap_hand_take(heap, UNIT), chunks[HEAP_HAND_COUNT - 3]);
    assert_ptr_equal(heap_hand_take(heap, 2 * UNIT), two);
    assert_true(driver_is_valid(&driver));
    heap_hand_drop(heap);
    assert_int_equal(hand->count + hand->units, 0);
    assert_int_equal(driver.arena->large_count, 5);
    driver_free(&driver, heap, two);
    for (unsigned index = 1; index <= 3; index++) {
        driver_free(&driver, heap, chunks[HEAP_HAND_COUNT - index]);
    }
    driver_free(&driver, heap, chunks[HEAP_HAND_COUNT]);
    end();
}

static void a_hand_with_as_many_as_may_be_makes_room_for_one(void **state)
{
    (void)state;
    begin();
    void *chunks[HEAP_HAND_COUNT];
    for (unsigned index = 0; index < HEAP_HAND_COUNT; index++) {
        chunks[index] = alloc_units(1);
    }
    for (unsigned index = 0; index < HEAP_HAND_COUNT; index++) {
        make_room(1);
        assert_int_equal(hand->count, index);
        assert_true(heap_hand_put(heap, chunks[index]));
    }
    make_room(1);
    assert_int_equal(hand->count, HEAP_HAND_COUNT - 1);
    assert_int_equal(status_of(chunks[0]), CHUNK_UNUSED);
    end();
}

static void a_heap_gives_up_its_hand(void **state)
{
    (void)state;
    enum { WAYS = 3 };
    for (unsigned way = 0; way < WAYS; way++) {
        begin();
        size_t used = driver.arena->used_unit_count;
        void *low = alloc_units(3);
        void *high = alloc_units(1);
        assert_true(heap_hand_put(heap, high));
        assert_true(heap_hand_put(heap, low));
        switch (way) {
        case 0: heap_trim(heap); break;
        case 1: heap_retire(heap); break;
        case 2: heap_revive(driver.arena, NULL); break;
        default: assert_true(false);
        }
        assert_int_equal(hand->count + hand->units, 0);
        assert_int_equal(hand->units_max, HAND_UNITS);
        assert_int_equal(driver.arena->used_unit_count, used);
        assert_int_equal(driver.arena->large_count, 0);
        assert_int_equal(status_of(low), CHUNK_UNUSED);
        end();
    }
}

static void what_is_in_the_hand_is_taken_before_virgin_memory(void **state)
{
    (void)state;
    const struct {
        size_t bytes; // of a request
        bool yields;
    } cases[] = {
        {UNIT, true},         // LARGE, of fewer units than any in the hand
        {8 * UNIT, true},     // and of more
        {100, true},          // the first zone of a TINY class
        {20480, true},        // a class that is served as runs at first
        {SIZE_MAX / 2, false} // a mapping, if anything
    };
    for (size_t index = 0; index < sizeof cases / sizeof *cases; index++) {
        begin();
        driver.arena->config.run_bytes_max = (size_t)16 << 20;
        void *chunks[2] = {alloc_units(3), alloc_units(2)};
        void *end_of_it = alloc_units(1);
        uint32_t taken = (uint32_t)arena_taken_units(driver.arena);
        for (unsigned chunk = 0; chunk < 2; chunk++) {
            assert_true(heap_hand_put(heap, chunks[chunk]));
        }
        void *ptr = driver_alloc(&driver, heap, cases[index].bytes, 16).ptr;
        assert_int_equal(hand->count, cases[index].yields ? 0 : 2);
        bool is_virgin = arena_taken_units(driver.arena) != taken;
        assert_int_equal(is_virgin, cases[index].bytes == 8 * UNIT);
        if (ptr != NULL) {
            driver_free(&driver, heap, ptr);
        }
        driver_free(&driver, heap, end_of_it);
        end();
    }
}

static void a_hand_is_not_given_up_for_what_is_free(void **state)
{
    (void)state;
    begin();
    void *free = alloc_units(2);
    void *held = alloc_units(3);
    void *end_of_it = alloc_units(1);
    driver_free(&driver, NULL, free);
    assert_true(heap_hand_put(heap, held));
    void *ptr = alloc_units(2);
    assert_ptr_equal(ptr, free);
    assert_int_equal(hand->count, 1);
    // Now nothing is.
    void *tiny = driver_alloc(&driver, heap, 100, 16).ptr;
    assert_int_equal(hand->count, 0);
    assert_in_range((uintptr_t)tiny, (uintptr_t)held, (uintptr_t)held + (size_t)3 * UNIT - 1);
    driver_free(&driver, heap, tiny);
    driver_free(&driver, heap, ptr);
    driver_free(&driver, heap, end_of_it);
    end();
}

static void a_chunk_grows_and_shrinks_with_hands_about(void **state)
{
    (void)state;
    begin();
    void *ptr = alloc_units(2);
    struct need need;
    struct chunk chunk = chunk_locate(driver.arena, ptr);
    assert_true(large_resize(driver.arena, &chunk, UNIT, &need));
    assert_int_equal(status_of(ptr), CHUNK_LIVE);
    // Within its units, too.
    chunk = chunk_locate(driver.arena, ptr);
    assert_true(large_resize(driver.arena, &chunk, UNIT - 1, &need));
    chunk = chunk_locate(driver.arena, ptr);
    assert_true(chunk_is_held_at(&chunk, ptr));
    assert_int_equal(chunk.requested, UNIT - 1);
    // Somebody has freed it since it was located: it stays as it is.
    assert_true(heap_hand_put(heap, ptr));
    assert_false(large_resize(driver.arena, &chunk, 2 * UNIT, &need));
    assert_int_equal(need.kind, NEED_NOTHING);
    assert_int_equal(status_of(ptr), CHUNK_FREED);
    assert_ptr_equal(heap_hand_take(heap, UNIT), ptr);
    // One that cannot grow is still held.
    void *neighbour = alloc_units(1);
    chunk = chunk_locate(driver.arena, ptr);
    bool grown = large_resize(driver.arena, &chunk, (size_t)64 * UNIT, &need);
    chunk = chunk_locate(driver.arena, ptr);
    assert_true(grown || chunk.requested == UNIT);
    assert_int_equal(chunk.status, CHUNK_LIVE);
    driver_free(&driver, heap, neighbour);
    driver_free(&driver, heap, ptr);
    end();
}

static void what_a_zone_will_serve_is_not_for_the_hand(void **state)
{
    (void)state;
    begin();
    // The class has no zone yet.
    void *small = driver_alloc(&driver, heap, SIZE_CLASS_SMALL_MAX, 16).ptr;
    assert_int_equal(chunk_locate(driver.arena, small).zone->kind, ZONE_LARGE);
    assert_false(heap_hand_put(heap, small));
    void *large[HEAP_HAND_COUNT];
    for (unsigned index = 0; index < HEAP_HAND_COUNT; index++) {
        large[index] = driver_alloc(&driver, heap, SIZE_CLASS_SMALL_MAX + 1, 16).ptr;
    }
    for (unsigned index = 0; index < HEAP_HAND_COUNT; index++) {
        assert_true(heap_hand_put(heap, large[index]));
    }
    // Nor does anything leave the hand for such a one.
    driver_free(&driver, heap, small);
    assert_int_equal(status_of(small), CHUNK_UNUSED);
    assert_int_equal(hand->count, HEAP_HAND_COUNT);
    end();
}

static void a_heap_may_have_no_hand(void **state)
{
    (void)state;
    struct driver_options options = wide;
    options.hand_bytes_max = 0;
    driver_begin(&driver, &options);
    heap = driver_acquire(&driver, HEAP_BYTES);
    assert_int_equal(heap->hand, 0);
    void *ptr = driver_alloc(&driver, heap, UNIT, 16).ptr;
    assert_false(heap_hand_put(heap, ptr));
    make_room(1);
    heap_hand_drop(heap);
    assert_null(heap_hand_take(heap, UNIT));
    driver_free(&driver, heap, ptr);
    end();
}

static void a_hand_that_lies_is_found_out(void **state)
{
    (void)state;
    begin();
    void *ptr = alloc_units(1);
    void *other = alloc_units(1);
    assert_true(heap_hand_put(heap, ptr));
    assert_true(heap_is_valid(heap));
    const struct heap_hand good = *hand;
    hand->units++;
    assert_false(heap_is_valid(heap));
    *hand = good;
    hand->units_max = 0;
    assert_false(heap_is_valid(heap));
    *hand = good;
    hand->count = HEAP_HAND_COUNT + 1;
    assert_false(heap_is_valid(heap));
    *hand = good;
    hand->held[0].unit++;
    assert_false(heap_is_valid(heap));
    *hand = good;
    hand->held[0].chunk = heap; // no LARGE chunk
    assert_false(heap_is_valid(heap));
    *hand = good;
    state_write(&hand->held[0].unit->state, STATE_LIVE);
    assert_false(heap_is_valid(heap));
    state_write(&hand->held[0].unit->state, STATE_HOME);
    assert_true(heap_is_valid(heap));
    driver_free(&driver, heap, other);
    end();
}

static void programs_at_random_find_everything_right(void **state)
{
    (void)state;
    static struct churn churn;
    for (unsigned seed = 1; seed <= 4; seed++) {
        churn_begin(&churn, &wide, CHURN_HEAPS_MAX, HEAP_BYTES, seed);
        churn.held_most = 64;
        churn.bytes_most = (size_t)HAND_UNITS * UNIT;
        size_t in_hands = 0;
        for (unsigned step = 0; step < 4000; step++) {
            churn_step(&churn);
            if (step % 64 == 0) {
                churn_audit(&churn);
            }
            const struct heap_hand *any = offset_to(churn.heaps[0], churn.heaps[0]->hand);
            in_hands += any->count;
        }
        assert_in_range(in_hands, 4000,
                        SIZE_MAX); // one chunk in the first heap's hand, on the average
        churn_end(&churn);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_freed_chunk_comes_again_for_as_many_units),
        cmocka_unit_test(what_is_resized_is_held_and_at_its_start),
        cmocka_unit_test(what_is_gone_is_not_resized),
        cmocka_unit_test(a_chunk_in_a_hand_is_free),
        cmocka_unit_test(a_walk_passes_over_what_goes_into_a_hand_meanwhile),
        cmocka_unit_test(only_the_start_of_a_live_run_goes_into_a_hand),
        cmocka_unit_test(a_hand_holds_so_much_and_of_each_half_of_it),
        cmocka_unit_test(as_many_go_back_as_a_large_one_needs_room),
        cmocka_unit_test(a_hand_holds_so_many),
        cmocka_unit_test(a_hand_with_as_many_as_may_be_makes_room_for_one),
        cmocka_unit_test(a_heap_gives_up_its_hand),
        cmocka_unit_test(what_is_in_the_hand_is_taken_before_virgin_memory),
        cmocka_unit_test(a_hand_is_not_given_up_for_what_is_free),
        cmocka_unit_test(a_chunk_grows_and_shrinks_with_hands_about),
        cmocka_unit_test(what_a_zone_will_serve_is_not_for_the_hand),
        cmocka_unit_test(a_heap_may_have_no_hand),
        cmocka_unit_test(a_hand_that_lies_is_found_out),
        cmocka_unit_test(programs_at_random_find_everything_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
