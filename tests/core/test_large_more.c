// SPDX-License-Identifier: MIT
// LARGE chunks at their bounds: sizes and alignments of mappings, room for those that grow, and what is left
// of a mapping that the arena could not take in or has let go of.
#include "core/large.h"

#include "core/heap.h"
#include "core/misuse.h"
#include "tests/core/driver.h"
#include "tests/core/test.h"

enum { UNIT = 65536, PAGE = 4096, RUN_MAX = 1 << 20 };

static struct driver driver;
static struct heap *heap;

static void begin(bool wide)
{
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT,
                                                   .page_bytes = PAGE,
                                                   .run_bytes_max = wide ? RUN_MAX : 0,
                                                   .section_bytes = 32 << 20,
                                                   .wide = wide});
    heap = driver_acquire(&driver, UNIT);
}

static unsigned char *alloc(size_t bytes, size_t align)
{
    unsigned char *ptr = driver_alloc(&driver, heap, bytes, align).ptr;
    assert_non_null(ptr);
    return ptr;
}

static struct chunk locate(const void *ptr)
{
    return chunk_locate(driver.arena, ptr);
}

static void a_large_chunk_changes_its_size_where_it_is_without_a_lock(void **state)
{
    (void)state;
    for (unsigned wide = 0; wide < 2; wide++) {
        begin(wide != 0);
        unsigned char *ptr = alloc(200000, 16); // four units
        const size_t fits[] = {4 * UNIT, 5 * UNIT / 2, 3 * UNIT, 200001};
        for (unsigned sample = 0; sample < 4; sample++) {
            struct chunk chunk = locate(ptr);
            assert_true(chunk_resize(&chunk, fits[sample]));
            assert_int_equal(locate(ptr).requested, fits[sample]);
        }
        const size_t does_not[] = {4 * UNIT + 1, 2 * UNIT, 100000, 1, 0, SIZE_MAX};
        for (unsigned sample = 0; sample < 6; sample++) {
            struct chunk chunk = locate(ptr);
            assert_false(chunk_resize(&chunk, does_not[sample]));
            assert_int_equal(locate(ptr).requested, 200001);
        }
        assert_true(driver_is_valid(&driver));
        driver_end(&driver);
    }
}

static void a_large_chunk_that_becomes_small_had_better_move(void **state)
{
    (void)state;
    begin(false);
    // Less than half of what was requested, and small: although it is more than half of the run.
    unsigned char *ptr = alloc(UNIT, 16);
    struct chunk chunk = locate(ptr);
    assert_true(chunk_resize(&chunk, UNIT / 2 + 1));
    chunk = locate(ptr);
    assert_false(chunk_resize(&chunk, UNIT / 4));
    assert_int_equal(locate(ptr).requested, UNIT / 2 + 1);
    driver_end(&driver);
}

static void a_run_keeps_room_to_grow_again_and_gives_what_is_more(void **state)
{
    (void)state;
    begin(true);
    struct need need;
    // Of a run that never grew, the room of one that has, and a quarter beside.
    enum { SHORT = 7 * UNIT, FIT = 4 * UNIT };
    unsigned char *ptr = alloc(SHORT, 16);
    struct chunk chunk = locate(ptr);
    assert_false(chunk_resize(&chunk, FIT - 1));
    assert_true(chunk_resize(&chunk, FIT));
    // What grows gives nothing, however much room there is.
    assert_true(large_resize(driver.arena, &chunk, 2 * UNIT, &need));
    chunk = locate(ptr);
    assert_true(large_resize(driver.arena, &chunk, 2 * UNIT + 1, &need));
    chunk = locate(ptr);
    assert_int_equal(chunk.capacity, FIT);
    assert_true(chunk_resize(&chunk, 2 * UNIT + 2));
    driver_end(&driver);
}

static void a_long_run_keeps_a_mib_and_a_quarter(void **state)
{
    (void)state;
    begin(false);
    enum { BYTES = 24 << 20, MIB = 1 << 20, LEAST = (BYTES - MIB) / 5 * 4 };
    struct chunk chunk = locate(alloc(BYTES, 16));
    assert_true(chunk_resize(&chunk, BYTES / 5 * 4));
    assert_false(chunk_resize(&chunk, LEAST - 4));
    assert_true(chunk_resize(&chunk, LEAST + 4));
    driver_end(&driver);
}

static void a_mapping_changes_its_size_under_the_lock_alone(void **state)
{
    (void)state;
    begin(true);
    unsigned char *ptr = alloc(3 * RUN_MAX, 16);
    struct chunk chunk = locate(ptr);
    assert_false(chunk_resize(&chunk, 3 * RUN_MAX - 1));
    assert_int_equal(locate(ptr).requested, 3 * RUN_MAX);
    struct need need;
    assert_true(large_resize(driver.arena, &chunk, 3 * RUN_MAX / 2, &need));
    chunk = locate(ptr);
    assert_int_equal(chunk.requested, 3 * RUN_MAX / 2);
    assert_false(large_resize(driver.arena, &chunk, 3 * RUN_MAX + 1, &need));
    assert_int_equal(need.kind, NEED_NOTHING);
    driver_end(&driver);
}

static void expect_surplus(const struct chunk *chunk, size_t bytes)
{
    struct range surplus = large_surplus(driver.arena, chunk);
    assert_int_equal(surplus.bytes, bytes);
    if (bytes != 0) {
        assert_int_equal(surplus.base + bytes, (uintptr_t)chunk->base + chunk->capacity);
    }
}

static void a_mapping_loses_its_end_if_that_is_more_than_half(void **state)
{
    (void)state;
    begin(true);
    struct chunk run = locate(alloc(3 * UNIT, 16));
    unsigned char *ptr = alloc(4 * RUN_MAX, 16);
    struct need need;
    struct chunk chunk = locate(ptr);
    expect_surplus(&chunk, 0);
    assert_true(large_resize(driver.arena, &chunk, 2 * RUN_MAX, &need));
    expect_surplus(&chunk, 0);
    assert_true(large_resize(driver.arena, &chunk, 2 * RUN_MAX - PAGE, &need));
    expect_surplus(&chunk, 2 * RUN_MAX + PAGE);
    assert_true(large_resize(driver.arena, &chunk, PAGE + 1, &need));
    expect_surplus(&chunk, 4 * RUN_MAX - 2 * PAGE);
    assert_true(large_resize(driver.arena, &chunk, 0, &need));
    expect_surplus(&chunk, 4 * RUN_MAX - PAGE);
    // The system may refuse it: the chunk can have it again.
    assert_true(large_resize(driver.arena, &chunk, 4 * RUN_MAX, &need));
    expect_surplus(&chunk, 0);
    assert_true(large_resize(driver.arena, &chunk, RUN_MAX + 1, &need));
    size_t before = driver.arena->mapping_bytes;
    large_cut(driver.arena, &chunk, large_surplus(driver.arena, &chunk).bytes);
    chunk = locate(ptr);
    assert_int_equal(chunk.capacity, RUN_MAX + PAGE);
    assert_int_equal(chunk.requested, RUN_MAX + 1);
    assert_int_equal(before - driver.arena->mapping_bytes, 3 * RUN_MAX - PAGE);
    assert_int_equal(locate(ptr + RUN_MAX + PAGE).status, CHUNK_FOREIGN);
    expect_surplus(&chunk, 0);
    assert_true(large_resize(driver.arena, &run, UNIT, &need));
    expect_surplus(&run, 0);
    driver_end(&driver);
}

static void the_need_for_a_mapping_is_exact(void **state)
{
    (void)state;
    begin(true);
    const size_t most = PTRDIFF_MAX - PAGE;
    const struct {
        size_t bytes, align, wants; // wants 0: nothing helps
    } samples[] = {
        {0, 2 * RUN_MAX, PAGE},
        {1, 2 * RUN_MAX, PAGE},
        {PAGE, 2 * RUN_MAX, PAGE},
        {PAGE + 1, 2 * RUN_MAX, 2 * PAGE},
        {most - UNIT, 1, bits_align_up(most - UNIT, PAGE)},
        {most - RUN_MAX, RUN_MAX, bits_align_up(most - RUN_MAX, PAGE)},
        {most - RUN_MAX + 1, RUN_MAX, 0},
        {most + 1, 1, 0},
    };
    for (unsigned sample = 0; sample < sizeof(samples) / sizeof(*samples); sample++) {
        struct need need =
            large_need_for_mapping(driver.arena, samples[sample].bytes, samples[sample].align);
        assert_int_equal(need.kind, samples[sample].wants != 0 ? NEED_MAPPING : NEED_NOTHING);
        assert_int_equal(need.bytes, samples[sample].wants);
        size_t align = samples[sample].align > UNIT ? samples[sample].align : UNIT;
        assert_int_equal(need.align, samples[sample].wants != 0 ? align : 0);
    }
    driver_end(&driver);
}

static void runs_are_used_up_to_the_largest_and_its_alignment(void **state)
{
    (void)state;
    begin(true);
    assert_int_equal(locate(alloc(RUN_MAX, RUN_MAX)).zone->kind, ZONE_LARGE);
    assert_int_equal(locate(alloc(RUN_MAX + 1, 16)).zone->kind, ZONE_MAPPED);
    assert_int_equal(locate(alloc(10, 2 * RUN_MAX)).zone->kind, ZONE_MAPPED);
    unsigned char *empty = alloc(0, 2 * RUN_MAX);
    assert_int_equal(locate(empty).requested, 0);
    assert_int_equal(locate(empty).capacity, PAGE);
    driver_end(&driver);
}

static void a_refused_mapping_serves_what_it_fits_in_size_and_alignment(void **state)
{
    (void)state;
    begin(true);
    driver.keeps = true;
    // Several wait at once; each is found wherever it is in their list.
    unsigned char *kept[3];
    for (unsigned index = 0; index < 3; index++) {
        kept[index] = alloc((2 + 4 * index) * (size_t)RUN_MAX, 16);
    }
    for (unsigned index = 0; index < 3; index++) {
        driver_free(&driver, heap, kept[index]);
    }
    struct need need;
    assert_null(large_take(driver.arena, 2 * RUN_MAX, (size_t)1 << 40, &need).ptr);
    assert_ptr_equal(large_take(driver.arena, 4 * RUN_MAX, 16, &need).ptr, kept[1]);
    assert_ptr_equal(large_take(driver.arena, 2 * RUN_MAX, 16, &need).ptr, kept[0]);
    assert_null(large_take(driver.arena, 2 * RUN_MAX, 16, &need).ptr);
    assert_null(large_take(driver.arena, 5 * RUN_MAX - PAGE, 16, &need).ptr); // half is wasted
    assert_ptr_equal(large_take(driver.arena, 5 * RUN_MAX, 16, &need).ptr, kept[2]);
    assert_int_equal(locate(kept[2]).requested, 5 * RUN_MAX);
    assert_int_equal(driver.arena->mapping_count, 3);
    assert_int_equal(driver.arena->mapping_bytes, 18 * RUN_MAX);
    driver.keeps = false;
    for (unsigned index = 0; index < 3; index++) {
        driver_free(&driver, heap, kept[index]);
    }
    assert_int_equal(driver.arena->departing, 0);
    driver_end(&driver);
}

static void mappings_may_depart_in_any_order(void **state)
{
    (void)state;
    begin(true);
    unsigned char *ptrs[4];
    struct leaving leaving[4];
    for (unsigned index = 0; index < 4; index++) {
        ptrs[index] = alloc(2 * RUN_MAX, 16);
    }
    for (unsigned index = 0; index < 4; index++) {
        struct chunk chunk = locate(ptrs[index]);
        large_give(driver.arena, &chunk, &leaving[index]);
        assert_int_equal(driver.arena->mapping_count, 3 - index);
    }
    const unsigned order[] = {1, 3, 0, 2};
    for (unsigned index = 0; index < 4; index++) {
        assert_int_not_equal(driver.arena->departing, 0);
        driver_let_go(&driver, &leaving[order[index]]);
    }
    assert_int_equal(driver.arena->departing, 0);
    driver_end(&driver);
}

static void the_last_sixteen_departed_mappings_are_remembered(void **state)
{
    (void)state;
    begin(true);
    unsigned char *ptrs[ARENA_GONE_COUNT + 1];
    for (unsigned index = 0; index <= ARENA_GONE_COUNT; index++) {
        ptrs[index] = alloc(RUN_MAX + 1, 16);
    }
    driver.keeps = true; // so that no address comes twice
    for (unsigned index = 0; index <= ARENA_GONE_COUNT; index++) {
        driver_free(&driver, heap, ptrs[index]);
        unsigned told = 0;
        for (unsigned gone = 0; gone <= index; gone++) {
            struct chunk chunk = locate(ptrs[gone]);
            told += chunk.status == CHUNK_UNUSED;
            assert_int_equal(misuse_of(&chunk, ptrs[gone]),
                             chunk.status == CHUNK_UNUSED ? MISUSE_DOUBLE_FREE : MISUSE_FOREIGN);
            assert_int_equal(locate(ptrs[gone] + 1).status, CHUNK_FOREIGN);
        }
        assert_int_equal(told, index < ARENA_GONE_COUNT ? index + 1 : ARENA_GONE_COUNT);
    }
    assert_int_equal(locate(ptrs[0]).status, CHUNK_FOREIGN);
    assert_int_equal(locate(NULL).status, CHUNK_FOREIGN);
    driver_end(&driver);
}

static void a_mapping_without_a_record_or_a_leaf_stays_the_callers(void **state)
{
    (void)state;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT,
                                                   .page_bytes = PAGE,
                                                   .run_bytes_max = RUN_MAX,
                                                   .section_bytes = 2 << 20,
                                                   .wide = true});
    struct region region = region_new(2 << 20, UNIT, 0);
    struct range range = {.base = (uintptr_t)region.base, .bytes = region.bytes};
    // No section at all: neither a leaf nor a record can be had.
    struct need need;
    assert_null(large_adopt(driver.arena, range, 100, &need));
    assert_int_equal(need.kind, NEED_SECTION);
    assert_int_equal(driver.arena->mapping_count, 0);
    // A section without a free unit, whose records are all in use.
    const struct section *section = driver_add_section(&driver, 2 << 20);
    while (arena_take_run(driver.arena, 1, 1, &need).section != NULL) {
    }
    bool recycled;
    while (arena_take_record(driver.arena, NULL, SECTION_RECORD_MAPPED, &recycled, &need) != NULL) {
    }
    if (zone_map_leaf_missing(&driver.arena->map, range.base, 1) == 0) {
        assert_null(large_adopt(driver.arena, range, 100, &need));
        assert_int_equal(need.kind, NEED_SECTION);
        assert_int_equal(driver.arena->mapping_count, 0);
        assert_int_equal(chunk_locate(driver.arena, region.base).status, CHUNK_FOREIGN);
    }
    assert_int_equal(section->record_next, section->record_end);
    region_delete(&region);
    driver_end(&driver);
}

static void a_run_that_grows_takes_room_for_the_next_time(void **state)
{
    (void)state;
    begin(false);
    unsigned char *ptr = alloc(2 * UNIT, 16);
    struct chunk chunk = locate(ptr);
    struct need need;
    assert_true(large_resize(driver.arena, &chunk, 3 * UNIT, &need));
    chunk = locate(ptr);
    assert_int_equal(chunk.capacity, 4 * UNIT); // half as much again
    assert_true(large_resize(driver.arena, &chunk, 100 * UNIT, &need));
    chunk = locate(ptr);
    assert_int_equal(chunk.capacity, 116 * UNIT); // a mebibyte
    assert_int_equal(driver.arena->used_unit_count, 116 + 1);
    driver_end(&driver);
}

static void room_is_no_reason_to_refuse(void **state)
{
    (void)state;
    // The run may grow to the section's end, with room, exactly, and not beyond.
    for (uint32_t left = 0; left < 4; left++) {
        begin(false);
        struct section *section = arena_first_section(driver.arena);
        uint32_t units = section_runs(section)->unit_count;
        unsigned char *ptr = alloc(2 * UNIT, 16);
        uint32_t first = section_unit_of(section, ptr);
        struct chunk chunk = locate(ptr);
        struct need need;
        uint32_t most = units - first;
        assert_true(large_resize(driver.arena, &chunk, (size_t)(most - left) * UNIT, &need));
        assert_int_equal(locate(ptr).requested, (size_t)(most - left) * UNIT);
        chunk = locate(ptr);
        assert_false(large_resize(driver.arena, &chunk, (size_t)most * UNIT + 1, &need));
        assert_int_equal(need.kind, NEED_NOTHING);
        assert_true(driver_is_valid(&driver));
        driver_end(&driver);
    }
}

static void room_up_to_the_last_unit_is_taken(void **state)
{
    (void)state;
    begin(false);
    struct section *section = arena_first_section(driver.arena);
    // The heap has the first unit; a chunk of 3 in the next ones grows to 4, and takes 2 more.
    unsigned char *ptr = alloc(3 * UNIT, 16);
    uint32_t after = section_unit_of(section, ptr) + 3;
    struct need need;
    uint32_t units = section_runs(section)->unit_count;
    struct run rest = arena_take_run(driver.arena, (size_t)(units - after) * UNIT, 1, &need);
    assert_int_equal(rest.first, after);
    run_shrink(section_runs(section), after, 1);
    arena_count_unused(driver.arena, units - after - 1);
    run_give(section_runs(section), after, false);
    arena_count_unused(driver.arena, 1);
    struct chunk chunk = locate(ptr);
    assert_true(large_resize(driver.arena, &chunk, (size_t)(units - after + 3) * UNIT, &need));
    assert_int_equal(locate(ptr).capacity, (size_t)(units - after + 3) * UNIT);
    driver_end(&driver);
}

static void a_run_may_grow_over_a_whole_section(void **state)
{
    (void)state;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT});
    const struct section *section = driver_add_section(&driver, 8 << 20);
    uint32_t units = section_runs(section)->unit_count;
    struct need need;
    void *ptr = large_take(driver.arena, UNIT, 16, &need).ptr;
    struct chunk chunk = locate(ptr);
    // Sixteen units of room, and that is all there is.
    assert_true(large_resize(driver.arena, &chunk, (size_t)(units - 16) * UNIT, &need));
    assert_int_equal(locate(ptr).capacity, (size_t)units * UNIT);
    assert_int_equal(driver.arena->used_unit_count, units);
    driver_end(&driver);
}

// Lists and runs change under the lock: who has not got it is told of what the map leads to, and that is all that is held.
static void without_the_lock_only_what_the_map_tells_is_told(void **state)
{
    (void)state;
    for (unsigned wide = 0; wide < 2; wide++) {
        begin(wide != 0);
        unsigned char *tiny = alloc(48, 16);
        unsigned char *run = alloc(3 * UNIT, 16);
        unsigned char *mapping = wide != 0 ? alloc(3 * RUN_MAX, 16) : run;
        const void *const held[] = {tiny, run, mapping};
        const void *const told[] = {tiny + 47, tiny + 48, run + 1, run + UNIT - 1};
        const void *const untold[] = {run + UNIT,   mapping + UNIT, mapping + 2 * UNIT, &driver,
                                      driver.arena, NULL,           (void *)UINTPTR_MAX};
        for (unsigned index = 0; index < 3; index++) {
            struct chunk found = chunk_find(driver.arena, held[index]);
            assert_true(chunk_is_held_at(&found, held[index]));
            assert_int_equal(found.requested, locate(held[index]).requested);
        }
        for (unsigned index = 0; index < 4; index++) {
            struct chunk found = chunk_find(driver.arena, told[index]);
            struct chunk located = locate(told[index]);
            assert_int_equal(found.status, located.status);
            assert_ptr_equal(found.base, located.base);
        }
        for (unsigned index = 0; index < 7; index++) {
            assert_int_equal(chunk_find(driver.arena, untold[index]).status, CHUNK_UNTOLD);
            assert_null(chunk_find(driver.arena, untold[index]).zone);
            assert_int_not_equal(locate(untold[index]).status, CHUNK_UNTOLD);
        }
        if (wide != 0) {
            // Its record may be another's by then.
            assert_int_equal(chunk_find(driver.arena, mapping + 1).status, CHUNK_UNTOLD);
            assert_ptr_equal(locate(mapping + 1).base, mapping);
        }
        driver_end(&driver);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_chunk_changes_its_size_where_it_is_without_a_lock),
        cmocka_unit_test(a_large_chunk_that_becomes_small_had_better_move),
        cmocka_unit_test(a_run_keeps_room_to_grow_again_and_gives_what_is_more),
        cmocka_unit_test(a_long_run_keeps_a_mib_and_a_quarter),
        cmocka_unit_test(a_mapping_changes_its_size_under_the_lock_alone),
        cmocka_unit_test(a_mapping_loses_its_end_if_that_is_more_than_half),
        cmocka_unit_test(without_the_lock_only_what_the_map_tells_is_told),
        cmocka_unit_test(the_need_for_a_mapping_is_exact),
        cmocka_unit_test(runs_are_used_up_to_the_largest_and_its_alignment),
        cmocka_unit_test(a_refused_mapping_serves_what_it_fits_in_size_and_alignment),
        cmocka_unit_test(mappings_may_depart_in_any_order),
        cmocka_unit_test(the_last_sixteen_departed_mappings_are_remembered),
        cmocka_unit_test(a_mapping_without_a_record_or_a_leaf_stays_the_callers),
        cmocka_unit_test(a_run_that_grows_takes_room_for_the_next_time),
        cmocka_unit_test(room_is_no_reason_to_refuse),
        cmocka_unit_test(room_up_to_the_last_unit_is_taken),
        cmocka_unit_test(a_run_may_grow_over_a_whole_section),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
