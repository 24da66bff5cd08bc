// SPDX-License-Identifier: MIT
// The fast paths, against the slow ones, on a wide arena.
#include "core/heap_fast.h"

#include "tests/core/churn.h"
#include "tests/core/test.h"

#include <string.h>

static struct churn churn;

static struct heap *begin(unsigned heap_count)
{
    const struct driver_options options = {
        .unit_bytes = 65536, .section_bytes = 24 << 20, .wide = true};
    churn_begin(&churn, &options, heap_count, 131072, 1);
    return churn.heaps[0];
}

// Any chunk of this size, by the slow path.
static void *alloc(struct heap *heap, size_t bytes)
{
    struct grant grant = driver_alloc(&churn.driver, heap, bytes, 16);
    assert_non_null(grant.ptr);
    return grant.ptr;
}

static struct chunk locate(const void *ptr)
{
    return chunk_locate(churn.driver.arena, ptr);
}

static void heap_none_has_nothing_and_takes_nothing(void **state)
{
    (void)state;
    static const struct heap none = HEAP_NONE;
    struct heap *heap = (struct heap *)&none;
    assert_true(heap_is_none(heap));
    for (size_t bytes = 0; bytes <= 2 * SIZE_CLASS_TINY_MAX; bytes++) {
        assert_null(heap_fast_alloc(heap, bytes));
    }
    assert_null(heap_fast_alloc(heap, SIZE_MAX));
    struct heap *owner = begin(1);
    for (size_t bytes = 0; bytes <= SIZE_CLASS_TINY_MAX; bytes += 13) {
        void *ptr = alloc(owner, bytes);
        assert_false(heap_fast_free(heap, churn.driver.arena, ptr));
        struct chunk chunk = locate(ptr);
        assert_true(chunk_is_held_at(&chunk, ptr));
        assert_false(heap_owns(heap, chunk.zone));
    }
    driver_end(&churn.driver);
}

static void a_fast_chunk_is_what_the_slow_path_would_have_given(void **state)
{
    (void)state;
    struct heap *heap = begin(1);
    for (size_t bytes = 0; bytes <= SIZE_CLASS_TINY_MAX; bytes++) {
        driver_free(&churn.driver, heap, alloc(heap, bytes)); // now the stack has some
        void *expected = heap->stacks[size_class_of(bytes)].top[-1].chunk;
        void *ptr = heap_fast_alloc(heap, bytes);
        assert_ptr_equal(ptr, expected);
        struct chunk chunk = locate(ptr);
        assert_true(chunk_is_held_at(&chunk, ptr));
        assert_int_equal(chunk.requested, bytes);
        assert_int_equal(chunk.capacity, size_class_bytes(size_class_of(bytes)));
        assert_true(heap_is_valid(heap));
        assert_true(heap_fast_free(heap, churn.driver.arena, ptr));
        assert_int_equal(locate(ptr).status, CHUNK_FREED);
        assert_ptr_equal(heap->stacks[size_class_of(bytes)].top[-1].chunk, ptr);
    }
    assert_true(driver_is_valid(&churn.driver));
    driver_end(&churn.driver);
}

static void a_fresh_chunk_is_known_to_be_zero_and_a_reused_one_is_not(void **state)
{
    (void)state;
    struct heap *heap = begin(1);
    for (size_t bytes = 0; bytes <= SIZE_CLASS_TINY_MAX; bytes += 7) {
        assert_null(heap_fast_grant(heap, SIZE_CLASS_TINY_MAX + 1).ptr);
        alloc(heap, bytes); // a new zone for the first of a class; now the stack has some
        struct grant grant = heap_fast_grant(heap, bytes);
        if (grant.ptr == NULL) {
            continue;
        }
        assert_int_equal(locate(grant.ptr).requested, bytes);
        for (size_t at = 0; grant.is_zero && at < bytes; at++) {
            assert_int_equal(((unsigned char *)grant.ptr)[at], 0);
        }
        memset(grant.ptr, 0xA5, bytes);
        assert_true(heap_fast_free(heap, churn.driver.arena, grant.ptr));
        struct grant again = heap_fast_grant(heap, bytes);
        assert_ptr_equal(again.ptr, grant.ptr);
        assert_false(again.is_zero);
    }
    // Zones of memory that was never used are zero all over.
    assert_true(heap_fast_grant(heap, 16).is_zero);
    driver_end(&churn.driver);
}

static void sizes_above_tiny_go_the_slow_way(void **state)
{
    (void)state;
    struct heap *heap = begin(1);
    for (size_t bytes = SIZE_CLASS_TINY_MAX + 1; bytes <= 70000; bytes += 511) {
        driver_free(&churn.driver, heap, alloc(heap, bytes));
        assert_null(heap_fast_alloc(heap, bytes));
        assert_null(heap_fast_grant(heap, bytes).ptr);
    }
    assert_null(heap_fast_alloc(heap, SIZE_MAX));
    driver_end(&churn.driver);
}

static void an_empty_stack_goes_the_slow_way(void **state)
{
    (void)state;
    struct heap *heap = begin(1);
    assert_null(heap_fast_alloc(heap, 100));
    alloc(heap, 100);
    unsigned count = 0;
    while (heap_fast_alloc(heap, 100) != NULL) {
        count++;
    }
    assert_in_range(count, 1, 200);
    assert_null(heap_fast_alloc(heap, 100));
    assert_true(driver_is_valid(&churn.driver));
    driver_end(&churn.driver);
}

static void a_full_stack_goes_the_slow_way(void **state)
{
    (void)state;
    struct heap *heap = begin(1);
    void *chunks[4000];
    for (unsigned index = 0; index < 4000; index++) {
        chunks[index] = alloc(heap, 32);
    }
    // A full zone is nobody's.
    assert_false(heap_fast_free(heap, churn.driver.arena, chunks[0]));
    driver_free(&churn.driver, heap, chunks[0]);
    unsigned fast = 1;
    while (heap_fast_free(heap, churn.driver.arena, chunks[fast])) {
        fast++;
    }
    const struct heap_stack *stack = &heap->stacks[size_class_of(32)];
    assert_ptr_equal(stack->top, stack->limit);
    struct chunk chunk = locate(chunks[fast]);
    assert_true(chunk_is_held_at(&chunk, chunks[fast]));
    driver_free(&churn.driver, heap, chunks[fast]);
    assert_true(heap_fast_free(heap, churn.driver.arena, chunks[fast + 1]));
    assert_true(driver_is_valid(&churn.driver));
    driver_end(&churn.driver);
}

// Every pointer into a run of zones, before and behind it: only starts of live chunks are taken.
static void only_the_start_of_a_live_chunk_is_taken(void **state)
{
    (void)state;
    struct heap *heap = begin(2);
    for (unsigned size_class = 0; size_class < SIZE_CLASS_TINY_COUNT; size_class += 3) {
        size_t bytes = size_class_bytes(size_class);
        void *live = alloc(heap, bytes);
        void *freed = alloc(heap, bytes);
        void *home = alloc(heap, bytes);
        driver_free(&churn.driver, heap, freed);
        driver_free(&churn.driver, churn.heaps[1], home);
        unsigned char *base = zone_base(locate(live).zone);
        for (size_t offset = 0; offset <= 65536 + 64; offset++) {
            unsigned char *ptr = base + offset - 32;
            struct chunk chunk = locate(ptr);
            if (ptr != live && !chunk_is_held_at(&chunk, ptr)) {
                assert_false(heap_fast_free(heap, churn.driver.arena, ptr));
            }
        }
        assert_false(heap_fast_free(churn.heaps[1], churn.driver.arena, live));
        assert_true(heap_fast_free(heap, churn.driver.arena, live));
        assert_false(heap_fast_free(heap, churn.driver.arena, live));
    }
    assert_true(driver_is_valid(&churn.driver));
    driver_end(&churn.driver);
}

static void small_chunks_are_served_fast_and_freed_as_all_are(void **state)
{
    (void)state;
    struct heap *heap = begin(2);
    struct arena *arena = churn.driver.arena;
    for (size_t bytes = SIZE_CLASS_TINY_MAX + 1; bytes <= SIZE_CLASS_SMALL_MAX; bytes += 173) {
        void *live = alloc(heap, bytes);
        struct chunk chunk = locate(live);
        if (chunk.zone->kind == ZONE_LARGE) { // the first chunks of a large class
            assert_false(heap_fast_free(heap, arena, live));
            continue;
        }
        driver_free(&churn.driver, heap, alloc(heap, bytes)); // now the stack has some
        void *expected = heap->stacks[size_class_of(bytes)].top[-1].chunk;
        void *ptr = heap_small_alloc(heap, bytes);
        assert_ptr_equal(ptr, expected);
        assert_int_equal(locate(ptr).requested, bytes);
        assert_int_equal(locate(ptr).status, CHUNK_LIVE);
        assert_false(heap_fast_free(churn.heaps[1], arena, ptr));
        assert_false(heap_fast_free(heap, arena, (char *)ptr + 1));
        assert_false(heap_fast_free(heap, arena, (char *)ptr + 16));
        assert_int_equal(locate(ptr).status, CHUNK_LIVE);
        assert_true(heap_fast_free(heap, arena, ptr));
        assert_int_equal(locate(ptr).status, CHUNK_FREED);
        assert_false(heap_fast_free(heap, arena, ptr));
        assert_true(heap_is_valid(heap));
    }
    assert_true(driver_is_valid(&churn.driver));
    driver_end(&churn.driver);
}

static void a_small_chunk_with_room_is_one_of_a_larger_class(void **state)
{
    (void)state;
    struct heap *heap = begin(1);
    for (size_t room = 2 * SIZE_CLASS_TINY_MAX; room <= SIZE_CLASS_SMALL_MAX / 2; room += 251) {
        driver_free(&churn.driver, heap, alloc(heap, room)); // now the stack has some
        void *expected = heap->stacks[size_class_of(room)].top[-1].chunk;
        if (expected == NULL) { // it was served as a run
            continue;
        }
        for (size_t bytes = room / 4; bytes <= room; bytes += room / 4 - 3) {
            void *ptr = heap_small_alloc_roomy(heap, bytes, room);
            assert_ptr_equal(ptr, expected);
            assert_int_equal(locate(ptr).requested, bytes);
            assert_true(locate(ptr).capacity >= room);
            driver_free(&churn.driver, heap, ptr);
        }
        assert_null(heap_small_alloc_roomy(heap, room, SIZE_CLASS_SMALL_MAX + 1));
    }
    assert_true(driver_is_valid(&churn.driver));
    driver_end(&churn.driver);
}

static void a_small_chunk_is_known_to_be_zero_until_it_is_freed(void **state)
{
    (void)state;
    struct heap *heap = begin(1);
    assert_null(heap_small_grant(heap, SIZE_CLASS_TINY_MAX).ptr);
    assert_null(heap_small_grant(heap, SIZE_CLASS_SMALL_MAX + 1).ptr);
    assert_null(heap_small_grant(heap, SIZE_MAX).ptr);
    unsigned zero_count = 0;
    for (size_t bytes = SIZE_CLASS_TINY_MAX + 1; bytes <= 4096; bytes += 200) {
        assert_null(heap_small_grant((struct heap *)&(const struct heap)HEAP_NONE, bytes).ptr);
        alloc(heap, bytes); // a new zone for the first of a class; now the stack has some
        struct grant grant = heap_small_grant(heap, bytes);
        if (grant.ptr == NULL) {
            continue;
        }
        assert_int_equal(locate(grant.ptr).requested, bytes);
        zero_count += grant.is_zero;
        for (size_t at = 0; grant.is_zero && at < bytes; at++) {
            assert_int_equal(((unsigned char *)grant.ptr)[at], 0);
        }
        memset(grant.ptr, 0xA5, bytes);
        assert_true(heap_fast_free(heap, churn.driver.arena, grant.ptr));
        struct grant again = heap_small_grant(heap, bytes);
        assert_ptr_equal(again.ptr, grant.ptr);
        assert_false(again.is_zero);
    }
    assert_true(zero_count != 0);
    assert_true(driver_is_valid(&churn.driver));
    driver_end(&churn.driver);
}

// What the slow way would serve, of the same class; what does not fit its state goes that way.
static void an_aligned_chunk_is_one_of_the_class_that_the_slow_way_takes(void **state)
{
    (void)state;
    struct heap *heap = begin(1);
    for (size_t align = 1; align <= 4 * (size_t)SIZE_CLASS_SMALL_MAX; align *= 2) {
        for (size_t bytes = 0; bytes <= SIZE_CLASS_SMALL_MAX + 1; bytes += bytes < 1100 ? 7 : 509) {
            unsigned size_class = size_class_of_aligned(bytes, align);
            if (size_class == SIZE_CLASS_NONE) {
                assert_null(heap_fast_alloc_aligned(heap, bytes, align));
                continue;
            }
            void *slow = alloc(heap, size_class_bytes(size_class));
            driver_free(&churn.driver, heap, slow);
            void *expected = heap->stacks[size_class].top[-1].chunk;
            void *ptr = heap_fast_alloc_aligned(heap, bytes, align);
            if (ptr == NULL) { // as a run, or with more slack than the class above TINY notes
                assert_true(expected == NULL ||
                            size_class_bytes(size_class) >= bytes + STATE_SLACK_TINY);
                continue;
            }
            assert_ptr_equal(ptr, expected);
            assert_int_equal((uintptr_t)ptr % align, 0);
            assert_int_equal(locate(ptr).requested, bytes);
            assert_int_equal(heap_fast_size(churn.driver.arena, ptr), bytes);
            driver_free(&churn.driver, heap, ptr);
        }
        assert_null(heap_fast_alloc_aligned(heap, SIZE_MAX, align));
        assert_null(heap_fast_alloc_aligned(heap, SIZE_MAX - 20, align));
    }
    assert_null(heap_fast_alloc_aligned((struct heap *)&(const struct heap)HEAP_NONE, 100, 64));
    assert_true(driver_is_valid(&churn.driver));
    driver_end(&churn.driver);
}

static void the_size_of_a_chunk_is_told_by_its_start_alone(void **state)
{
    (void)state;
    struct heap *heap = begin(2);
    const struct arena *arena = churn.driver.arena;
    for (size_t bytes = 1; bytes <= 4096; bytes += 37) {
        char *ptr = alloc(heap, bytes);
        assert_int_equal(heap_fast_size(arena, ptr), bytes);
        assert_int_equal(heap_fast_size(arena, ptr + 1), 0);
        assert_int_equal(heap_fast_size(arena, ptr + 16), 0);
        driver_free(&churn.driver, churn.heaps[bytes % 2], ptr);
        assert_int_equal(heap_fast_size(arena, ptr), 0);
    }
    assert_int_equal(heap_fast_size(arena, alloc(heap, 100000)), 0);
    assert_int_equal(heap_fast_size(arena, NULL), 0);
    assert_int_equal(heap_fast_size(arena, (void *)UINTPTR_MAX), 0);
    driver_end(&churn.driver);
}

// Who has seen it live may find it freed by another thread, which is an error: its size is none, not beyond all bounds.
static void the_size_of_what_is_gone_is_none(void **state)
{
    (void)state;
    struct heap *heap = begin(1);
    for (size_t bytes = 1; bytes <= 30000; bytes = bytes * 3 + 1) {
        char *ptr = alloc(heap, bytes);
        const struct chunk chunk = locate(ptr);
        if (chunk.zone->kind != ZONE_LARGE) {
            void *at = zone_state_at(chunk.zone, chunk.index);
            assert_int_equal(heap_fast_requested(chunk.zone, at), bytes);
            driver_free(&churn.driver, heap, ptr);
            assert_int_equal(heap_fast_requested(chunk.zone, at), 0);
        }
    }
    driver_end(&churn.driver);
}

static void the_excess_of_a_small_chunk_lies_where_the_fast_path_looks(void **state)
{
    (void)state;
    struct heap *heap = begin(1);
    for (unsigned size_class = SIZE_CLASS_TINY_COUNT; size_class < SIZE_CLASS_COUNT; size_class++) {
        struct need need;
        struct zone *zone = arena_new_zone(churn.driver.arena, size_class, 0, 0, &need);
        while (zone == NULL) {
            assert_true(driver_meet(&churn.driver, &need));
            zone = arena_new_zone(churn.driver.arena, size_class, 0, 0, &need);
        }
        assert_in_range(zone->chunk_count, ZONE_CHUNKS_MIN, HEAP_SMALL_CHUNKS_MAX);
        void *last = zone_state_at(zone, zone->chunk_count - 1);
        assert_ptr_equal(heap_small_excess(last), zone_excess_of(zone, last));
        arena_delete_zone(churn.driver.arena, zone);
    }
    assert_true(heap_is_valid(heap));
    driver_end(&churn.driver);
}

static void the_fast_path_of_small_chunks_serves_no_others(void **state)
{
    (void)state;
    struct heap *heap = begin(1);
    struct arena *arena = churn.driver.arena;
    static const struct heap none = HEAP_NONE;
    for (size_t bytes = 0; bytes <= 2 * SIZE_CLASS_SMALL_MAX; bytes += 97) {
        assert_null(heap_small_alloc((struct heap *)&none, bytes));
        if (bytes <= SIZE_CLASS_TINY_MAX || bytes > SIZE_CLASS_SMALL_MAX) {
            driver_free(&churn.driver, heap, alloc(heap, bytes));
            void *ptr = alloc(heap, bytes);
            assert_null(heap_small_alloc(heap, bytes));
            assert_int_equal(heap_fast_free(heap, arena, ptr), bytes <= SIZE_CLASS_TINY_MAX);
            assert_int_equal(locate(ptr).status,
                             bytes <= SIZE_CLASS_TINY_MAX ? CHUNK_FREED : CHUNK_LIVE);
        }
    }
    assert_null(heap_small_alloc(heap, SIZE_MAX));
    assert_false(heap_fast_free(heap, arena, NULL));
    assert_false(heap_fast_free(heap, arena, heap));
    assert_false(heap_fast_free(heap, arena, (void *)UINTPTR_MAX));
    // A stack that is full.
    void *chunks[400];
    for (unsigned index = 0; index < 400; index++) {
        chunks[index] = alloc(heap, 2000);
    }
    assert_false(heap_fast_free(heap, arena, chunks[0])); // its zone is full, and nobody's
    driver_free(&churn.driver, heap, chunks[0]);
    unsigned fast = 1;
    while (fast < 400 && heap_fast_free(heap, arena, chunks[fast])) {
        fast++;
    }
    assert_in_range(fast, 2, 399);
    assert_int_equal(locate(chunks[fast]).status, CHUNK_LIVE);
    assert_true(driver_is_valid(&churn.driver));
    driver_end(&churn.driver);
}

// Where another unit has the map's entry, a chunk is freed as fast, but one step later.
static void a_chunk_that_is_not_near_is_freed_all_the_same(void **state)
{
    (void)state;
    struct heap *heap = begin(2);
    struct arena *arena = churn.driver.arena;
    struct zone_map_wide *wide = (struct zone_map_wide *)&arena->map - 1;
    for (size_t bytes = 0; bytes <= 4 * SIZE_CLASS_TINY_MAX; bytes += 41) {
        driver_free(&churn.driver, heap, alloc(heap, bytes));
        void *ptr = alloc(heap, bytes);
        _Atomic uintptr_t *entry = &wide->near[zone_map_near_index((uintptr_t)ptr)];
        uintptr_t near = *entry;
        const struct zone *others[] = {&arena->map.nothing,
                                       locate(alloc(heap, bytes % 512 + 640)).zone};
        for (unsigned other = 0; other < 2; other++) {
            *entry = (uintptr_t)others[other] - (uintptr_t)&arena->map;
            assert_false(heap_fast_free(heap, arena, ptr));
            assert_false(heap_fast_resize(arena, ptr, bytes));
        }
        assert_int_equal(locate(ptr).status, CHUNK_LIVE);
        assert_false(heap_far_free(churn.heaps[1], arena, ptr));
        assert_false(heap_far_free(heap, arena, (char *)ptr + 1));
        assert_true(heap_far_free(heap, arena, ptr));
        assert_int_equal(locate(ptr).status, CHUNK_FREED);
        assert_false(heap_far_free(heap, arena, ptr));
        *entry = near;
    }
    assert_false(heap_far_free(heap, arena, NULL));
    assert_false(heap_far_free(heap, arena, (void *)UINTPTR_MAX));
    assert_true(driver_is_valid(&churn.driver));
    driver_end(&churn.driver);
}

static void a_chunk_is_resized_where_it_is_unless_half_of_it_or_much_is_lost(void **state)
{
    (void)state;
    struct heap *heap = begin(2);
    struct arena *arena = churn.driver.arena;
    for (size_t each = 1; each <= 3 * SIZE_CLASS_TINY_MAX; each += 29) {
        unsigned char *ptr = alloc(heap, each);
        size_t capacity = locate(ptr).capacity;
        for (size_t bytes = 0; bytes <= 4 * SIZE_CLASS_TINY_MAX; bytes++) {
            bool stays =
                bytes <= capacity && 2 * bytes > capacity && capacity - bytes <= STATE_SLACK_ANY;
            size_t before = locate(ptr).requested;
            assert_int_equal(heap_fast_resize(arena, ptr, bytes), stays);
            assert_int_equal(locate(ptr).requested, stays ? bytes : before);
            struct chunk chunk = locate(ptr);
            assert_true(!stays || chunk_resize(&chunk, bytes));
        }
        assert_false(heap_fast_resize(arena, ptr, SIZE_MAX));
        assert_false(heap_fast_resize(arena, ptr + 1, capacity));
        assert_false(heap_fast_resize(arena, ptr + 16, capacity));
        driver_free(&churn.driver, heap, ptr);
        assert_false(heap_fast_resize(arena, ptr, capacity));
    }
    void *large = alloc(heap, 100000);
    assert_false(heap_fast_resize(arena, large, 100001));
    assert_false(heap_fast_resize(arena, NULL, 16));
    assert_false(heap_fast_resize(arena, (void *)UINTPTR_MAX, 16));
    assert_true(driver_is_valid(&churn.driver));
    driver_end(&churn.driver);
}

static void a_sized_free_takes_the_requested_size_and_no_other(void **state)
{
    (void)state;
    struct heap *heap = begin(2);
    struct arena *arena = churn.driver.arena;
    for (size_t bytes = 0; bytes <= SIZE_CLASS_TINY_MAX; bytes += 3) {
        driver_free(&churn.driver, heap, alloc(heap, bytes));
        unsigned char *ptr = alloc(heap, bytes);
        for (size_t other = 0; other <= 2 * SIZE_CLASS_TINY_MAX; other++) {
            assert_true(other == bytes || !heap_fast_free_sized(heap, arena, ptr, other));
        }
        assert_false(heap_fast_free_sized(heap, arena, ptr, SIZE_MAX));
        assert_false(heap_fast_free_sized(heap, arena, ptr, bytes - 256));
        assert_false(heap_fast_free_sized(churn.heaps[1], arena, ptr, bytes));
        assert_false(heap_fast_free_sized(heap, arena, ptr + 1, bytes));
        assert_int_equal(locate(ptr).requested, bytes);
        assert_true(heap_fast_free_sized(heap, arena, ptr, bytes));
        assert_int_equal(locate(ptr).status, CHUNK_FREED);
        assert_false(heap_fast_free_sized(heap, arena, ptr, bytes));
    }
    assert_false(heap_fast_free_sized(heap, arena, NULL, 0));
    assert_false(heap_fast_free_sized(heap, arena, (void *)UINTPTR_MAX, 16));
    assert_true(driver_is_valid(&churn.driver));
    driver_end(&churn.driver);
}

static void a_sized_free_of_a_small_chunk_takes_the_requested_size_and_no_other(void **state)
{
    (void)state;
    struct heap *heap = begin(2);
    struct arena *arena = churn.driver.arena;
    for (size_t bytes = SIZE_CLASS_TINY_MAX + 1; bytes <= 4096; bytes += 61) {
        driver_free(&churn.driver, heap, alloc(heap, bytes));
        unsigned char *ptr = alloc(heap, bytes);
        for (size_t other = 0; other <= 3 * bytes; other++) {
            assert_false(heap_fast_free_sized(heap, arena, ptr, other));
            assert_true(other == bytes || !heap_small_free_sized(heap, arena, ptr, other));
        }
        assert_false(heap_small_free_sized(heap, arena, ptr, SIZE_MAX));
        assert_false(heap_small_free_sized(churn.heaps[1], arena, ptr, bytes));
        assert_false(heap_small_free_sized(heap, arena, ptr + 1024, bytes));
        assert_int_equal(locate(ptr).requested, bytes);
        assert_true(heap_small_free_sized(heap, arena, ptr, bytes));
        assert_int_equal(locate(ptr).status, CHUNK_FREED);
        assert_false(heap_small_free_sized(heap, arena, ptr, bytes));
    }
    driver_free(&churn.driver, heap, alloc(heap, 500));
    assert_false(heap_small_free_sized(heap, arena, alloc(heap, 500), 500));
    assert_false(heap_small_free_sized(heap, arena, NULL, 0));
    assert_false(heap_small_free_sized(heap, arena, (void *)UINTPTR_MAX, 2000));
    assert_true(driver_is_valid(&churn.driver));
    driver_end(&churn.driver);
}

static void foreign_pointers_go_the_slow_way(void **state)
{
    (void)state;
    struct heap *heap = begin(1);
    struct random random = random_seeded(31);
    alloc(heap, 10);
    assert_false(heap_fast_free(heap, churn.driver.arena, NULL));
    assert_false(heap_fast_free(heap, churn.driver.arena, (void *)UINTPTR_MAX));
    assert_false(heap_fast_free(heap, churn.driver.arena, &heap));
    assert_false(heap_fast_free(heap, churn.driver.arena, heap));
    assert_false(heap_fast_free(heap, churn.driver.arena, churn.driver.arena));
    for (unsigned round = 0; round < 20000; round++) {
        uintptr_t address = (uintptr_t)(random_next(&random) >> (random_next(&random) % 64));
        assert_false(heap_fast_free(heap, churn.driver.arena, (void *)address));
    }
    for (unsigned bit = 0; bit < 64; bit++) {
        assert_false(heap_fast_free(heap, churn.driver.arena, (void *)((uintptr_t)1 << bit)));
    }
    assert_true(driver_is_valid(&churn.driver));
    driver_end(&churn.driver);
}

static void fast_and_slow_steps_mix_at_random(void **state)
{
    (void)state;
    struct random random = random_seeded(32);
    begin(2);
    churn.random = random;
    size_t fast_count = 0;
    for (unsigned step = 0; step < 20000; step++) {
        struct heap *heap = churn_heap(&churn);
        size_t bytes = random_size(&churn.random, SIZE_CLASS_TINY_MAX);
        bool more = random_chance(&churn.random, churn.held_count < 1500 ? 55 : 35);
        if (more || churn.held_count == 0) {
            unsigned char *ptr = heap_fast_alloc(heap, bytes);
            if (ptr == NULL) {
                assert_true(churn_alloc(&churn, heap, bytes, 16));
                continue;
            }
            fast_count++;
            memset(ptr, (int)(step % 200), bytes);
            churn.held[churn.held_count++] =
                (struct held){.ptr = ptr, .bytes = bytes, .fill = (unsigned char)(step % 200)};
            continue;
        }
        size_t index = random_below(&churn.random, (uint32_t)churn.held_count);
        struct held held = churn.held[index];
        assert_true(bytes_are(held.ptr, held.bytes, held.fill));
        if (heap_fast_free(heap, churn.driver.arena, held.ptr)) {
            churn.held[index] = churn.held[--churn.held_count];
            fast_count++;
        } else {
            churn_free(&churn, heap, index);
        }
        if (step % 1000 == 0) {
            churn_audit(&churn);
        }
    }
    assert_true(fast_count > 8000);
    churn_audit(&churn);
    churn_end(&churn);
}

static void a_grant_is_not_zero_if_there_is_none(void **state)
{
    (void)state;
    struct heap *heap = begin(1);
    for (size_t bytes = 0; bytes <= 2 * SIZE_CLASS_TINY_MAX; bytes += 33) {
        struct grant grant = heap_fast_grant(heap, bytes);
        assert_null(grant.ptr);
        assert_false(grant.is_zero);
    }
    driver_end(&churn.driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heap_none_has_nothing_and_takes_nothing),
        cmocka_unit_test(a_fast_chunk_is_what_the_slow_path_would_have_given),
        cmocka_unit_test(a_fresh_chunk_is_known_to_be_zero_and_a_reused_one_is_not),
        cmocka_unit_test(sizes_above_tiny_go_the_slow_way),
        cmocka_unit_test(an_empty_stack_goes_the_slow_way),
        cmocka_unit_test(a_full_stack_goes_the_slow_way),
        cmocka_unit_test(only_the_start_of_a_live_chunk_is_taken),
        cmocka_unit_test(small_chunks_are_served_fast_and_freed_as_all_are),
        cmocka_unit_test(the_fast_path_of_small_chunks_serves_no_others),
        cmocka_unit_test(a_chunk_that_is_not_near_is_freed_all_the_same),
        cmocka_unit_test(a_chunk_is_resized_where_it_is_unless_half_of_it_or_much_is_lost),
        cmocka_unit_test(a_sized_free_takes_the_requested_size_and_no_other),
        cmocka_unit_test(a_sized_free_of_a_small_chunk_takes_the_requested_size_and_no_other),
        cmocka_unit_test(a_small_chunk_with_room_is_one_of_a_larger_class),
        cmocka_unit_test(a_small_chunk_is_known_to_be_zero_until_it_is_freed),
        cmocka_unit_test(an_aligned_chunk_is_one_of_the_class_that_the_slow_way_takes),
        cmocka_unit_test(the_size_of_a_chunk_is_told_by_its_start_alone),
        cmocka_unit_test(the_size_of_what_is_gone_is_none),
        cmocka_unit_test(the_excess_of_a_small_chunk_lies_where_the_fast_path_looks),
        cmocka_unit_test(foreign_pointers_go_the_slow_way),
        cmocka_unit_test(fast_and_slow_steps_mix_at_random),
        cmocka_unit_test(a_grant_is_not_zero_if_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
