// SPDX-License-Identifier: MIT
// Stacks that swing: what was sent home and is wanted again makes them deeper than overflowing would, with memory that the
// heap did not begin with.
#include "core/heap_stacks.h"

#include "core/census.h"
#include "core/offset.h"
#include "tests/core/driver.h"
#include "tests/core/test.h"

enum {
    UNIT = 4096,
    HEAP_BYTES = 128 << 10,
    MORE_MIN = 64 << 10,
    MORE_MAX = 256 << 10,
    MANY = 40000
};

static struct driver driver;
static void *chunks[MANY];

static struct heap *begin(size_t stack_bytes_max, size_t heap_bytes)
{
    driver_begin(&driver, &(struct driver_options){
                              .unit_bytes = UNIT,
                              .section_bytes = 64 << 20,
                              .dirty_bytes_max = 64 << 20,
                          });
    driver.arena->config.stack_bytes_max = stack_bytes_max;
    return driver_acquire(&driver, heap_bytes);
}

static void fill(struct heap *heap, size_t bytes, unsigned count)
{
    for (unsigned index = 0; index < count; index++) {
        chunks[index] = driver_alloc(&driver, heap, bytes, 16).ptr;
        assert_non_null(chunks[index]);
    }
}

static void empty(struct heap *heap, unsigned count)
{
    for (unsigned index = 0; index < count; index++) {
        driver_free(&driver, heap, chunks[index]);
    }
}

// Allocates so many chunks and frees them all, so many times. Returns how deep the stack is then.
static unsigned swing(struct heap *heap, size_t bytes, unsigned count, unsigned rounds)
{
    for (; rounds != 0; rounds--) {
        fill(heap, bytes, count);
        empty(heap, count);
    }
    assert_true(heap_is_valid(heap));
    return heap->stacks[size_class_of(bytes)].capacity;
}

static void a_stack_that_swings_doubles_once_for_two_halves_that_went_home(void **state)
{
    (void)state;
    struct heap *heap = begin(1536, HEAP_BYTES);
    const uint8_t *flushes = heap_swing(heap)->flushes;
    assert_int_equal(swing(heap, 16, 500, 1), 64); // as deep as the budget allows
    assert_int_equal(heap->budget, 512);
    assert_int_equal(heap_swing(heap)->budget, 3072);
    // After each round: how deep it is, and how many halves have gone home.
    const unsigned wanted[][2] = {{128, 2}, {256, 2}, {256, 2}};
    for (unsigned round = 0; round < sizeof(wanted) / sizeof(*wanted); round++) {
        assert_int_equal(swing(heap, 16, 500, 1), wanted[round][0]);
        assert_int_equal(flushes[0], wanted[round][1]);
    }
    // For 256 entries more the budget has no room.
    assert_int_equal(heap_swing(heap)->budget, 0);
    driver_end(&driver);
}

static void one_half_that_went_home_is_no_swing(void **state)
{
    (void)state;
    struct heap *heap = begin(1024, HEAP_BYTES);
    assert_int_equal(swing(heap, 16, 500, 1), 64);
    heap_begin_stacks(heap);
    fill(heap, 16, 200);
    assert_int_equal(heap->stacks[0].capacity, 64);
    heap_flush(heap);
    empty(heap, 65);
    assert_int_equal(heap_swing(heap)->flushes[0], 1);
    fill(heap, 16, 65);
    assert_int_equal(heap->stacks[0].capacity, 64);
    heap_flush(heap);
    empty(heap, 65);
    fill(heap, 16, 65);
    assert_int_equal(heap->stacks[0].capacity, 128);
    driver_end(&driver);
}

static void what_was_never_freed_does_not_come_back(void **state)
{
    (void)state;
    struct heap *heap = begin(1024, HEAP_BYTES);
    assert_int_equal(swing(heap, 16, 500, 1), 64);
    assert_int_equal(heap_swing(heap)->flushes[0], 2);
    // All that went home goes back to the arena, and new zones have nothing that was freed.
    heap_trim(heap);
    assert_int_equal(driver.arena->zone_count, 0);
    fill(heap, 16, 500);
    assert_int_equal(heap->stacks[0].capacity, 64);
    empty(heap, 500);
    fill(heap, 16, 1);
    assert_int_equal(heap->stacks[0].capacity, 64);
    fill(heap, 16, 64);
    assert_int_equal(heap->stacks[0].capacity, 128);
    driver_end(&driver);
}

static void stacks_that_swing_keep_within_their_bounds(void **state)
{
    (void)state;
    const struct {
        size_t bytes;
        unsigned capacity;
    } wanted[] = {{16, 8192}, {48, 8192}, {512, 2048}, {1024, 1024}, {4096, 256}};
    for (unsigned sample = 0; sample < sizeof(wanted) / sizeof(*wanted); sample++) {
        struct heap *heap = begin(1 << 20, HEAP_BYTES);
        size_t bytes = wanted[sample].bytes;
        unsigned capacity = wanted[sample].capacity;
        assert_int_equal(swing(heap, bytes, capacity * 3 + 100, 12), capacity);
        assert_true(capacity * bytes <= HEAP_SWING_BYTES_MAX);
        driver_end(&driver);
    }
}

static void together_they_keep_within_twice_the_budget(void **state)
{
    (void)state;
    struct heap *heap = begin(4096, HEAP_BYTES);
    for (unsigned round = 0; round < 12; round++) {
        for (size_t bytes = 16; bytes <= 512; bytes *= 2) {
            swing(heap, bytes, 2000, 1);
        }
    }
    size_t held = 0;
    for (size_t bytes = 16; bytes <= 512; bytes *= 2) {
        held += bytes * heap->stacks[size_class_of(bytes)].capacity;
    }
    // The first stack of a class is there whatever is left.
    size_t first = 8 * (16 + 32 + 64 + 128 + 256 + 512);
    assert_true(held <= 3 * 4096 + first);
    assert_true(held > 2 * 4096);
    driver_end(&driver);
}

// A program that did one thing first, and then does another.
static void what_is_used_no_more_gives_its_depth_to_what_is(void **state)
{
    (void)state;
    struct heap *heap = begin(64 << 10, HEAP_BYTES);
    unsigned alone = swing(heap, 2048, 1000, 20);
    assert_int_equal(heap->budget + heap_swing(heap)->budget, (192 << 10) - alone * 2048);
    driver_end(&driver);
    heap = begin(64 << 10, HEAP_BYTES);
    for (size_t bytes = 512; bytes <= 1024; bytes += 128) {
        swing(heap, bytes, 1000, 20);
    }
    const struct heap_stack *before = &heap->stacks[size_class_of(1024)];
    assert_true(before->capacity != 0);
    assert_true(heap->budget + heap_swing(heap)->budget < (size_t)alone * 2048);
    assert_int_equal(swing(heap, 2048, 1000, 20), alone);
    assert_int_equal(before->capacity, 0);
    assert_ptr_equal(before->top, before->bottom);
    driver_end(&driver);
}

static void nor_does_that_take_new_zones(void **state)
{
    (void)state;
    struct heap *heap = begin(64 << 10, HEAP_BYTES);
    const struct heap_stack *stack = &heap->stacks[size_class_of(2048)];
    for (unsigned round = 0; round < 20; round++) {
        for (size_t bytes = 512; bytes <= 1024; bytes += 128) {
            swing(heap, bytes, 1000, 1);
        }
    }
    assert_non_null(driver_alloc(&driver, heap, 2048, 16).ptr);
    swing(heap, 2048, 60, 1);
    assert_int_equal(stack->capacity, 2);
    size_t zones = driver.arena->zone_count;
    swing(heap, 2048, 60, 1000);
    assert_true(driver.arena->zone_count <= zones);
    assert_int_equal(stack->capacity, 64);
    driver_end(&driver);
}

static void a_heap_that_has_used_up_its_memory_gets_more_and_then_twice_as_much(void **state)
{
    (void)state;
    struct heap *heap = begin(1 << 20, 16 << 10);
    const struct heap_swing *swings = heap_swing(heap);
    assert_int_equal(heap_own_bytes(heap), 16 << 10);
    size_t before = driver.arena->meta_unit_count;
    size_t used = driver.arena->used_unit_count;
    size_t more = 0;
    unsigned gains = 0;
    for (unsigned round = 0; round < 30; round++) {
        for (size_t bytes = 16; bytes <= 256; bytes *= 2) {
            swing(heap, bytes, 10000, 1);
            if (swings->memory_bytes != more) {
                // What it had before has gone back.
                assert_int_equal(swings->memory_bytes, more == 0 ? (size_t)MORE_MIN : 2 * more);
                more = swings->memory_bytes;
                gains++;
            }
            assert_int_equal(driver.arena->meta_unit_count - before, more / UNIT);
            assert_int_equal(heap_own_bytes(heap), (16 << 10) + more);
            assert_false(heap_wants_memory(heap));
        }
    }
    // When that is used up, too, nothing more is wanted.
    assert_int_equal(more, MORE_MAX);
    assert_int_equal(gains, 3);
    struct census census;
    census_take(driver.arena, &census);
    assert_int_equal(census.heap_bytes, (16 << 10) + MORE_MAX);
    heap_trim(heap);
    assert_int_equal(driver.arena->used_unit_count - used, MORE_MAX / UNIT);
    assert_true(arena_is_valid(driver.arena));
    driver_end(&driver);
}

static void what_is_not_yet_used_of_its_memory_is_told(void **state)
{
    (void)state;
    struct heap *heap = begin(1 << 20, 16 << 10);
    size_t own = heap->memory_end - heap->memory;
    assert_int_equal(heap->memory_unused, own);
    swing(heap, 16, 1, 1);
    own -= heap_first_stack_bytes();
    assert_int_equal(heap->memory_unused, own);
    struct need need;
    assert_true(heap_take_memory(heap, &need));
    assert_int_equal(heap->memory_unused, own + MORE_MIN);
    // Of what it then has in place of that, and of what it began with, only the one is known.
    for (size_t more = 2 * MORE_MIN; more <= MORE_MAX; more *= 2) {
        assert_true(heap_take_memory(heap, &need));
        assert_int_equal(heap->memory_unused, more);
    }
    swing(heap, 32, 1, 1);
    assert_int_equal(heap->memory_unused, MORE_MAX);
    driver_end(&driver);
}

static void what_is_told_as_not_yet_used_is_zero(void **state)
{
    (void)state;
    struct heap *heap = begin(1 << 20, 16 << 10);
    const struct heap_swing *swings = heap_swing(heap);
    for (unsigned count = 1000; swings->memory_bytes < MORE_MAX; count += 100) {
        swing(heap, 16, count, 1);
        swing(heap, 32, count, 1);
        swing(heap, 48, count, 1);
        const unsigned char *rest = offset_to(heap, swings->memory + swings->memory_bytes);
        size_t unused = heap->memory_unused;
        unused = unused < swings->memory_bytes ? unused : swings->memory_bytes;
        for (size_t at = 1; at <= unused; at++) {
            assert_int_equal(rest[-(ptrdiff_t)at], 0);
        }
    }
    assert_in_range(heap->memory_unused, 1, MORE_MAX - 1);
    driver_end(&driver);
}

// A heap in an arena that has not enough left for more memory of the heap's.
static struct heap *begin_short(void)
{
    driver_begin(&driver, &(struct driver_options){
                              .unit_bytes = UNIT,
                              .section_bytes = 2 << 20,
                              .dirty_bytes_max = 64 << 20,
                          });
    struct heap *heap = driver_acquire(&driver, 16 << 10);
    // All that is free becomes chunks.
    while (driver.arena->used_unit_count + MORE_MIN / UNIT <= driver.arena->unit_count) {
        assert_non_null(driver_alloc(&driver, heap, 33000, 16).ptr);
    }
    return heap;
}

static void memory_that_is_not_at_hand_is_asked_for(void **state)
{
    (void)state;
    struct heap *heap = begin_short();
    size_t before = driver.arena->meta_unit_count;
    assert_int_equal(swing(heap, 16, 1500, 20), 2048);
    assert_int_equal(driver.arena->meta_unit_count - before, MORE_MIN / UNIT);
    driver_end(&driver);
}

static void memory_that_is_refused_is_wanted_again_when_as_much_has_gone_home(void **state)
{
    (void)state;
    struct heap *heap = begin_short();
    size_t before = driver.arena->meta_unit_count;
    driver.asks_allowed = 0;
    unsigned capacity = swing(heap, 16, 1500, 20);
    assert_true(capacity < 1024);
    assert_int_equal(heap_swing(heap)->flushes[0], 2);
    fill(heap, 16, capacity + 1);
    assert_int_equal(heap_swing(heap)->flushes[0], 0);
    assert_int_equal(driver.arena->meta_unit_count, before);
    assert_false(heap_wants_memory(heap));
    empty(heap, capacity + 1);
    driver.asks_allowed = UINT_MAX;
    assert_int_equal(swing(heap, 16, 1500, 20), 2048);
    assert_int_equal(driver.arena->meta_unit_count - before, MORE_MIN / UNIT);
    driver_end(&driver);
}

static void where_memory_is_scarce_a_heap_gets_no_more(void **state)
{
    (void)state;
    driver_begin(&driver, &(struct driver_options){
                              .unit_bytes = 64 << 10,
                              .section_bytes = 64 << 20,
                              .dirty_bytes_max = 64 << 20,
                              .wide = true,
                          });
    struct heap *heap = driver_acquire(&driver, 16 << 10);
    driver.arena->config.space_mib = 8;
    size_t before = driver.arena->meta_unit_count;
    assert_true(swing(heap, 16, 20000, 20) < 8192);
    assert_int_equal(driver.arena->meta_unit_count, before);
    driver_end(&driver);
}

static void a_revived_heap_has_its_memory_still(void **state)
{
    (void)state;
    struct heap *heap = begin(1 << 20, 16 << 10);
    assert_int_equal(swing(heap, 16, 30000, 20), 8192);
    size_t before = driver.arena->meta_unit_count;
    struct heap_swing swings = *heap_swing(heap);
    for (unsigned round = 0; round < 3; round++) {
        heap_revive(driver.arena, heap);
        assert_int_equal(heap->memory_unused, 0);
        assert_int_equal(heap_swing(heap)->budget, 2 << 20);
        assert_int_equal(heap_swing(heap)->flushes[0], 0);
        assert_int_equal(swing(heap, 16, 30000, 20), 8192);
        assert_int_equal(heap_swing(heap)->memory, swings.memory);
        assert_int_equal(heap_swing(heap)->memory_bytes, swings.memory_bytes);
        assert_int_equal(driver.arena->meta_unit_count, before);
    }
    driver_end(&driver);
}

static void a_heap_without_memory_for_stacks_has_none_that_swing(void **state)
{
    (void)state;
    begin(1 << 20, HEAP_BYTES);
    struct heap *heap = driver_acquire(&driver, heap_bytes_min(driver.arena));
    assert_int_equal(swing(heap, 16, 1000, 5), 0);
    heap_deepen_swinging(heap, 0);
    assert_false(heap_wants_memory(heap));
    driver_end(&driver);
}

static void where_nothing_goes_back_no_stack_swings(void **state)
{
    (void)state;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT, .section_bytes = 64 << 20});
    driver.arena->config.stack_bytes_max = 1024;
    struct heap *heap = driver_acquire(&driver, HEAP_BYTES);
    assert_null(heap_swing(heap));
    assert_int_equal(swing(heap, 16, 500, 20), 64);
    assert_false(heap_wants_memory(heap));
    assert_int_equal(heap_own_bytes(heap), HEAP_BYTES);
    driver_end(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stack_that_swings_doubles_once_for_two_halves_that_went_home),
        cmocka_unit_test(one_half_that_went_home_is_no_swing),
        cmocka_unit_test(what_was_never_freed_does_not_come_back),
        cmocka_unit_test(stacks_that_swing_keep_within_their_bounds),
        cmocka_unit_test(together_they_keep_within_twice_the_budget),
        cmocka_unit_test(what_is_used_no_more_gives_its_depth_to_what_is),
        cmocka_unit_test(nor_does_that_take_new_zones),
        cmocka_unit_test(a_heap_that_has_used_up_its_memory_gets_more_and_then_twice_as_much),
        cmocka_unit_test(what_is_not_yet_used_of_its_memory_is_told),
        cmocka_unit_test(what_is_told_as_not_yet_used_is_zero),
        cmocka_unit_test(memory_that_is_not_at_hand_is_asked_for),
        cmocka_unit_test(memory_that_is_refused_is_wanted_again_when_as_much_has_gone_home),
        cmocka_unit_test(where_memory_is_scarce_a_heap_gets_no_more),
        cmocka_unit_test(a_revived_heap_has_its_memory_still),
        cmocka_unit_test(a_heap_without_memory_for_stacks_has_none_that_swing),
        cmocka_unit_test(where_nothing_goes_back_no_stack_swings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
