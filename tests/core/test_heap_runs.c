// SPDX-License-Identifier: MIT
// When a heap serves a class as runs although it could have a zone: on a buffer (arena_config.free_per_zone),
// where a zone has to pay for what it takes.
#include "core/heap.h"
#include "core/heap_fast.h"

#include "tests/core/driver.h"
#include "tests/core/test.h"

enum {
    UNIT = 4096,
    PER_ZONE = 64,
    BYTES = 1000,
    CLASS_BYTES = 1024,
    ZONE_BYTES = 100 * CLASS_BYTES
};

static struct driver driver;
static struct heap *heap;

static void begin(size_t section_bytes)
{
    driver_begin(&driver,
                 &(struct driver_options){.unit_bytes = UNIT, .section_bytes = section_bytes});
    driver.arena->config.free_per_zone = PER_ZONE;
    heap = driver_acquire(&driver, 65536);
}

static enum zone_kind kind_of(const void *ptr)
{
    return chunk_locate(driver.arena, ptr).zone->kind;
}

static void *alloc(size_t bytes)
{
    void *ptr = driver_alloc(&driver, heap, bytes, 16).ptr;
    assert_non_null(ptr);
    return ptr;
}

static void free_run(void *ptr, size_t bytes)
{
    driver_free(&driver, heap, ptr);
    heap_note_run_freed(heap, bytes);
}

// Leaves so many bytes of the arena free.
static void leave_free(size_t bytes)
{
    struct need need;
    size_t free_units = driver.arena->unit_count - driver.arena->used_unit_count;
    assert_true(free_units >= bytes / UNIT);
    size_t taken = free_units * UNIT - bytes;
    assert_true(taken == 0 || arena_take_run(driver.arena, taken, 1, &need).section != NULL);
}

static void a_zone_is_cut_at_once_if_it_takes_a_small_part_of_what_is_free(void **state)
{
    (void)state;
    for (unsigned less = 0; less < 2; less++) {
        begin(16 << 20);
        leave_free((size_t)ZONE_BYTES * PER_ZONE - less * UNIT);
        assert_int_equal(kind_of(alloc(BYTES)), less == 0 ? ZONE_TINY : ZONE_LARGE);
        driver_end(&driver);
    }
}

static void a_zone_that_takes_more_waits_for_as_many_runs(void **state)
{
    (void)state;
    begin(2 << 20);
    void *runs[100];
    unsigned count = 0;
    while (kind_of(runs[count] = alloc(BYTES)) == ZONE_LARGE) {
        count++;
    }
    // Each run is a unit; 25 of them are as long as the zone.
    assert_int_equal(count, ZONE_BYTES / UNIT);
    assert_int_equal(heap->stacks[size_class_of(BYTES)].served, count);
    assert_int_equal(driver.arena->zone_count, 1);
    assert_int_equal(kind_of(alloc(BYTES)), ZONE_TINY);
    driver_end(&driver);
}

static void runs_that_were_freed_count_no_more(void **state)
{
    (void)state;
    begin(2 << 20);
    for (unsigned round = 0; round < 200; round++) {
        void *ptr = alloc(BYTES);
        assert_int_equal(kind_of(ptr), ZONE_LARGE);
        free_run(ptr, BYTES);
        assert_int_equal(heap->stacks[size_class_of(BYTES)].served, 0);
    }
    // There is nothing below none, and other classes have counts of their own.
    heap_note_run_freed(heap, BYTES);
    heap_note_run_freed(heap, SIZE_CLASS_SMALL_MAX);
    heap_note_run_freed(heap, SIZE_CLASS_SMALL_MAX + 1);
    heap_note_run_freed(heap, SIZE_MAX);
    for (unsigned size_class = 0; size_class < heap->class_count; size_class++) {
        assert_int_equal(heap->stacks[size_class].served, 0);
    }
    alloc(BYTES);
    alloc(2 * BYTES);
    heap_note_run_freed(heap, 2 * BYTES);
    assert_int_equal(heap->stacks[size_class_of(BYTES)].served, 1);
    assert_int_equal(heap->stacks[size_class_of(2 * BYTES)].served, 0);
    alloc(SIZE_CLASS_SMALL_MAX);
    assert_int_equal(heap->stacks[SIZE_CLASS_COUNT - 1].served, 1);
    heap_note_run_freed(heap, SIZE_CLASS_SMALL_MAX);
    assert_int_equal(heap->stacks[SIZE_CLASS_COUNT - 1].served, 0);
    driver_end(&driver);
}

static void the_count_of_runs_does_not_overflow(void **state)
{
    (void)state;
    begin(2 << 20);
    uint16_t *served = &heap->stacks[size_class_of(BYTES)].served;
    // Zones of this class find no room any more: all are runs.
    leave_free(10 * UNIT);
    *served = UINT16_MAX - 1;
    for (unsigned count = 0; count < 3; count++) {
        assert_int_equal(kind_of(alloc(BYTES)), ZONE_LARGE);
        assert_int_equal(*served, UINT16_MAX);
    }
    driver_end(&driver);
}

static void a_class_whose_zone_finds_no_room_is_served_as_runs(void **state)
{
    (void)state;
    begin(2 << 20);
    leave_free(3 * UNIT);
    heap->stacks[size_class_of(BYTES)].served = 200; // long enough
    struct need need;
    for (unsigned count = 0; count < 3; count++) {
        struct grant grant = heap_alloc(heap, BYTES, 16, &need);
        assert_non_null(grant.ptr);
        struct chunk chunk = chunk_locate(driver.arena, grant.ptr);
        assert_int_equal(chunk.zone->kind, ZONE_LARGE);
        assert_int_equal(chunk.requested, BYTES);
        assert_int_equal(chunk.capacity, UNIT);
    }
    assert_null(heap_alloc(heap, BYTES, 16, &need).ptr);
    assert_int_equal(heap->stacks[size_class_of(BYTES)].served, 203);
    driver_end(&driver);
}

static void a_server_asks_for_more_memory_instead(void **state)
{
    (void)state;
    begin(2 << 20);
    driver.arena->config.free_per_zone = 0;
    leave_free(3 * UNIT);
    struct need need;
    assert_null(heap_alloc(heap, BYTES, 16, &need).ptr);
    assert_int_equal(need.kind, NEED_SECTION);
    assert_int_equal(heap->stacks[size_class_of(BYTES)].served, 0);
    assert_int_equal(kind_of(alloc(BYTES)), ZONE_TINY);
    driver_end(&driver);
}

static void a_heap_with_fewer_classes_has_stacks_for_those_alone(void **state)
{
    (void)state;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT,
                                                   .section_bytes = 2 << 20,
                                                   .zone_bytes_max = 50000});
    heap = driver_acquire(&driver, 65536);
    assert_in_range(heap->class_count, 2, SIZE_CLASS_TINY_COUNT - 1);
    for (size_t bytes = 0; bytes <= 2 * SIZE_CLASS_SMALL_MAX; bytes += 1 + bytes / 50) {
        unsigned size_class =
            bytes <= SIZE_CLASS_SMALL_MAX ? size_class_of(bytes) : SIZE_CLASS_NONE;
        assert_int_equal(heap_class_for(heap, bytes, 16),
                         size_class < heap->class_count ? size_class : SIZE_CLASS_NONE);
        assert_int_equal(heap_has_fast_stack(heap, bytes),
                         bytes <= SIZE_CLASS_TINY_MAX && size_class < heap->class_count);
        heap_note_run_freed(heap, bytes); // it has no count for most, and none to lower
    }
    assert_true(heap_is_valid(heap));
    driver_end(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zone_is_cut_at_once_if_it_takes_a_small_part_of_what_is_free),
        cmocka_unit_test(a_zone_that_takes_more_waits_for_as_many_runs),
        cmocka_unit_test(runs_that_were_freed_count_no_more),
        cmocka_unit_test(the_count_of_runs_does_not_overflow),
        cmocka_unit_test(a_class_whose_zone_finds_no_room_is_served_as_runs),
        cmocka_unit_test(a_server_asks_for_more_memory_instead),
        cmocka_unit_test(a_heap_with_fewer_classes_has_stacks_for_those_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
