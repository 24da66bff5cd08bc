// SPDX-License-Identifier: MIT
#include "core/large.h"
#include "core/misuse.h"
#include "core/walk.h"
#include "tests/core/churn.h"
#include "tests/core/test.h"

#include <string.h>

enum { RUN_MAX = 1 << 20 };

static struct churn churn;

// A wide arena whose chunks above 1 MiB are mappings.
static struct driver *begin(void)
{
    const struct driver_options options = {
        .unit_bytes = 65536,
        .page_bytes = 4096,
        .run_bytes_max = RUN_MAX,
        .section_bytes = 32 << 20,
    };
    struct driver_options wide = options;
    wide.wide = true;
    churn_begin(&churn, &wide, 1, 65536, 1);
    return &churn.driver;
}

static void *alloc(size_t bytes, size_t align)
{
    assert_true(churn_alloc(&churn, churn.heaps[0], bytes, align));
    return churn.held[churn.held_count - 1].ptr;
}

static struct chunk locate(const void *ptr)
{
    return chunk_locate(churn.driver.arena, ptr);
}

static bool resize(void *ptr, size_t bytes)
{
    struct chunk chunk = locate(ptr);
    struct need need;
    bool resized = large_resize(churn.driver.arena, &chunk, bytes, &need);
    if (!resized && driver_meet(&churn.driver, &need)) {
        resized = large_resize(churn.driver.arena, &chunk, bytes, &need);
    }
    struct chunk now = locate(ptr);
    assert_true(chunk_is_held_at(&now, ptr));
    assert_int_equal(now.requested, resized ? bytes : chunk.requested);
    assert_true(driver_is_valid(&churn.driver));
    return resized;
}

static void runs_of_every_size_are_exact_and_aligned(void **state)
{
    (void)state;
    begin();
    for (size_t bytes = SIZE_CLASS_SMALL_MAX + 1; bytes <= RUN_MAX; bytes += bytes / 3) {
        for (size_t align = 16; align <= RUN_MAX; align *= 16) {
            unsigned char *ptr = alloc(bytes, align);
            struct chunk chunk = locate(ptr);
            assert_int_equal(chunk.zone->kind, ZONE_LARGE);
            assert_int_equal((uintptr_t)ptr % 65536, 0);
            assert_int_equal(chunk.capacity, bits_align_up(bytes, 65536));
            // All of its units lead to it.
            for (size_t offset = 1; offset < chunk.capacity; offset += 32111) {
                struct chunk inside = locate(ptr + offset);
                assert_int_equal(inside.status, CHUNK_LIVE);
                assert_ptr_equal(inside.base, ptr);
            }
            churn_free(&churn, churn.heaps[0], 0);
        }
    }
    churn_end(&churn);
}

static void a_chunk_of_no_bytes_is_a_unit(void **state)
{
    (void)state;
    struct driver *driver = begin();
    struct need need;
    struct grant first = large_take(driver->arena, 0, 16, &need);
    struct grant second = large_take(driver->arena, 0, 16, &need);
    assert_true(first.ptr != NULL && second.ptr != NULL && first.ptr != second.ptr);
    assert_int_equal(locate(first.ptr).requested, 0);
    assert_int_equal(locate(first.ptr).capacity, 65536);
    driver_free(driver, churn.heaps[0], first.ptr);
    driver_free(driver, churn.heaps[0], second.ptr);
    churn_end(&churn);
}

static void a_run_grows_and_shrinks_where_it_is(void **state)
{
    (void)state;
    struct driver *driver = begin();
    unsigned char *ptr = alloc(100000, 16);
    size_t used = driver->arena->used_unit_count;
    churn.held[0].bytes = 0; // resized behind the model's back
    for (size_t bytes = 100000; bytes < 900000; bytes += 50000) {
        assert_true(resize(ptr, bytes));
    }
    assert_true(resize(ptr, 70000));
    assert_int_equal(driver->arena->used_unit_count, used);
    assert_true(resize(ptr, 1));
    assert_int_equal(locate(ptr).capacity, 65536);
    assert_int_equal(locate(ptr + 65536).status, CHUNK_UNUSED);
    assert_true(resize(ptr, 0));
    assert_true(resize(ptr, 65536));
    assert_int_equal(driver->arena->used_unit_count, used - 1);
    assert_false(resize(ptr, (size_t)1 << 40));
    assert_false(resize(ptr, SIZE_MAX));
    driver_free(driver, churn.heaps[0], ptr);
    churn.held_count = 0;
    churn_end(&churn);
}

static void a_run_does_not_grow_over_its_neighbour(void **state)
{
    (void)state;
    begin();
    unsigned char *first = alloc(100000, 16);
    unsigned char *second = alloc(100000, 16);
    assert_ptr_equal(second, first + 131072);
    assert_true(resize(first, 131072));
    assert_false(resize(first, 131073));
    churn.held[0].bytes = 100000;
    churn_free(&churn, churn.heaps[0], 1);
    assert_true(resize(first, 200000));
    assert_true(resize(first, 100000));
    churn.held[0].bytes = 100000;
    churn_end(&churn);
}

static void a_run_grows_into_what_is_not_committed_yet(void **state)
{
    (void)state;
    const struct driver_options options = {
        .unit_bytes = 4096, .section_bytes = 256 << 20, .commits = true};
    churn_begin(&churn, &options, 1, 65536, 1);
    unsigned char *ptr = alloc(100000, 16);
    size_t asks = 0;
    for (size_t bytes = 100000; bytes < 30 << 20; bytes += bytes / 4) {
        churn.driver.asks[NEED_COMMIT] = 0;
        assert_true(resize(ptr, bytes));
        assert_in_range(churn.driver.asks[NEED_COMMIT], 0, 1);
        asks += churn.driver.asks[NEED_COMMIT];
    }
    assert_true(asks > 2);
    churn.driver.asks_allowed = 0;
    assert_false(resize(ptr, 100 << 20));
    churn.driver.asks_allowed = SIZE_MAX;
    assert_true(resize(ptr, 100 << 20));
    churn.held[0].bytes = 100 << 20;
    memset(ptr, churn.held[0].fill, 100 << 20);
    churn_end(&churn);
}

static void what_is_too_large_for_runs_asks_for_a_mapping(void **state)
{
    (void)state;
    struct driver *driver = begin();
    struct need need;
    assert_null(large_take(driver->arena, RUN_MAX + 1, 16, &need).ptr);
    assert_int_equal(need.kind, NEED_MAPPING);
    assert_int_equal(need.bytes, RUN_MAX + 4096);
    assert_int_equal(need.align, 65536);
    assert_null(large_take(driver->arena, 100, 2 * RUN_MAX, &need).ptr);
    assert_int_equal(need.kind, NEED_MAPPING);
    assert_int_equal(need.bytes, 4096);
    assert_int_equal(need.align, 2 * RUN_MAX);
    const size_t hopeless[] = {SIZE_MAX, (size_t)PTRDIFF_MAX + 1, (size_t)PTRDIFF_MAX - 10};
    for (unsigned sample = 0; sample < 3; sample++) {
        assert_null(large_take(driver->arena, hopeless[sample], 16, &need).ptr);
        assert_int_equal(need.kind, NEED_NOTHING);
    }
    assert_null(large_take(driver->arena, 100, (size_t)1 << 63, &need).ptr);
    assert_int_equal(need.kind, NEED_NOTHING);
    churn_end(&churn);
}

static void a_mapping_is_a_chunk_like_any_other(void **state)
{
    (void)state;
    struct driver *driver = begin();
    unsigned char *ptr = alloc(3000000, 16);
    struct chunk chunk = locate(ptr);
    assert_int_equal(chunk.zone->kind, ZONE_MAPPED);
    assert_int_equal(chunk.capacity, bits_align_up(3000000, 4096));
    assert_int_equal(driver->arena->mapping_count, 1);
    assert_int_equal(driver->arena->mapping_bytes, chunk.capacity);
    for (size_t offset = 1; offset < chunk.capacity; offset += 4095) {
        struct chunk inside = locate(ptr + offset);
        assert_int_equal(inside.status, CHUNK_LIVE);
        assert_ptr_equal(inside.base, ptr);
    }
    assert_int_equal(locate(ptr - 1).status, CHUNK_FOREIGN);
    assert_int_equal(locate(ptr + chunk.capacity).status, CHUNK_FOREIGN);
    assert_true(resize(ptr, chunk.capacity));
    assert_true(resize(ptr, 2000000));
    assert_false(resize(ptr, chunk.capacity + 1));
    assert_true(resize(ptr, 3000000));
    churn_free(&churn, churn.heaps[0], 0);
    assert_int_equal(driver->unmap_count, 1);
    assert_int_equal(driver->arena->mapping_count, 0);
    assert_int_equal(driver->arena->mapping_bytes, 0);
    churn_end(&churn);
}

static void every_mapping_takes_at_most_two_asks(void **state)
{
    (void)state;
    struct driver *driver = begin();
    for (unsigned count = 0; count < 40; count++) {
        size_t align = (size_t)16 << count % 18;
        alloc(RUN_MAX + 1 + count * (size_t)77777, align);
        if (count % 3 == 2) {
            churn_free(&churn, churn.heaps[0], random_below(&churn.random, 2));
        }
    }
    churn_audit(&churn);
    assert_in_range(driver->asks_most, 1, 2);
    churn_end(&churn);
}

static void a_mapping_that_the_system_refused_to_take_is_used_again(void **state)
{
    (void)state;
    struct driver *driver = begin();
    unsigned char *ptr = alloc(3000000, 16);
    driver->keeps = true;
    churn_free(&churn, churn.heaps[0], 0);
    assert_int_equal(locate(ptr).status, CHUNK_UNUSED);
    assert_int_equal(driver->arena->mapping_count, 0);
    struct need need;
    assert_null(large_take(driver->arena, 1400000, 16, &need).ptr); // too small for it
    assert_null(large_take(driver->arena, 3500000, 16, &need).ptr); // too large
    struct grant grant = large_take(driver->arena, 2900000, 16, &need);
    assert_ptr_equal(grant.ptr, ptr);
    assert_false(grant.is_zero);
    assert_int_equal(locate(ptr).requested, 2900000);
    assert_int_equal(driver->arena->mapping_count, 1);
    driver->keeps = false;
    driver_free(driver, churn.heaps[0], ptr);
    assert_null(large_take(driver->arena, 2900000, 16, &need).ptr);
    assert_int_equal(driver->unmap_count, 2);
    churn_end(&churn);
}

static void a_mapping_on_its_way_is_nobodys(void **state)
{
    (void)state;
    struct driver *driver = begin();
    unsigned char *ptr = alloc(3000000, 16);
    struct chunk chunk = locate(ptr);
    struct leaving leaving = {.kind = LEAVING_NOTHING};
    large_give(driver->arena, &chunk, &leaving);
    assert_int_equal(leaving.kind, LEAVING_UNMAP);
    assert_int_equal(leaving.range.base, (uintptr_t)ptr);
    assert_int_equal(leaving.range.bytes, chunk.capacity);
    assert_int_equal(locate(ptr + 5000).status, CHUNK_FOREIGN);
    // Who has found it before comes too late.
    struct leaving nothing = {.kind = LEAVING_NOTHING};
    assert_false(heap_free_large(driver->arena, &chunk, &nothing));
    assert_int_equal(nothing.kind, LEAVING_NOTHING);
    // Its start is remembered for a while, so that a second free is told as what it is.
    chunk = locate(ptr);
    assert_int_equal(chunk.status, CHUNK_UNUSED);
    assert_int_equal(misuse_of(&chunk, ptr), MISUSE_DOUBLE_FREE);
    struct need need;
    assert_null(large_take(driver->arena, 3000000, 16, &need).ptr);
    assert_int_equal(need.kind, NEED_MAPPING);
    driver_let_go(driver, &leaving);
    churn.held_count = 0;
    churn_end(&churn);
}

// The contract allows mappings anywhere, at a multiple of the page: two of them can share a unit.
static void two_mappings_in_one_unit_are_told_apart(void **state)
{
    (void)state;
    struct driver *driver = begin();
    struct region region = region_new(4 << 20, 65536, 0);
    const struct range ranges[] = {
        {.base = (uintptr_t)region.base, .bytes = 4096}, // aligned to much, and small
        {.base = (uintptr_t)region.base + 8192, .bytes = RUN_MAX + 4096},
        {.base = (uintptr_t)region.base + 8192 + RUN_MAX + 4096, .bytes = RUN_MAX + 8192},
    };
    struct need need;
    for (unsigned index = 0; index < 3; index++) {
        while (large_adopt(driver->arena, ranges[index], ranges[index].bytes - 9, &need) == NULL) {
            assert_true(driver_meet(driver, &need));
        }
    }
    for (unsigned index = 0; index < 3; index++) {
        for (size_t offset = 0; offset < ranges[index].bytes; offset += 1024) {
            struct chunk chunk = locate((void *)(ranges[index].base + offset));
            assert_int_equal(chunk.status, CHUNK_LIVE);
            assert_int_equal((uintptr_t)chunk.base, ranges[index].base);
            assert_int_equal(chunk.requested, ranges[index].bytes - 9);
        }
    }
    // The one that the unit leads to goes first; the others are found and told as before.
    const unsigned order[] = {1, 0, 2};
    for (unsigned gone = 0; gone < 3; gone++) {
        struct chunk chunk = locate((void *)ranges[order[gone]].base);
        struct leaving leaving = {.kind = LEAVING_NOTHING};
        large_give(driver->arena, &chunk, &leaving);
        assert_int_equal(leaving.range.base, ranges[order[gone]].base);
        large_unmapped(driver->arena, &leaving, true);
        struct walk walk = {0};
        for (unsigned left = gone + 1; left < 3; left++) {
            assert_int_equal(walk_next(driver->arena, &walk).what, WALK_ZONE);
            struct walk_step step = walk_next(driver->arena, &walk);
            assert_int_equal(step.what, WALK_CHUNK);
            assert_int_equal((uintptr_t)step.base, ranges[order[left]].base);
            assert_int_equal(step.bytes, ranges[order[left]].bytes - 9);
        }
        assert_int_equal(walk_next(driver->arena, &walk).what, WALK_END);
    }
    region_delete(&region);
    churn_end(&churn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_of_every_size_are_exact_and_aligned),
        cmocka_unit_test(a_chunk_of_no_bytes_is_a_unit),
        cmocka_unit_test(a_run_grows_and_shrinks_where_it_is),
        cmocka_unit_test(a_run_does_not_grow_over_its_neighbour),
        cmocka_unit_test(a_run_grows_into_what_is_not_committed_yet),
        cmocka_unit_test(what_is_too_large_for_runs_asks_for_a_mapping),
        cmocka_unit_test(a_mapping_is_a_chunk_like_any_other),
        cmocka_unit_test(every_mapping_takes_at_most_two_asks),
        cmocka_unit_test(a_mapping_that_the_system_refused_to_take_is_used_again),
        cmocka_unit_test(a_mapping_on_its_way_is_nobodys),
        cmocka_unit_test(two_mappings_in_one_unit_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
