// SPDX-License-Identifier: MIT
#include "core/heap.h"

#include "core/misuse.h"
#include "tests/core/churn.h"
#include "tests/core/test.h"

#include <string.h>

enum { REGION_BYTES = 1 << 18, HEAP_BYTES = 4096 };

static struct driver driver;
static struct heap *heap;

// One heap on one region that never grows.
static void begin(void)
{
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 1024});
    driver_add_section(&driver, REGION_BYTES);
    struct need need;
    heap = heap_acquire(driver.arena, HEAP_BYTES, &need);
    assert_non_null(heap);
}

static void end(void)
{
    assert_true(heap_is_valid(heap));
    driver_end(&driver);
}

static void *alloc(size_t bytes)
{
    struct need need;
    return heap_alloc(heap, bytes, 16, &need).ptr;
}

static void put(void *ptr)
{
    struct chunk chunk = chunk_locate(driver.arena, ptr);
    assert_true(chunk_is_held_at(&chunk, ptr));
    assert_true(heap_owns(heap, chunk.zone) || heap_take_back(heap, chunk.zone));
    assert_true(heap_put(heap, &chunk));
}

static size_t fill_with(size_t bytes, void **chunks, size_t most)
{
    size_t count = 0;
    while (count < most && (chunks[count] = alloc(bytes)) != NULL) {
        count++;
    }
    return count;
}

static void a_trim_gives_back_all_that_is_not_in_use(void **state)
{
    (void)state;
    begin();
    static void *chunks[4096];
    size_t own = driver.arena->used_unit_count;
    for (size_t bytes = 16; bytes <= 1024; bytes *= 2) {
        size_t count = fill_with(bytes, chunks, 200);
        for (size_t index = 0; index < count; index++) {
            put(chunks[index]);
        }
    }
    assert_true(driver.arena->zone_count >= 7);
    void *kept = alloc(48);
    heap_trim(heap);
    assert_int_equal(driver.arena->zone_count, 1);
    assert_true(heap_is_valid(heap));
    put(kept);
    heap_trim(heap);
    assert_int_equal(driver.arena->zone_count, 0);
    assert_int_equal(driver.arena->used_unit_count,
                     own + driver.arena->meta_unit_count - bits_divide_up(HEAP_BYTES, 1024));
    end();
}

static void the_last_resort_finds_what_stacks_and_empty_zones_hold(void **state)
{
    (void)state;
    begin();
    static void *chunks[16384];
    size_t count = fill_with(64, chunks, 16384);
    assert_null(alloc(2000));
    for (size_t index = 0; index < count; index++) {
        put(chunks[index]);
    }
    // One zone of the class stays, and the stack holds chunks of others.
    struct grant grant = heap_scrape(heap, 100000, 16);
    assert_non_null(grant.ptr);
    assert_int_equal(driver.arena->zone_count, 0);
    end();
}

static void the_last_resort_is_a_chunk_of_a_larger_class(void **state)
{
    (void)state;
    begin();
    static void *chunks[16384];
    size_t count = fill_with(112, chunks, 16384);
    assert_true(count > 1000);
    while (alloc(1) != NULL) {
    }
    assert_null(heap_scrape(heap, 40, 16).ptr);
    put(chunks[7]);
    // Neither an alignment nor more bytes than the chunk has can be served so.
    assert_null(heap_scrape(heap, 40, 64).ptr);
    assert_null(heap_scrape(heap, 113, 16).ptr);
    assert_null(heap_scrape(heap, SIZE_CLASS_SMALL_MAX + 1, 16).ptr);
    struct grant grant = heap_scrape(heap, 40, 16);
    assert_ptr_equal(grant.ptr, chunks[7]);
    assert_false(grant.is_zero);
    struct chunk chunk = chunk_locate(driver.arena, grant.ptr);
    assert_int_equal(chunk.requested, 40);
    assert_int_equal(chunk.capacity, 112);
    assert_int_equal(misuse_of_size(driver.arena, &chunk, 40), MISUSE_NONE);
    assert_int_equal(misuse_of_size(driver.arena, &chunk, 41), MISUSE_WRONG_SIZE);
    assert_null(heap_scrape(heap, 40, 16).ptr);
    end();
}

static void a_larger_chunk_must_be_able_to_note_the_slack(void **state)
{
    (void)state;
    begin();
    static void *chunks[16384];
    assert_true(fill_with(1024, chunks, 16384) > 100);
    while (alloc(1) != NULL) {
    }
    put(chunks[3]);
    assert_null(
        heap_scrape(heap, 1024 - size_class_slack_max(SIZE_CLASS_TINY_COUNT - 1) - 1, 16).ptr);
    assert_ptr_equal(
        heap_scrape(heap, 1024 - size_class_slack_max(SIZE_CLASS_TINY_COUNT - 1), 16).ptr,
        chunks[3]);
    end();
}

static void idle_heaps_are_trimmed_and_others_are_not(void **state)
{
    (void)state;
    begin();
    struct need need;
    struct heap *other = heap_acquire(driver.arena, HEAP_BYTES, &need);
    assert_non_null(other);
    struct chunk chunk = chunk_locate(driver.arena, heap_alloc(other, 30, 16, &need).ptr);
    heap_put(other, &chunk);
    put(alloc(30));
    assert_int_equal(driver.arena->zone_count, 2);
    heap_trim_idle(driver.arena);
    assert_int_equal(driver.arena->zone_count, 2);
    heap_retire(other);
    assert_int_equal(driver.arena->zone_count, 2); // a TINY zone stays for the next thread
    heap_trim_idle(driver.arena);
    assert_int_equal(driver.arena->zone_count, 1);
    end();
}

static void the_last_resort_finds_what_heaps_that_wait_for_a_thread_keep(void **state)
{
    (void)state;
    begin();
    struct need need;
    struct heap *other = heap_acquire(driver.arena, HEAP_BYTES, &need);
    assert_non_null(other);
    void *ptr = heap_alloc(other, 30, 16, &need).ptr;
    heap_retire(other);
    while (alloc(30) != NULL) {
    }
    // The other heap's zone becomes empty, and is the only one of its class.
    struct chunk chunk = chunk_locate(driver.arena, ptr);
    assert_true(heap_send(heap, driver.arena, &chunk));
    assert_null(alloc(30));
    assert_non_null(heap_scrape(heap, 30, 16).ptr);
    end();
}

static size_t held(const struct heap *of, size_t bytes)
{
    const struct heap_stack *stack = &of->stacks[size_class_of(bytes)];
    return (size_t)(stack->top - stack->bottom);
}

// Allocates and frees some TINY chunks, and some SMALL ones, which the heap has at hand then.
static void use(struct heap *by)
{
    static const size_t sizes[] = {30, 2000};
    for (unsigned size = 0; size < 2; size++) {
        void *chunks[20];
        for (unsigned index = 0; index < 20; index++) {
            chunks[index] = driver_alloc(&driver, by, sizes[size], 16).ptr;
            assert_non_null(chunks[index]);
        }
        for (unsigned index = 0; index < 20; index++) {
            driver_free(&driver, by, chunks[index]);
        }
        assert_true(held(by, sizes[size]) != 0);
    }
}

static void the_heap_that_is_handed_on_next_keeps_tiny_chunks_at_hand(void **state)
{
    (void)state;
    driver_begin(&driver, &(struct driver_options){
                              .unit_bytes = 4096,
                              .section_bytes = 16 << 20,
                              .dirty_bytes_max = 16 << 20,
                          });
    driver.arena->config.stack_bytes_max = 1 << 20;
    struct heap *first = driver_acquire(&driver, 64 << 10);
    struct heap *second = driver_acquire(&driver, 64 << 10);
    use(first);
    use(second);
    heap_retire(first);
    assert_true(held(first, 30) != 0);
    assert_int_equal(held(first, 2000), 0);
    assert_true(driver_is_valid(&driver));
    // Now it is another's turn.
    heap_retire(second);
    assert_int_equal(held(first, 30), 0);
    assert_true(held(second, 30) != 0);
    assert_true(driver_is_valid(&driver));
    size_t at_hand = held(second, 30);
    assert_ptr_equal(driver_acquire(&driver, 64 << 10), second);
    assert_int_equal(held(second, 30), at_hand);
    void *ptr = driver_alloc(&driver, second, 30, 16).ptr;
    assert_int_equal(held(second, 30), at_hand - 1);
    driver_free(&driver, second, ptr);
    // A trim takes them from a heap that waits.
    heap_retire(second);
    heap_trim_idle(driver.arena);
    assert_int_equal(held(second, 30), 0);
    assert_int_equal(driver.arena->zone_count, 0);
    assert_true(driver_is_valid(&driver));
    driver_end(&driver);
}

// Copies all there is of an arena, one region and the header below it, to where it may be used.
static void an_arena_that_moved_is_used_where_it_is(void **state)
{
    (void)state;
    enum { BYTES = 1 << 18, ARENA = (sizeof(struct arena) + 63) / 64 * 64 };
    struct region first = region_new(BYTES, 4096, 0);
    struct region second = region_new(BYTES, 4096, 0);
    struct arena *arena = (struct arena *)first.base;
    arena_init(arena, &(struct arena_config){
                          .page_bytes = 1024,
                          .unit_bytes = 1024,
                          .run_bytes_max = SIZE_MAX,
                          .dirty_bytes_max = SIZE_MAX,
                          .zone_bytes_max = SIZE_MAX,
                          .stack_bytes_max = 65536,
                      });
    assert_true(arena_add_section(arena, (uintptr_t)first.base + ARENA, BYTES - ARENA, NULL));
    struct need need;
    struct heap *owner = heap_acquire(arena, 8192, &need);
    void *chunks[100];
    for (unsigned index = 0; index < 100; index++) {
        chunks[index] = heap_alloc(owner, 40, 16, &need).ptr;
        memset(chunks[index], (int)index, 40);
    }
    for (unsigned index = 0; index < 100;
         index += 2) { // so many that the stack outgrows its memory twice
        struct chunk chunk = chunk_locate(arena, chunks[index]);
        heap_put(owner, &chunk);
    }
    memcpy(second.base, first.base, BYTES);
    memset(first.base, 0xEE, BYTES);
    uintptr_t distance = (uintptr_t)second.base - (uintptr_t)first.base;
    arena = (struct arena *)second.base;
    owner = (struct heap *)((uintptr_t)owner + distance);
    assert_true(arena_is_valid(arena) && heap_is_valid(owner));
    heap_revive(arena, NULL);
    assert_ptr_equal(heap_acquire(arena, 8192, &need), owner);
    assert_true(heap_is_valid(owner));
    for (unsigned index = 1; index < 100; index += 2) {
        struct chunk chunk = chunk_locate(arena, (void *)((uintptr_t)chunks[index] + distance));
        assert_int_equal(chunk.requested, 40);
        assert_true(bytes_are(chunk.base, 40, (unsigned char)index));
        heap_put(owner, &chunk);
    }
    for (unsigned index = 0; index < 300; index++) {
        assert_non_null(heap_alloc(owner, 40, 16, &need).ptr);
    }
    assert_true(arena_is_valid(arena) && heap_is_valid(owner));
    assert_true(bytes_are(first.base, BYTES, 0xEE));
    region_delete(&first);
    region_delete(&second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trim_gives_back_all_that_is_not_in_use),
        cmocka_unit_test(the_last_resort_finds_what_stacks_and_empty_zones_hold),
        cmocka_unit_test(the_last_resort_is_a_chunk_of_a_larger_class),
        cmocka_unit_test(a_larger_chunk_must_be_able_to_note_the_slack),
        cmocka_unit_test(idle_heaps_are_trimmed_and_others_are_not),
        cmocka_unit_test(the_last_resort_finds_what_heaps_that_wait_for_a_thread_keep),
        cmocka_unit_test(the_heap_that_is_handed_on_next_keeps_tiny_chunks_at_hand),
        cmocka_unit_test(an_arena_that_moved_is_used_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
