// SPDX-License-Identifier: MIT
#include "core/misuse.h"

#include "core/heap.h"
#include "tests/core/driver.h"
#include "tests/core/test.h"

static struct driver driver;
static struct heap *heap;
static struct heap *other;

static void begin(void)
{
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 65536,
                                                   .page_bytes = 4096,
                                                   .run_bytes_max = 1 << 20,
                                                   .section_bytes = 16 << 20,
                                                   .wide = true});
    heap = driver_acquire(&driver, 65536);
    other = driver_acquire(&driver, 65536);
}

static unsigned char *alloc(size_t bytes)
{
    unsigned char *ptr = driver_alloc(&driver, heap, bytes, 16).ptr;
    assert_non_null(ptr);
    return ptr;
}

static enum misuse_kind misuse_at(const void *ptr)
{
    struct chunk chunk = chunk_locate(driver.arena, ptr);
    return misuse_of(&chunk, ptr);
}

static void a_chunk_that_is_held_is_no_misuse_at_its_start_alone(void **state)
{
    (void)state;
    begin();
    for (size_t bytes = 1; bytes < 3000000; bytes = bytes * 3 + 1) {
        unsigned char *ptr = alloc(bytes);
        assert_int_equal(misuse_at(ptr), MISUSE_NONE);
        assert_int_equal(misuse_at(ptr + 1), MISUSE_INTERIOR);
        assert_int_equal(misuse_at(ptr + bytes - 1), bytes > 1 ? MISUSE_INTERIOR : MISUSE_NONE);
        assert_int_equal(misuse_at(ptr + bytes / 2 + 1), MISUSE_INTERIOR);
    }
    driver_end(&driver);
}

static void a_second_free_is_found_in_every_state(void **state)
{
    (void)state;
    begin();
    for (size_t bytes = 1; bytes < 1 << 20; bytes = bytes * 3 + 1) {
        unsigned char *held = alloc(bytes); // so that the zone stays
        unsigned char *freed = alloc(bytes);
        unsigned char *home = alloc(bytes);
        driver_free(&driver, heap, freed);
        driver_free(&driver, other, home);
        assert_int_equal(misuse_at(freed), MISUSE_DOUBLE_FREE); // in a stack, or free units
        assert_int_equal(misuse_at(home), MISUSE_DOUBLE_FREE);  // on its way
        assert_int_equal(misuse_at(freed + 1), MISUSE_DOUBLE_FREE);
        heap_flush(heap);
        assert_int_equal(misuse_at(freed), MISUSE_DOUBLE_FREE); // in its zone
        alloc(bytes);
        assert_int_equal(misuse_at(held), MISUSE_NONE);
    }
    driver_end(&driver);
}

static void a_zone_that_went_back_still_tells_a_double_free(void **state)
{
    (void)state;
    begin();
    unsigned char *chunks[200];
    for (unsigned index = 0; index < 200; index++) {
        chunks[index] = alloc(1024);
    }
    for (unsigned index = 0; index < 200; index++) {
        driver_free(&driver, heap, chunks[index]);
    }
    heap_flush(heap);
    driver_give_empty(&driver, heap);
    for (unsigned index = 0; index < 200; index++) {
        assert_int_equal(misuse_at(chunks[index]), MISUSE_DOUBLE_FREE);
    }
    driver_end(&driver);
}

static void a_chunk_that_was_never_handed_out_is_told(void **state)
{
    (void)state;
    begin();
    for (size_t bytes = 16; bytes <= 4096; bytes *= 2) {
        struct chunk chunk = chunk_locate(driver.arena, alloc(bytes));
        unsigned char *last = zone_chunk(chunk.zone, chunk.zone->chunk_count - 1);
        assert_int_equal(misuse_at(last), MISUSE_NEVER_ALLOCATED);
        assert_int_equal(misuse_at(last + 5), MISUSE_NEVER_ALLOCATED);
    }
    driver_end(&driver);
}

static void the_tail_of_a_zone_was_never_allocated(void **state)
{
    (void)state;
    begin();
    struct chunk chunk = chunk_locate(driver.arena, alloc(48));
    unsigned char *end = (unsigned char *)zone_base(chunk.zone) + 65536;
    assert_true(65536 % 48 != 0);
    assert_int_equal(misuse_at(end - 1), MISUSE_NEVER_ALLOCATED);
    assert_int_equal(misuse_at(end - 65536 % 48), MISUSE_NEVER_ALLOCATED);
    driver_end(&driver);
}

static void other_memory_is_foreign(void **state)
{
    (void)state;
    begin();
    alloc(10);
    assert_int_equal(misuse_at(NULL), MISUSE_FOREIGN);
    assert_int_equal(misuse_at(&driver), MISUSE_FOREIGN);
    assert_int_equal(misuse_at((void *)UINTPTR_MAX), MISUSE_FOREIGN);
    assert_int_equal(misuse_at(driver.arena), MISUSE_FOREIGN);
    driver_end(&driver);
}

static enum misuse_kind misuse_of_size_at(const void *ptr, size_t bytes)
{
    struct chunk chunk = chunk_locate(driver.arena, ptr);
    return misuse_of_size(driver.arena, &chunk, bytes);
}

static void a_sized_free_names_a_size_of_the_chunks_class(void **state)
{
    (void)state;
    begin();
    for (unsigned size_class = 0; size_class < 28; size_class++) {
        size_t most = size_class_bytes(size_class);
        unsigned char *ptr = alloc(most - 1);
        for (size_t bytes = 0; bytes < 5000; bytes++) {
            enum misuse_kind expected =
                size_class_of(bytes) == size_class ? MISUSE_NONE : MISUSE_WRONG_SIZE;
            assert_int_equal(misuse_of_size_at(ptr, bytes), expected);
        }
        assert_int_equal(misuse_of_size_at(ptr, SIZE_MAX), MISUSE_WRONG_SIZE);
        assert_int_equal(misuse_of_size_at(ptr, 1 << 20), MISUSE_WRONG_SIZE);
    }
    driver_end(&driver);
}

static void the_exact_size_of_an_aligned_chunk_is_right(void **state)
{
    (void)state;
    begin();
    for (size_t align = 16; align <= 65536; align *= 2) {
        for (size_t bytes = 1; bytes < 40000; bytes = bytes * 2 + 1) {
            void *ptr = driver_alloc(&driver, heap, bytes, align).ptr;
            assert_int_equal(misuse_of_size_at(ptr, bytes), MISUSE_NONE);
        }
    }
    driver_end(&driver);
}

static void a_sized_free_of_a_large_chunk_names_its_units(void **state)
{
    (void)state;
    begin();
    unsigned char *run = alloc(200000);
    assert_int_equal(misuse_of_size_at(run, 200000), MISUSE_NONE);
    assert_int_equal(misuse_of_size_at(run, 262144), MISUSE_NONE);
    assert_int_equal(misuse_of_size_at(run, 196609), MISUSE_NONE);
    assert_int_equal(misuse_of_size_at(run, 196608), MISUSE_WRONG_SIZE);
    assert_int_equal(misuse_of_size_at(run, 262145), MISUSE_WRONG_SIZE);
    assert_int_equal(misuse_of_size_at(run, SIZE_MAX), MISUSE_WRONG_SIZE);
    unsigned char *unit = alloc(40000);
    assert_int_equal(misuse_of_size_at(unit, 32769), MISUSE_NONE);
    assert_int_equal(misuse_of_size_at(unit, 32768), MISUSE_WRONG_SIZE); // a SMALL size
    unsigned char *mapping = alloc(3000000);
    assert_int_equal(misuse_of_size_at(mapping, 3000000), MISUSE_NONE);
    assert_int_equal(misuse_of_size_at(mapping, 100), MISUSE_WRONG_SIZE);
    assert_int_equal(misuse_of_size_at(mapping, 4000000), MISUSE_WRONG_SIZE);
    driver_end(&driver);
}

static void a_small_chunk_served_as_a_run_has_its_exact_size(void **state)
{
    (void)state;
    begin();
    unsigned char *ptr = alloc(20000);
    assert_int_equal(chunk_locate(driver.arena, ptr).zone->kind, ZONE_LARGE);
    assert_int_equal(misuse_of_size_at(ptr, 20000), MISUSE_NONE);
    assert_int_equal(misuse_of_size_at(ptr, 100), MISUSE_WRONG_SIZE);
    assert_int_equal(misuse_of_size_at(ptr, 66000), MISUSE_WRONG_SIZE);
    driver_end(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chunk_that_is_held_is_no_misuse_at_its_start_alone),
        cmocka_unit_test(a_second_free_is_found_in_every_state),
        cmocka_unit_test(a_zone_that_went_back_still_tells_a_double_free),
        cmocka_unit_test(a_chunk_that_was_never_handed_out_is_told),
        cmocka_unit_test(the_tail_of_a_zone_was_never_allocated),
        cmocka_unit_test(other_memory_is_foreign),
        cmocka_unit_test(a_sized_free_names_a_size_of_the_chunks_class),
        cmocka_unit_test(the_exact_size_of_an_aligned_chunk_is_right),
        cmocka_unit_test(a_sized_free_of_a_large_chunk_names_its_units),
        cmocka_unit_test(a_small_chunk_served_as_a_run_has_its_exact_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
