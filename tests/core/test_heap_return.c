// SPDX-License-Identifier: MIT
// When a heap gives pages of zones back that are in use.
#include "core/heap_return.h"

#include "tests/core/return_scene.h"
#include "tests/core/test.h"

static void a_heap_of_an_arena_that_keeps_all_has_no_books(void **state)
{
    (void)state;
    return_scene_begin(SIZE_MAX);
    assert_null(heap_returns(scene.heap));
    return_scene_fill(scene.heap, CHUNK, 500);
    return_scene_thin_out(scene.heap, 500, 50);
    assert_true(heap_is_valid(scene.heap));
    return_scene_end();
}

// What is kept of so many bytes in use, in an arena that keeps 4 MiB: with time, and at most.
static uintptr_t allowed_beside(uintptr_t held)
{
    return MIB + held / 2;
}

static uintptr_t most_beside(uintptr_t held)
{
    return allowed_beside(held) + 16 * MIB;
}

static void beyond_a_bound_all_ranges_are_worth_it_until_a_quarter_has_left(void **state)
{
    (void)state;
    return_scene_begin(4 * MIB);
    struct heap_return *back = heap_returns(scene.heap);
    const struct heap_return before = *back;
    for (uintptr_t held = 0; held <= 8 * MIB; held += 4 * MIB) {
        uintptr_t most = most_beside(held);
        *back = (struct heap_return){.held_bytes = held, .dirty_bytes = most};
        assert_int_equal(heap_worth_leaving(scene.heap), 0);
        back->dirty_bytes = most + 1;
        assert_int_equal(heap_worth_leaving(scene.heap), HEAP_RETURN_BYTES_MIN);
        back->dirty_bytes = most - most / 4 + 1;
        assert_int_equal(heap_worth_leaving(scene.heap), HEAP_RETURN_BYTES_MIN);
        back->dirty_bytes = most - most / 4;
        assert_int_equal(heap_worth_leaving(scene.heap), 0);
        back->dirty_bytes = most;
        assert_int_equal(heap_worth_leaving(scene.heap), 0);
    }
    *back = before;
    return_scene_end();
}

static void the_bound_is_64_mib_at_most_and_little_where_little_is_kept(void **state)
{
    (void)state;
    static const struct {
        size_t dirty_bytes_max, most;
    } bounds[] = {
        {4, 1 + 16},
        {MIB, MIB / 4 + 4 * MIB},
        {16 * MIB - 4, 4 * MIB - 1 + 64 * MIB - 16},
        {16 * MIB, 4 * MIB + 64 * MIB},
        {24 * MIB, 6 * MIB + 64 * MIB},
        {128 * MIB, 32 * MIB + 64 * MIB},
    };
    for (unsigned index = 0; index < sizeof bounds / sizeof *bounds; index++) {
        return_scene_begin(bounds[index].dirty_bytes_max);
        struct heap_return *back = heap_returns(scene.heap);
        const struct heap_return before = *back;
        back->dirty_bytes = bounds[index].most;
        assert_int_equal(heap_worth_leaving(scene.heap), 0);
        back->dirty_bytes++;
        assert_int_equal(heap_worth_leaving(scene.heap), HEAP_RETURN_BYTES_MIN);
        *back = before;
        return_scene_end();
    }
}

static void several_heaps_share_it_and_it_becomes_less(void **state)
{
    (void)state;
    return_scene_begin(4 * MIB);
    struct heap_return *back = heap_returns(scene.heap);
    const struct heap_return before = *back;
    for (uintptr_t heaps = 1; heaps <= 4; heaps++) {
        assert_int_equal(scene.driver.arena->heap_count, heaps);
        *back = (struct heap_return){.dirty_bytes = MIB + 16 * MIB / (heaps * heaps)};
        assert_int_equal(heap_worth_leaving(scene.heap), 0);
        back->dirty_bytes++;
        assert_int_equal(heap_worth_leaving(scene.heap), HEAP_RETURN_BYTES_MIN);
        *back = before;
        assert_non_null(driver_acquire(&scene.driver, HEAP_BYTES));
    }
    return_scene_end();
}

// The longer ago the last range left, as told by what was taken, the shorter ones are worth it.
static void with_what_is_taken_shorter_ranges_are_worth_it(void **state)
{
    (void)state;
    return_scene_begin(4 * MIB);
    struct heap_return *back = heap_returns(scene.heap);
    const struct heap_return before = *back;
    static const struct {
        uintptr_t taken;
        size_t worth;
    } paces[] = {
        {0, 0},
        {1, 0},
        {512 * KIB - 1, 0},
        {512 * KIB, 4 * MIB},
        {MIB - 1, 4 * MIB},
        {MIB, 2 * MIB},
        {2 * MIB, MIB},
        {4 * MIB - 1, MIB},
        {32 * MIB, 64 * KIB},
        {128 * MIB - 1, 32 * KIB},
        {128 * MIB, 16 * KIB},
        {256 * MIB, 16 * KIB},
        {(uintptr_t)1024 * MIB, 16 * KIB},
    };
    for (uintptr_t held = 0; held <= 8 * MIB; held += 8 * MIB) {
        for (unsigned index = 0; index < sizeof paces / sizeof *paces; index++) {
            *back =
                (struct heap_return){.held_bytes = held, .dirty_bytes = allowed_beside(held) + 1};
            back->taken_bytes = paces[index].taken;
            assert_int_equal(heap_worth_leaving(scene.heap), paces[index].worth);
            assert_int_equal(back->taken_bytes, paces[index].taken);
            // What is allowed stays, and nothing is saved up meanwhile.
            back->dirty_bytes--;
            assert_int_equal(heap_worth_leaving(scene.heap), 0);
            assert_int_equal(back->taken_bytes, 0);
        }
    }
    *back = before;
    return_scene_end();
}

static void what_a_heap_takes_is_counted_and_what_leaves_is_paid_for(void **state)
{
    (void)state;
    return_scene_begin(4 * KIB);
    struct heap_return *back = heap_returns(scene.heap);
    return_scene_fill(scene.heap, CHUNK, 1);
    for (unsigned refill = 0; refill < 5; refill++) {
        struct heap_stack *stack = &scene.heap->stacks[size_class_of(CHUNK)];
        while (stack->top != stack->bottom) {
            assert_non_null(
                heap_take(scene.heap, size_class_of(CHUNK), CHUNK, SIZE_CLASS_STEP).ptr);
        }
        back->taken_bytes = refill;
        assert_non_null(heap_take(scene.heap, size_class_of(CHUNK), CHUNK, SIZE_CLASS_STEP).ptr);
        // What the stack has got, and the chunk from it.
        uintptr_t got = (uintptr_t)(stack->top - stack->bottom) + 1;
        assert_int_equal(back->taken_bytes, refill + got * CHUNK);
    }
    return_scene_fill(scene.heap, CHUNK, 128);
    return_scene_put_some(scene.heap, 0, 128);
    static const struct {
        uintptr_t taken, bytes, rest;
    } prices[] = {
        {MIB, 1, 0},
        {128 * MIB, 1, 0},
        {128 * MIB + 1, 1, 1},
        {128 * MIB + 1, 16 * KIB, 1},
        {129 * MIB, 28 * KIB, MIB},
        {129 * MIB, 32 * KIB, 65 * MIB},
        {129 * MIB, 36 * KIB, 65 * MIB},
        {129 * MIB, 64 * KIB, 97 * MIB},
    };
    struct leaving leaving;
    assert_true(return_scene_next(16 * KIB, SIZE_MAX, &leaving));
    const struct range whole = leaving.range;
    for (unsigned index = 0; index < sizeof prices / sizeof *prices; index++) {
        back->taken_bytes = prices[index].taken;
        leaving.range.bytes = prices[index].bytes;
        heap_left(scene.heap, &leaving, LEFT_DIRTY);
        assert_int_equal(back->taken_bytes, prices[index].rest);
    }
    leaving.range = whole;
    return_scene_left(&leaving, LEFT_CLEAN);
    return_scene_end();
}

// A zone that is used up and freed by turns would else leave and be faulted in by turns, beside others that keep what is
// allowed.
static void what_left_and_is_taken_again_stays_the_next_time(void **state)
{
    (void)state;
    return_scene_begin(4 * MIB);
    struct heap_return *back = heap_returns(scene.heap);
    return_scene_fill(scene.heap, CHUNK, 128);
    return_scene_thin_out(scene.heap, 128, 64);
    struct leaving leaving;
    assert_true(return_scene_next(HEAP_RETURN_BYTES_MIN, SIZE_MAX, &leaving));
    uintptr_t bytes = leaving.range.bytes;
    return_scene_left(&leaving, LEFT_CLEAN);
    assert_int_equal(back->spare_bytes, 0);
    return_scene_fill(scene.heap, CHUNK, 126);
    assert_int_equal(back->spare_bytes, bytes);
    const struct heap_return before = *back;
    uintptr_t held = 2 * MIB;
    for (uintptr_t spare = 0; spare <= 5 * MIB; spare += MIB) {
        uintptr_t kept = allowed_beside(held) + (spare < 4 * MIB ? spare : 4 * MIB);
        *back = (struct heap_return){.held_bytes = held, .taken_bytes = 4 * MIB};
        back->spare_bytes = spare;
        back->dirty_bytes = kept + 1;
        assert_int_equal(heap_worth_leaving(scene.heap), 512 * KIB);
        back->dirty_bytes = kept;
        assert_int_equal(heap_worth_leaving(scene.heap), 0);
    }
    *back = before;
    return_scene_end();
}

static void what_nobody_takes_again_stays_less(void **state)
{
    (void)state;
    return_scene_begin(4 * KIB);
    struct heap_return *back = heap_returns(scene.heap);
    return_scene_fill(scene.heap, CHUNK, 128);
    return_scene_thin_out(scene.heap, 128, 64);
    struct leaving leaving;
    assert_true(return_scene_next(HEAP_RETURN_BYTES_MIN, SIZE_MAX, &leaving));
    back->spare_bytes = MIB;
    uintptr_t less = leaving.range.bytes / 8;
    return_scene_left(&leaving, LEFT_CLEAN);
    assert_int_equal(back->spare_bytes, MIB - less);
    assert_true(return_scene_next(HEAP_RETURN_BYTES_MIN, SIZE_MAX, &leaving));
    back->spare_bytes = leaving.range.bytes / 8 - 1;
    return_scene_left(&leaving, LEFT_CLEAN);
    assert_int_equal(back->spare_bytes, 0);
    return_scene_end();
}

static void a_search_in_vain_is_not_repeated_before_there_is_more(void **state)
{
    (void)state;
    return_scene_begin(4 * MIB);
    struct heap_return *back = heap_returns(scene.heap);
    const struct heap_return before = *back;
    struct leaving leaving;
    for (uintptr_t dirty = 18 * MIB; dirty <= 288 * MIB; dirty *= 16) {
        *back = (struct heap_return){.dirty_bytes = dirty};
        assert_int_not_equal(heap_worth_leaving(scene.heap), 0);
        assert_false(
            return_scene_next(HEAP_RETURN_BYTES_MIN, SIZE_MAX, &leaving)); // there are no zones
        assert_int_equal(heap_worth_leaving(scene.heap), 0);
        uintptr_t more = dirty / 8 > MIB ? dirty / 8 : MIB;
        back->dirty_bytes = dirty + more;
        assert_int_equal(heap_worth_leaving(scene.heap), 0);
        back->dirty_bytes++;
        assert_int_not_equal(heap_worth_leaving(scene.heap), 0);
        // Once little is kept, the next time is as the first.
        assert_false(return_scene_next(HEAP_RETURN_BYTES_MIN, SIZE_MAX, &leaving));
        back->dirty_bytes = MIB;
        assert_int_equal(heap_worth_leaving(scene.heap), 0);
        assert_int_equal(back->above, 0);
        back->dirty_bytes = 17 * MIB + 1;
        assert_int_not_equal(heap_worth_leaving(scene.heap), 0);
    }
    *back = before;
    return_scene_end();
}

static void a_search_in_vain_is_repeated_where_less_is_in_use(void **state)
{
    (void)state;
    return_scene_begin(4 * MIB);
    struct heap_return *back = heap_returns(scene.heap);
    const struct heap_return before = *back;
    struct leaving leaving;
    *back = (struct heap_return){.dirty_bytes = 64 * MIB, .held_bytes = 8 * MIB};
    assert_int_not_equal(heap_worth_leaving(scene.heap), 0);
    assert_false(return_scene_next(HEAP_RETURN_BYTES_MIN, SIZE_MAX, &leaving));
    assert_int_equal(heap_worth_leaving(scene.heap), 0);
    back->held_bytes = 6 * MIB;
    assert_int_equal(heap_worth_leaving(scene.heap), 0);
    back->held_bytes = 6 * MIB - 1;
    assert_int_not_equal(heap_worth_leaving(scene.heap), 0);
    *back = before;
    return_scene_end();
}

static void a_search_in_vain_is_repeated_for_shorter_ranges(void **state)
{
    (void)state;
    return_scene_begin(4 * MIB);
    struct heap_return *back = heap_returns(scene.heap);
    const struct heap_return before = *back;
    struct leaving leaving;
    *back = (struct heap_return){.dirty_bytes = 8 * MIB, .taken_bytes = 4 * MIB};
    assert_int_equal(heap_worth_leaving(scene.heap), 512 * KIB);
    assert_false(return_scene_next(512 * KIB, SIZE_MAX, &leaving));
    assert_int_equal(heap_worth_leaving(scene.heap), 0);
    back->taken_bytes = 8 * MIB - 1;
    assert_int_equal(heap_worth_leaving(scene.heap), 0);
    back->taken_bytes = 8 * MIB;
    assert_int_equal(heap_worth_leaving(scene.heap), 256 * KIB);
    assert_int_equal(back->above, 0);
    assert_false(return_scene_next(256 * KIB, SIZE_MAX, &leaving));
    assert_int_equal(heap_worth_leaving(scene.heap), 0);
    // All that is beyond the bound has to go, whatever was looked for before.
    back->above = back->dirty_bytes = 17 * MIB + 1;
    assert_int_equal(heap_worth_leaving(scene.heap), HEAP_RETURN_BYTES_MIN);
    assert_false(return_scene_next(HEAP_RETURN_BYTES_MIN, SIZE_MAX, &leaving));
    assert_int_equal(heap_worth_leaving(scene.heap), 0);
    *back = before;
    return_scene_end();
}

// Its first part may have passed over what is as short as the rest is searched for.
static void a_search_has_looked_for_the_longest_ranges_that_it_began_with(void **state)
{
    (void)state;
    return_scene_begin(4 * MIB);
    return_scene_fill(scene.heap, CHUNK, 1280);
    return_scene_thin_out(scene.heap, 1280, 64);
    struct heap_return *back = heap_returns(scene.heap);
    struct leaving leaving;
    assert_false(return_scene_next(4 * MIB, 1, &leaving));
    assert_int_equal(back->least_bytes, 4 * MIB);
    assert_false(return_scene_next(MIB, SIZE_MAX, &leaving));
    assert_int_equal(back->least_bytes, 4 * MIB);
    assert_false(return_scene_next(MIB, 1, &leaving));
    assert_int_equal(back->least_bytes, MIB);
    assert_false(return_scene_next(2 * MIB, SIZE_MAX, &leaving));
    assert_int_equal(back->least_bytes, 2 * MIB);
    return_scene_end();
}

static void a_search_that_is_worth_it_again_goes_on_below_what_was_kept(void **state)
{
    (void)state;
    return_scene_begin(4 * MIB);
    struct heap_return *back = heap_returns(scene.heap);
    const struct heap_return before = *back;
    struct leaving leaving;
    *back = (struct heap_return){.dirty_bytes = 64 * MIB};
    assert_int_not_equal(heap_worth_leaving(scene.heap), 0);
    assert_false(return_scene_next(HEAP_RETURN_BYTES_MIN, SIZE_MAX, &leaving));
    back->dirty_bytes = 72 * MIB + 1;
    assert_int_not_equal(heap_worth_leaving(scene.heap), 0);
    back->dirty_bytes = 68 * MIB; // some has left
    assert_int_not_equal(heap_worth_leaving(scene.heap), 0);
    uintptr_t most = most_beside(0);
    back->dirty_bytes = most - most / 4 + 1;
    assert_int_not_equal(heap_worth_leaving(scene.heap), 0);
    back->dirty_bytes = most - most / 4;
    assert_int_equal(heap_worth_leaving(scene.heap), 0);
    *back = before;
    return_scene_end();
}

static void where_purges_have_split_mappings_no_parts_of_zones_leave(void **state)
{
    (void)state;
    return_scene_begin(4 * KIB);
    return_scene_fill(scene.heap, CHUNK, 500);
    return_scene_thin_out(scene.heap, 500, 100);
    struct leaving leaving;
    scene.driver.arena->splits = true;
    atomic_store(&scene.driver.arena->split_count, 4096 - 1);
    assert_int_not_equal(heap_worth_leaving(scene.heap), 0);
    assert_true(return_scene_next(1, SIZE_MAX, &leaving));
    return_scene_left(&leaving, LEFT_CLEAN);
    assert_int_equal(atomic_load(&scene.driver.arena->split_count), 4096);
    assert_int_equal(heap_worth_leaving(scene.heap), 0);
    // A trim goes on for a while.
    atomic_store(&scene.driver.arena->split_count, 16384 - 1);
    assert_true(return_scene_next(1, SIZE_MAX, &leaving));
    return_scene_left(&leaving, LEFT_CLEAN);
    assert_false(return_scene_next(1, SIZE_MAX, &leaving));
    return_scene_end();
}

static void what_leaves_is_counted_where_it_may_split(void **state)
{
    (void)state;
    for (unsigned splits = 0; splits < 2; splits++) {
        return_scene_begin(MIB);
        scene.driver.arena->splits = splits != 0;
        return_scene_fill(scene.heap, CHUNK, 500);
        return_scene_thin_out(scene.heap, 500, 100);
        struct leaving leaving;
        unsigned count = 0;
        for (; return_scene_next(PAGE, SIZE_MAX, &leaving); count++) {
            return_scene_left(&leaving, LEFT_CLEAN);
        }
        assert_int_not_equal(count, 0);
        assert_int_equal(atomic_load(&scene.driver.arena->split_count), splits != 0 ? count : 0);
        return_scene_end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_heap_of_an_arena_that_keeps_all_has_no_books),
        cmocka_unit_test(beyond_a_bound_all_ranges_are_worth_it_until_a_quarter_has_left),
        cmocka_unit_test(the_bound_is_64_mib_at_most_and_little_where_little_is_kept),
        cmocka_unit_test(several_heaps_share_it_and_it_becomes_less),
        cmocka_unit_test(with_what_is_taken_shorter_ranges_are_worth_it),
        cmocka_unit_test(what_a_heap_takes_is_counted_and_what_leaves_is_paid_for),
        cmocka_unit_test(what_left_and_is_taken_again_stays_the_next_time),
        cmocka_unit_test(what_nobody_takes_again_stays_less),
        cmocka_unit_test(a_search_in_vain_is_not_repeated_before_there_is_more),
        cmocka_unit_test(a_search_in_vain_is_repeated_where_less_is_in_use),
        cmocka_unit_test(a_search_in_vain_is_repeated_for_shorter_ranges),
        cmocka_unit_test(a_search_has_looked_for_the_longest_ranges_that_it_began_with),
        cmocka_unit_test(a_search_that_is_worth_it_again_goes_on_below_what_was_kept),
        cmocka_unit_test(where_purges_have_split_mappings_no_parts_of_zones_leave),
        cmocka_unit_test(what_leaves_is_counted_where_it_may_split),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
