// SPDX-License-Identifier: MIT
#include "core/heap.h"

#include "core/misuse.h"
#include "core/offset.h"
#include "core/zone_home.h"
#include "tests/core/churn.h"
#include "tests/core/test.h"

#include <string.h>

enum { HEAP_BYTES = 65536 };

static struct churn churn;

// A heap, or two, on a narrow arena of 4 KiB units.
static struct heap *begin(unsigned heap_count)
{
    const struct driver_options options = {.unit_bytes = 4096, .section_bytes = 16 << 20};
    churn_begin(&churn, &options, heap_count, HEAP_BYTES, 1);
    return churn.heaps[0];
}

static struct zone *zone_of(const void *ptr)
{
    struct chunk chunk = chunk_locate(churn.driver.arena, ptr);
    assert_non_null(chunk.zone);
    return chunk.zone;
}

static void *alloc(struct heap *heap, size_t bytes)
{
    struct grant grant = driver_alloc(&churn.driver, heap, bytes, 16);
    assert_non_null(grant.ptr);
    return grant.ptr;
}

static void requests_get_the_class_of_their_size_and_alignment(void **state)
{
    (void)state;
    struct heap *heap = begin(1);
    for (size_t bytes = 0; bytes <= SIZE_CLASS_SMALL_MAX; bytes += bytes < 1100 ? 1 : 61) {
        assert_int_equal(heap_class_for(heap, bytes, 1), size_class_of(bytes));
        assert_int_equal(heap_class_for(heap, bytes, 16), size_class_of(bytes));
        assert_int_equal(heap_class_for(heap, bytes, 64), size_class_of_aligned(bytes, 64));
        assert_int_equal(heap_class_for(heap, bytes, 4096), size_class_of_aligned(bytes, 4096));
        assert_int_equal(heap_class_for(heap, bytes, 8192), SIZE_CLASS_NONE); // more than the unit
    }
    assert_int_equal(heap_class_for(heap, SIZE_CLASS_SMALL_MAX + 1, 16), SIZE_CLASS_NONE);
    assert_int_equal(heap_class_for(heap, SIZE_MAX, 16), SIZE_CLASS_NONE);
    churn_end(&churn);
}

static void every_size_and_alignment_is_served_exactly(void **state)
{
    (void)state;
    struct heap *heap = begin(1);
    for (size_t align = 1; align <= 65536; align *= 4) {
        for (size_t bytes = 0; bytes <= 40000; bytes += 1 + bytes / 5) {
            assert_true(churn_alloc(&churn, heap, bytes, align));
            assert_true(churn_alloc(&churn, heap, bytes, align));
        }
        churn_audit(&churn);
    }
    churn_end(&churn);
}

static void the_lowest_free_chunk_of_a_zone_is_handed_out_first(void **state)
{
    (void)state;
    struct heap *heap = begin(1);
    unsigned char *before = alloc(heap, 48);
    for (unsigned count = 1; count < 80; count++) {
        unsigned char *ptr = alloc(heap, 48);
        assert_ptr_equal(ptr, before + 48);
        before = ptr;
    }
    // Freed in any order and flushed, they come back by address.
    for (unsigned index = 0; index < 80; index += 2) {
        driver_free(&churn.driver, heap, before - 48 * (79 - (index * 37) % 80));
    }
    heap_flush(heap);
    assert_true(heap_is_valid(heap));
    unsigned char *lowest = alloc(heap, 48);
    for (unsigned count = 1; count < 40; count++) {
        unsigned char *ptr = alloc(heap, 48);
        assert_true(ptr > lowest);
        lowest = ptr;
    }
    assert_true(lowest <= before);
    driver_end(&churn.driver);
}

static void what_was_freed_last_is_handed_out_next(void **state)
{
    (void)state;
    struct heap *heap = begin(1);
    void *first = alloc(heap, 100);
    void *second = alloc(heap, 100);
    driver_free(&churn.driver, heap, first);
    driver_free(&churn.driver, heap, second);
    assert_ptr_equal(alloc(heap, 100), second);
    assert_ptr_equal(alloc(heap, 100), first);
    driver_end(&churn.driver);
}

static void the_fullest_zone_is_preferred(void **state)
{
    (void)state;
    struct heap *heap = begin(1);
    enum { EACH = 128, ZONES = 4 }; // 1024 bytes: 100 chunks need 25 units, which hold 100
    void *chunks[ZONES][EACH];
    unsigned count[ZONES] = {0};
    struct zone *zones[ZONES] = {NULL};
    for (unsigned taken = 0, zone = 0; taken < ZONES * 100; taken++) {
        void *ptr = alloc(heap, 1024);
        if (zones[zone] != NULL && zone_of(ptr) != zones[zone]) {
            zone++;
        }
        zones[zone] = zone_of(ptr);
        chunks[zone][count[zone]++] = ptr;
    }
    const unsigned freed[ZONES] = {60, 10, 90, 35};
    for (unsigned zone = 0; zone < ZONES; zone++) {
        assert_int_equal(count[zone], 100);
        for (unsigned index = 0; index < freed[zone]; index++) {
            driver_free(&churn.driver, heap, chunks[zone][index]);
        }
    }
    heap_flush(heap);
    assert_true(heap_is_valid(heap));
    const unsigned expected[ZONES] = {1, 3, 0, 2};
    for (unsigned place = 0; place < ZONES; place++) {
        // All of one zone before any of the next.
        for (unsigned index = 0; index < freed[expected[place]]; index++) {
            assert_ptr_equal(zone_of(alloc(heap, 1024)), zones[expected[place]]);
        }
    }
    driver_end(&churn.driver);
}

static void an_empty_zone_goes_back_unless_it_is_the_last(void **state)
{
    (void)state;
    struct heap *heap = begin(1);
    void *chunks[400];
    for (unsigned index = 0; index < 400; index++) {
        chunks[index] = alloc(heap, 1000);
    }
    assert_int_equal(churn.driver.arena->zone_count, 4);
    for (unsigned index = 0; index < 400; index++) {
        driver_free(&churn.driver, heap, chunks[index]);
    }
    heap_flush(heap);
    driver_give_empty(&churn.driver, heap);
    assert_int_equal(churn.driver.arena->zone_count, 1);
    assert_false(heap_has_empty(heap));
    assert_false(heap_give_empty(heap));
    // Going back and forth cuts no zone.
    for (unsigned round = 0; round < 50; round++) {
        driver_free(&churn.driver, heap, alloc(heap, 1000));
        assert_int_equal(churn.driver.arena->zone_count, 1);
    }
    driver_end(&churn.driver);
}

static void the_first_chunks_of_a_large_class_are_runs(void **state)
{
    (void)state;
    for (unsigned late = 0; late < 2; late++) {
        // late: memory comes only when it is asked for, so that tries fail first.
        struct heap *heap = begin(1);
        if (late == 0) {
            driver_add_section(&churn.driver, 32 << 20);
        }
        for (size_t bytes = 5000; bytes <= 32768; bytes += 9000) {
            size_t runs = size_class_bytes(size_class_of(bytes)) / HEAP_BYTES_PER_RUN;
            for (size_t count = 0; count < runs + 3; count++) {
                struct zone *zone = zone_of(alloc(heap, bytes));
                assert_int_equal(zone->kind, count < runs ? ZONE_LARGE : ZONE_SMALL);
            }
        }
        assert_int_equal(zone_of(alloc(heap, 4096))->kind, ZONE_SMALL);
        driver_end(&churn.driver);
    }
}

static void a_try_that_failed_is_no_chunk_served_as_a_run(void **state)
{
    (void)state;
    const struct driver_options options = {.unit_bytes = 4096, .section_bytes = 1 << 20};
    churn_begin(&churn, &options, 1, HEAP_BYTES, 1);
    struct heap *heap = churn.heaps[0];
    struct need need;
    while (arena_take_run(churn.driver.arena, 4096, 1, &need).section != NULL) {
    }
    for (unsigned attempt = 0; attempt < 10; attempt++) {
        assert_null(heap_alloc(heap, 20000, 16, &need).ptr);
    }
    for (unsigned count = 0; count < 20480 / HEAP_BYTES_PER_RUN; count++) {
        assert_int_equal(zone_of(alloc(heap, 20000))->kind, ZONE_LARGE);
    }
    driver_end(&churn.driver);
}

static void classes_without_zones_are_served_as_runs(void **state)
{
    (void)state;
    const struct driver_options options = {
        .unit_bytes = 256, .section_bytes = 1 << 20, .zone_bytes_max = 60000};
    churn_begin(&churn, &options, 1, 8192, 1);
    for (size_t bytes = 16; bytes <= SIZE_CLASS_SMALL_MAX; bytes += 250) {
        bool zone = bits_align_up(100 * size_class_bytes(size_class_of(bytes)), 256) <= 60000;
        void *ptr = alloc(churn.heaps[0], bytes);
        assert_int_equal(zone_of(ptr)->kind == ZONE_LARGE, !zone);
        driver_free(&churn.driver, churn.heaps[0], ptr);
    }
    churn_end(&churn);
}

static void chunks_of_another_heap_go_home_and_are_used_again_there(void **state)
{
    (void)state;
    struct heap *owner = begin(2);
    struct heap *other = churn.heaps[1];
    void *chunks[100];
    for (unsigned index = 0; index < 100; index++) {
        chunks[index] = alloc(owner, 640);
    }
    assert_ptr_equal(zone_of(chunks[0]), zone_of(chunks[99]));
    for (unsigned index = 0; index < 100; index++) {
        struct chunk chunk = chunk_locate(churn.driver.arena, chunks[index]);
        assert_true(heap_owns(owner, chunk.zone));
        assert_false(heap_owns(other, chunk.zone));
        driver_free(&churn.driver, other, chunks[index]);
        struct chunk freed = chunk_locate(churn.driver.arena, chunks[index]);
        assert_int_equal(freed.status, CHUNK_HOME);
        assert_false(heap_send(other, churn.driver.arena, &chunk));
        assert_true(heap_is_valid(owner));
    }
    struct zone *zone = zone_of(chunks[0]);
    assert_true(zone_has_home(zone));
    assert_false(home_list_is_empty(&owner->home));
    for (unsigned index = 0; index < 100; index++) {
        assert_ptr_equal(zone_of(alloc(owner, 640)), zone);
    }
    assert_true(heap_is_valid(owner));
    driver_end(&churn.driver);
}

static void a_heap_that_nobody_has_takes_its_chunks_home_at_once(void **state)
{
    (void)state;
    struct heap *owner = begin(2);
    struct heap *other = churn.heaps[1];
    void *chunks[300];
    for (unsigned index = 0; index < 300; index++) {
        chunks[index] = alloc(owner, 1000);
    }
    for (unsigned zone = 0; zone < 3; zone++) { // full ones would be nobody's
        driver_free(&churn.driver, owner, chunks[100 * zone]);
    }
    heap_retire(owner);
    assert_true(owner->is_idle);
    assert_int_equal(churn.driver.arena->zone_count, 3);
    for (unsigned index = 0; index < 300; index++) {
        if (index % 100 == 0) {
            continue;
        }
        struct zone *zone = zone_of(chunks[index]);
        assert_true(heap_owns(owner, zone));
        uint32_t available = zone_available(zone);
        driver_free(&churn.driver, other, chunks[index]);
        assert_true(home_list_is_empty(&owner->home));
        assert_false(heap_has_idle_home(churn.driver.arena));
        assert_true(index % 100 == 99 || zone_available(zone) == available + 1);
        assert_true(heap_is_valid(owner));
    }
    assert_int_equal(churn.driver.arena->zone_count, 1);
    driver_end(&churn.driver);
}

static void a_retired_heap_is_acquired_again_with_its_zones(void **state)
{
    (void)state;
    struct heap *heap = begin(2);
    void *held = alloc(heap, 77);
    driver_free(&churn.driver, heap, alloc(heap, 77));
    struct zone *zone = zone_of(held);
    heap_retire(heap);
    assert_true(heap_is_valid(heap));
    assert_int_equal(zone_available(zone), zone->chunk_count - 1); // no stack holds a chunk
    struct need need;
    assert_ptr_equal(heap_acquire(churn.driver.arena, HEAP_BYTES, &need), heap);
    assert_false(heap->is_idle);
    assert_ptr_equal(zone_of(alloc(heap, 77)), zone);
    struct heap *third = driver_acquire(&churn.driver, HEAP_BYTES);
    assert_true(third != heap && third != churn.heaps[1]);
    assert_int_equal(churn.driver.arena->heap_count, 3);
    heap_retire(third);
    heap_retire(churn.heaps[1]);
    assert_ptr_equal(heap_acquire(churn.driver.arena, HEAP_BYTES, &need), churn.heaps[1]);
    assert_ptr_equal(heap_acquire(churn.driver.arena, HEAP_BYTES, &need), third);
    driver_end(&churn.driver);
}

static void heaps_have_ids_of_their_own_until_there_are_none(void **state)
{
    (void)state;
    struct heap *heap = begin(3);
    assert_int_not_equal(heap->owner, churn.heaps[1]->owner);
    assert_int_not_equal(heap->owner, churn.heaps[2]->owner);
    assert_int_equal(heap->owner & HEAP_OWNER_MASK, 0);
    assert_false(heap_is_none(heap));
    churn.driver.arena->heap_count = HEAP_ID_MAX - 1;
    struct need need;
    struct heap *last = heap_acquire(churn.driver.arena, HEAP_BYTES, &need);
    assert_non_null(last);
    assert_false(heap_is_none(last));
    assert_null(heap_acquire(churn.driver.arena, HEAP_BYTES, &need));
    assert_int_equal(need.kind, NEED_NOTHING);
    driver_end(&churn.driver);
}

static void is_zero_is_said_of_fresh_chunks_and_never_of_used_ones(void **state)
{
    (void)state;
    struct heap *heap = begin(1);
    for (size_t bytes = 16; bytes <= 200000; bytes *= 3) {
        void *first = alloc(heap, bytes);
        memset(first, 0xFF, bytes);
        driver_free(&churn.driver, heap, first);
        struct grant again = driver_alloc(&churn.driver, heap, bytes, 16);
        assert_ptr_equal(again.ptr, first);
        assert_false(again.is_zero);
        struct grant fresh = driver_alloc(&churn.driver, heap, bytes, 16);
        assert_true(fresh.is_zero);
        // A chunk that went through a stack unused is still zero.
        heap_flush(heap);
        struct grant next = driver_alloc(&churn.driver, heap, bytes, 16);
        assert_true(next.is_zero);
        assert_true(bytes_are(next.ptr, bytes, 0));
    }
    driver_end(&churn.driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_get_the_class_of_their_size_and_alignment),
        cmocka_unit_test(every_size_and_alignment_is_served_exactly),
        cmocka_unit_test(the_lowest_free_chunk_of_a_zone_is_handed_out_first),
        cmocka_unit_test(what_was_freed_last_is_handed_out_next),
        cmocka_unit_test(the_fullest_zone_is_preferred),
        cmocka_unit_test(an_empty_zone_goes_back_unless_it_is_the_last),
        cmocka_unit_test(the_first_chunks_of_a_large_class_are_runs),
        cmocka_unit_test(a_try_that_failed_is_no_chunk_served_as_a_run),
        cmocka_unit_test(classes_without_zones_are_served_as_runs),
        cmocka_unit_test(chunks_of_another_heap_go_home_and_are_used_again_there),
        cmocka_unit_test(a_heap_that_nobody_has_takes_its_chunks_home_at_once),
        cmocka_unit_test(a_retired_heap_is_acquired_again_with_its_zones),
        cmocka_unit_test(heaps_have_ids_of_their_own_until_there_are_none),
        cmocka_unit_test(is_zero_is_said_of_fresh_chunks_and_never_of_used_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
