// SPDX-License-Identifier: MIT
#include "core/chunk.h"

#include "core/heap.h"
#include "tests/core/driver.h"
#include "tests/core/random.h"
#include "tests/core/test.h"

static struct driver driver;
static struct heap *heap;
static struct heap *other;

static void begin(bool wide)
{
    driver_begin(&driver, &(struct driver_options){.unit_bytes = wide ? 65536 : 4096,
                                                   .section_bytes = 16 << 20,
                                                   .wide = wide});
    heap = driver_acquire(&driver, 65536);
    other = driver_acquire(&driver, 65536);
}

static unsigned char *alloc(size_t bytes)
{
    unsigned char *ptr = driver_alloc(&driver, heap, bytes, 16).ptr;
    assert_non_null(ptr);
    return ptr;
}

static struct chunk locate(const void *ptr)
{
    return chunk_locate(driver.arena, ptr);
}

static void every_byte_of_a_chunk_leads_to_it_and_its_exact_size(void **state)
{
    (void)state;
    for (unsigned wide = 0; wide < 2; wide++) {
        begin(wide != 0);
        for (size_t bytes = 0; bytes <= 100000; bytes += 1 + bytes / 7) {
            unsigned char *ptr = alloc(bytes);
            size_t capacity = locate(ptr).capacity;
            for (size_t offset = 0; offset < capacity; offset += 1 + capacity / 257) {
                struct chunk chunk = locate(ptr + offset);
                assert_int_equal(chunk.status, CHUNK_LIVE);
                assert_ptr_equal(chunk.base, ptr);
                assert_int_equal(chunk.requested, bytes);
                assert_int_equal(chunk.capacity, capacity);
                assert_int_equal(chunk_is_held_at(&chunk, ptr + offset), offset == 0);
            }
            assert_ptr_not_equal(locate(ptr + capacity).base, ptr);
            assert_ptr_not_equal(locate(ptr - 1).base, ptr);
        }
        driver_end(&driver);
    }
}

static void every_state_of_a_chunk_has_its_status(void **state)
{
    (void)state;
    begin(false);
    for (size_t bytes = 16; bytes <= 4096; bytes *= 2) {
        unsigned char *live = alloc(bytes);
        unsigned char *freed = alloc(bytes);
        unsigned char *home = alloc(bytes);
        driver_free(&driver, heap, freed);
        driver_free(&driver, other, home);
        struct zone *zone = locate(live).zone;
        unsigned char *fresh = zone_chunk(zone, zone->chunk_count - 1);
        for (size_t offset = 0; offset < bytes; offset += bytes / 4) {
            assert_int_equal(locate(live + offset).status, CHUNK_LIVE);
            assert_int_equal(locate(freed + offset).status, CHUNK_FREED);
            assert_int_equal(locate(home + offset).status, CHUNK_HOME);
            assert_int_equal(locate(fresh + offset).status, CHUNK_FRESH);
            assert_ptr_equal(locate(freed + offset).base, freed);
            assert_int_equal(locate(freed + offset).requested, 0);
            assert_int_equal(locate(home + offset).requested, 0);
            assert_ptr_equal(locate(home + offset).base, home);
            assert_ptr_equal(locate(fresh + offset).base, fresh);
        }
    }
    driver_end(&driver);
}

static void a_status_follows_from_the_state_alone(void **state)
{
    (void)state;
    assert_int_equal(chunk_status_of(STATE_FRESH), CHUNK_FRESH);
    assert_int_equal(chunk_status_of(STATE_CLEAN), CHUNK_FREED);
    assert_int_equal(chunk_status_of(STATE_FREED), CHUNK_FREED);
    assert_int_equal(chunk_status_of(STATE_HOME), CHUNK_HOME);
    for (unsigned live = STATE_LIVE; live <= UINT16_MAX; live++) {
        assert_int_equal(chunk_status_of(live), CHUNK_LIVE);
    }
}

static void what_is_no_chunk_is_unused_or_foreign(void **state)
{
    (void)state;
    for (unsigned wide = 0; wide < 2; wide++) {
        begin(wide != 0);
        unsigned char *large = alloc(100000);
        struct zone *zone = locate(alloc(48)).zone;
        unsigned char *end =
            (unsigned char *)zone_base(zone) + zone->unit_count * (wide ? 65536 : 4096);
        assert_int_equal(locate(end - 1).status, CHUNK_NEVER); // the tail
        driver_free(&driver, heap, large);
        assert_int_equal(locate(large).status, CHUNK_UNUSED);
        assert_null(locate(large).zone);
        const struct section *section = arena_first_section(driver.arena);
        unsigned char *last = (unsigned char *)section + section->end - 1;
        assert_int_equal(locate(last).status, CHUNK_NEVER);
        assert_int_equal(locate(heap).status, CHUNK_NEVER); // the arena's own
        assert_int_equal(locate(last + 1).status, CHUNK_FOREIGN);
        assert_int_equal(locate(section).status, CHUNK_FOREIGN);
        assert_int_equal(locate(driver.arena).status, CHUNK_FOREIGN);
        assert_int_equal(locate(&driver).status, CHUNK_FOREIGN);
        assert_int_equal(locate(NULL).status, CHUNK_FOREIGN);
        assert_int_equal(locate((void *)UINTPTR_MAX).status, CHUNK_FOREIGN);
        assert_null(locate(NULL).zone);
        driver_end(&driver);
    }
}

static void expect_resize(void *ptr, size_t bytes)
{
    struct chunk chunk = locate(ptr);
    unsigned size_class = chunk.zone->size_class;
    bool fits = bytes <= chunk.capacity &&
                chunk.capacity - bytes <= size_class_slack_max(size_class) &&
                (bytes > chunk.requested / 2 || size_class_of(bytes) == size_class);
    assert_int_equal(chunk_resize(&chunk, bytes), fits);
    assert_int_equal(locate(ptr).requested, fits ? bytes : chunk.requested);
}

static void a_chunk_is_resized_to_what_fits_and_is_no_waste(void **state)
{
    (void)state;
    begin(false);
    struct random random = random_seeded(23);
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        size_t most = size_class_bytes(size_class);
        for (size_t count = 0; count < most / HEAP_BYTES_PER_RUN; count++) {
            alloc(most); // so that the class has a zone
        }
        unsigned char *ptr = alloc(most);
        assert_int_not_equal(locate(ptr).zone->kind, ZONE_LARGE);
        for (size_t bytes = 0; bytes <= most + 64; bytes += 1 + most / 400) {
            expect_resize(ptr, bytes);
            struct chunk chunk = locate(ptr);
            assert_true(chunk_resize(&chunk, most));
        }
        for (unsigned round = 0; round < 200; round++) {
            expect_resize(ptr, random_below(&random, (uint32_t)most + 2));
        }
        expect_resize(ptr, SIZE_MAX);
    }
    assert_true(driver_is_valid(&driver));
    driver_end(&driver);
}

static void units_of_records_never_held_a_chunk(void **state)
{
    (void)state;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 65536, .wide = true});
    driver_add_section(&driver, 2 << 20);
    struct need need;
    while (arena_new_zone(driver.arena, 0, 0, 0, &need) != NULL) {
    }
    const struct section *section = arena_first_section(driver.arena);
    const struct run_table *runs = section_runs(section);
    unsigned found = 0;
    for (uint32_t unit = 0; unit < runs->fresh; unit++) {
        if (run_unit(runs, unit)->kind == RUN_RECORDS) {
            const unsigned char *ptr = section_unit_at(section, unit);
            assert_int_equal(locate(ptr).status, CHUNK_NEVER);
            assert_int_equal(locate(ptr + 65535).status, CHUNK_NEVER);
            assert_null(locate(ptr).zone);
            found++;
        }
    }
    assert_true(found != 0);
    driver_end(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_of_a_chunk_leads_to_it_and_its_exact_size),
        cmocka_unit_test(every_state_of_a_chunk_has_its_status),
        cmocka_unit_test(a_status_follows_from_the_state_alone),
        cmocka_unit_test(what_is_no_chunk_is_unused_or_foreign),
        cmocka_unit_test(a_chunk_is_resized_to_what_fits_and_is_no_waste),
        cmocka_unit_test(units_of_records_never_held_a_chunk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
