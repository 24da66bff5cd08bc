// SPDX-License-Identifier: MIT
// Heaps that are retired or left behind, and acquired again where the arena lies then: here, or elsewhere.
#include "core/heap.h"

#include "core/offset.h"
#include "tests/core/driver.h"
#include "tests/core/test.h"

#include <string.h>

enum { UNIT = 4096, HEAP_BYTES = 65536, BUFFER_BYTES = 8 << 20, LIVE = 300 };

static struct driver driver;

static struct heap *begin(void)
{
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT, .section_bytes = 4 << 20});
    return driver_acquire(&driver, HEAP_BYTES);
}

static void *alloc(struct heap *heap, size_t bytes)
{
    void *ptr = driver_alloc(&driver, heap, bytes, 16).ptr;
    assert_non_null(ptr);
    return ptr;
}

// One chunk each of the lowest TINY class, another, and a SMALL one, freed at once: their zones are kept.
static void keep_zones(struct heap *heap)
{
    driver_free(&driver, heap, alloc(heap, 16));
    driver_free(&driver, heap, alloc(heap, 300));
    driver_free(&driver, heap, alloc(heap, 2000));
}

static void a_heap_that_is_trimmed_keeps_no_zone_of_any_class(void **state)
{
    (void)state;
    struct heap *heap = begin();
    size_t own = driver.arena->used_unit_count;
    keep_zones(heap);
    void *held = alloc(heap, 700);
    assert_int_equal(driver.arena->zone_count, 4);
    heap_trim(heap);
    assert_int_equal(driver.arena->zone_count, 1);
    driver_free(&driver, heap, held);
    heap_trim(heap);
    assert_int_equal(driver.arena->zone_count, 0);
    assert_int_equal(driver.arena->used_unit_count, own);
    driver_end(&driver);
}

static void a_heap_that_is_trimmed_takes_home_what_others_freed(void **state)
{
    (void)state;
    struct heap *heap = begin();
    struct heap *other = driver_acquire(&driver, HEAP_BYTES);
    driver_free(&driver, other, alloc(heap, 500));
    assert_false(home_list_is_empty(&heap->home));
    heap_trim(heap);
    assert_true(home_list_is_empty(&heap->home));
    assert_int_equal(driver.arena->zone_count, 0);
    driver_end(&driver);
}

static void a_retired_heap_keeps_tiny_zones_alone(void **state)
{
    (void)state;
    struct heap *heap = begin();
    keep_zones(heap);
    heap_retire(heap);
    assert_int_equal(driver.arena->zone_count, 2);
    assert_false(heap_has_empty(heap));
    driver_end(&driver);
}

static void all_heaps_that_wait_are_trimmed_of_every_class(void **state)
{
    (void)state;
    struct heap *heaps[3] = {begin()};
    for (unsigned index = 0; index < 3; index++) {
        heaps[index] = index == 0 ? heaps[0] : driver_acquire(&driver, HEAP_BYTES);
        keep_zones(heaps[index]);
    }
    heap_retire(heaps[0]);
    heap_retire(heaps[1]);
    assert_int_equal(driver.arena->zone_count, 2 + 2 + 3);
    heap_trim_idle(driver.arena);
    assert_int_equal(driver.arena->zone_count, 3); // those of the heap in use
    driver_end(&driver);
}

// ---- an arena and its only section in one buffer, which can be copied ---------------------------

struct copy {
    struct region region;
    struct arena *arena;
};

static struct copy original;

static void *live[LIVE];

static struct heap *acquire(struct arena *arena)
{
    struct need need;
    struct heap *heap = heap_acquire(arena, HEAP_BYTES, &need);
    assert_non_null(heap);
    return heap;
}

static void *alloc_in(struct heap *heap, size_t bytes)
{
    struct need need;
    unsigned size_class = heap_class_for(heap, bytes, 16);
    struct grant grant = heap_take(heap, size_class, bytes, SIZE_CLASS_STEP);
    if (grant.ptr == NULL) {
        grant = heap_alloc(heap, bytes, 16, &need);
    }
    assert_non_null(grant.ptr);
    return grant.ptr;
}

static void free_in(struct heap *heap, void *ptr)
{
    struct chunk chunk = chunk_locate(heap_arena(heap), ptr);
    assert_true(chunk_is_held_at(&chunk, ptr));
    assert_true(heap_owns(heap, chunk.zone) || heap_take_back(heap, chunk.zone));
    assert_true(heap_put(heap, &chunk));
}

// Leaves free chunks in stacks of several depths.
static void fill_stacks(struct heap *heap)
{
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class += 3) {
        void *chunks[100];
        unsigned count = 2 + 98 / (size_class + 1);
        for (unsigned index = 0; index < count; index++) {
            chunks[index] = alloc_in(heap, size_class_bytes(size_class));
        }
        for (unsigned index = 0; index < count; index++) {
            struct chunk chunk = chunk_locate(original.arena, chunks[index]);
            if (chunk.zone->kind != ZONE_LARGE) {
                free_in(heap, chunks[index]);
            }
        }
    }
}

// A heap with stacked chunks in stacks of several depths, and live ones.
static struct heap *begin_original(void)
{
    original.region = region_new(BUFFER_BYTES, UNIT, 0);
    original.arena = (struct arena *)original.region.base;
    arena_init(original.arena, &(struct arena_config){.page_bytes = UNIT,
                                                      .unit_bytes = UNIT,
                                                      .run_bytes_max = SIZE_MAX,
                                                      .dirty_bytes_max = SIZE_MAX,
                                                      .zone_bytes_max = SIZE_MAX,
                                                      .stack_bytes_max = 1 << 20});
    assert_true(arena_add_section(original.arena, (uintptr_t)original.region.base + 2 * UNIT,
                                  BUFFER_BYTES - 2 * UNIT, NULL));
    struct heap *heap = acquire(original.arena);
    fill_stacks(heap);
    for (unsigned index = 0; index < LIVE; index++) {
        live[index] = alloc_in(heap, 10 + index);
        memset(live[index], (int)(index & 0xFF), 10 + index);
    }
    // Three stacks become deeper, one of them twice.
    for (unsigned capacity = 8; capacity <= 32; capacity *= 2) {
        for (unsigned size_class = 15; size_class < (capacity < 32 ? 18 : 16); size_class++) {
            while (heap->stacks[size_class].capacity < capacity) {
                alloc_in(heap, size_class_bytes(size_class));
            }
        }
    }
    assert_true(heap_is_valid(heap) && arena_is_valid(original.arena));
    return heap;
}

// Copies everything and makes the original useless.
static struct copy move(void)
{
    struct copy copy = {.region = region_new(BUFFER_BYTES, UNIT, 0)};
    memcpy(copy.region.base, original.region.base, BUFFER_BYTES);
    memset(original.region.base, 0xEE, BUFFER_BYTES);
    copy.arena = (struct arena *)copy.region.base;
    return copy;
}

static void *in_copy(const struct copy *copy, const void *ptr)
{
    return copy->region.base + ((uintptr_t)ptr - (uintptr_t)original.region.base);
}

// Everything works in the copy, and nothing leads to the original.
static void use_copy(struct copy *copy, struct heap *heap)
{
    assert_true(arena_is_valid(copy->arena) && heap_is_valid(heap));
    for (unsigned index = 0; index < LIVE; index++) {
        void *ptr = in_copy(copy, live[index]);
        assert_int_equal(chunk_locate(copy->arena, ptr).requested, 10 + index);
        assert_true(bytes_are(ptr, 10 + index, (unsigned char)(index & 0xFF)));
        free_in(heap, ptr);
    }
    void *again[LIVE];
    for (unsigned round = 0; round < 10; round++) {
        for (unsigned index = 0; index < LIVE; index++) {
            size_t bytes = (index * 37 + round) % 1200;
            again[index] = alloc_in(heap, bytes);
            memset(again[index], 0x99, bytes);
        }
        assert_true(heap_is_valid(heap));
        for (unsigned index = 0; index < LIVE; index++) {
            free_in(heap, again[index]);
        }
        assert_true(heap_is_valid(heap));
    }
    heap_trim(heap);
    assert_true(heap_is_valid(heap) && arena_is_valid(copy->arena));
    assert_true(bytes_are(original.region.base, BUFFER_BYTES, 0xEE));
    region_delete(&copy->region);
    region_delete(&original.region);
}

static bool has_empty_stacks(const struct heap *heap)
{
    for (unsigned size_class = 0; size_class < heap->class_count; size_class++) {
        if (heap->stacks[size_class].top != heap->stacks[size_class].bottom) {
            return false;
        }
    }
    return true;
}

static void a_heap_that_waits_can_be_acquired_at_another_address(void **state)
{
    (void)state;
    heap_retire(begin_original());
    struct copy copy = move();
    use_copy(&copy, acquire(copy.arena));
}

static void heaps_in_use_can_be_revived_at_another_address(void **state)
{
    (void)state;
    const struct heap *heap = begin_original();
    const struct heap *other = acquire(original.arena);
    assert_false(has_empty_stacks(heap));
    struct copy copy = move();
    struct heap *revived = in_copy(&copy, heap);
    assert_true(heap_is_valid(revived)); // although its pointers are not right yet
    heap_revive(copy.arena, NULL);
    assert_true(has_empty_stacks(revived));
    assert_true(revived->is_idle);
    assert_true(((struct heap *)in_copy(&copy, other))->is_idle);
    struct heap *first = acquire(copy.arena);
    struct heap *second = acquire(copy.arena);
    assert_int_equal(copy.arena->heap_count, 2);
    assert_true(first == revived || second == revived);
    use_copy(&copy, revived);
}

static void heaps_that_did_not_move_are_revived_where_they_are(void **state)
{
    (void)state;
    struct heap *heap = begin_original();
    heap_retire(acquire(original.arena));
    heap_revive(original.arena, NULL);
    assert_true(heap_is_valid(heap) && arena_is_valid(original.arena));
    assert_true(heap->is_idle && has_empty_stacks(heap));
    struct heap *first = acquire(original.arena);
    struct heap *second = acquire(original.arena);
    assert_ptr_not_equal(first, second);
    assert_int_equal(original.arena->idle_heaps, 0);
    assert_int_equal(chunk_locate(original.arena, live[5]).requested, 15);
    region_delete(&original.region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_heap_that_is_trimmed_keeps_no_zone_of_any_class),
        cmocka_unit_test(a_heap_that_is_trimmed_takes_home_what_others_freed),
        cmocka_unit_test(a_retired_heap_keeps_tiny_zones_alone),
        cmocka_unit_test(all_heaps_that_wait_are_trimmed_of_every_class),
        cmocka_unit_test(a_heap_that_waits_can_be_acquired_at_another_address),
        cmocka_unit_test(heaps_in_use_can_be_revived_at_another_address),
        cmocka_unit_test(heaps_that_did_not_move_are_revived_where_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
