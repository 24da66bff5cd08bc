// SPDX-License-Identifier: MIT
// What an arena and its heaps do where the caller may have little memory in all (arena_config.space_mib): chunks that would
// leave much of a run or a zone unused get mappings, and no more is committed for records than is needed.
#include "core/heap.h"

#include "tests/core/driver.h"
#include "tests/core/test.h"

enum { UNIT = 65536, PAGE = 4096, MIB = 1 << 20, SPACE_MIB = 64, AREA_STEP = 16 << 10 };

static struct driver driver;
static struct heap *heap;

static void begin(void)
{
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT,
                                                   .page_bytes = PAGE,
                                                   .section_bytes = 16 * MIB,
                                                   .commits = true,
                                                   .wide = true});
    heap = driver_acquire(&driver, 2 * UNIT);
    assert_non_null(heap);
    driver.arena->config.space_mib = SPACE_MIB;
}

static void use(size_t bytes)
{
    struct need need;
    struct run run = arena_take_run(driver.arena, bytes, 1, &need);
    while (run.section == NULL && driver_meet(&driver, &need)) {
        run = arena_take_run(driver.arena, bytes, 1, &need);
    }
    assert_non_null(run.section);
}

static void begin_scarce(void)
{
    begin();
    use(SPACE_MIB / 64 * MIB);
    assert_true(arena_is_scarce(driver.arena));
}

static struct chunk chunk_of(size_t bytes)
{
    void *ptr = driver_alloc(&driver, heap, bytes, 16).ptr;
    assert_non_null(ptr);
    return chunk_locate(driver.arena, ptr);
}

static void memory_is_scarce_once_a_64th_of_it_is_in_use(void **state)
{
    (void)state;
    begin();
    struct arena *arena = driver.arena;
    use(MIB - (arena->used_unit_count << arena->unit_shift));
    assert_false(arena_is_scarce(arena));
    arena->mapping_bytes++; // what is mapped counts
    assert_true(arena_is_scarce(arena));
    arena->mapping_bytes--;
    use(UNIT);
    assert_true(arena_is_scarce(arena));
    arena->config.space_mib = SPACE_MIB + 4;
    assert_false(arena_is_scarce(arena));
    arena->config.space_mib = 0;
    assert_false(arena_is_scarce(arena));
    arena->config.space_mib = SPACE_MIB;
    // A process may have only so many mappings.
    arena->mapping_count = 4095;
    assert_true(arena_is_scarce(arena));
    arena->mapping_count = 4096;
    assert_false(arena_is_scarce(arena));
    arena->mapping_count = 0;
    driver_end(&driver);
}

static void the_space_may_be_the_largest_there_is(void **state)
{
    (void)state;
    begin();
    driver.arena->config.space_mib = UINT16_MAX;
    assert_true(arena_space_bytes(driver.arena) == (size_t)UINT16_MAX << 20);
    driver_end(&driver);
}

static void more_than_a_sixteenth_of_a_chunk_is_much_to_leave_unused(void **state)
{
    (void)state;
    begin();
    static const struct {
        size_t bytes;
        bool wastes;
    } samples[] = {
        {1, true},
        {16384, true},
        {48000, true},
        {UNIT - PAGE, true},
        {UNIT - 1, false},
        {UNIT, false},
        {UNIT + 1, true},
        {2 * UNIT - 2 * PAGE, true},
        {2 * UNIT - PAGE, false},
        {PAGE, true},
        {16 * UNIT + 1, false},
        {14 * UNIT + 1, true},
        {15 * UNIT + 1, false},
        {PTRDIFF_MAX, false},
    };
    for (size_t sample = 0; sample < sizeof samples / sizeof *samples; sample++) {
        assert_int_equal(large_wastes_unit(driver.arena, samples[sample].bytes),
                         samples[sample].wastes);
    }
    driver_end(&driver);
}

static void a_class_whose_zone_is_dear_gets_mappings_until_they_take_as_much(void **state)
{
    (void)state;
    begin_scarce();
    // Of 3072 bytes a hundred take more than 64 MiB / 256, of 2560 less.
    for (unsigned count = 0; count < 75; count++) {
        struct chunk chunk = chunk_of(3000);
        assert_int_equal(chunk.zone->kind, ZONE_MAPPED);
        assert_int_equal(chunk.capacity, PAGE);
        assert_int_equal(chunk.requested, 3000);
        assert_int_equal(driver_asks(&driver), 1);
        driver_free(&driver, heap, chunk.base);
    }
    assert_int_equal(driver.arena->zone_count, 0);
    assert_int_equal(chunk_of(3000).zone->kind, ZONE_SMALL);
    assert_int_equal(heap->stacks[size_class_of(3000)].served, 75);
    assert_int_equal(chunk_of(2560).zone->kind, ZONE_SMALL);
    assert_int_equal(chunk_of(16).zone->kind, ZONE_TINY);
    driver_end(&driver);
}

static void where_memory_is_not_scarce_it_gets_a_zone_at_once(void **state)
{
    (void)state;
    begin();
    assert_false(arena_is_scarce(driver.arena));
    assert_int_equal(chunk_of(3000).zone->kind, ZONE_SMALL);
    // The first few of a large class are runs.
    assert_int_equal(chunk_of(20000).zone->kind, ZONE_LARGE);
    use(MIB);
    assert_int_equal(chunk_of(20000).zone->kind, ZONE_MAPPED);
    assert_int_equal(heap->stacks[size_class_of(20000)].served, 2);
    // What has a zone by now is served from it.
    assert_int_equal(chunk_of(3000).zone->kind, ZONE_SMALL);
    driver_end(&driver);
}

static void a_mapping_that_may_not_be_is_not_counted(void **state)
{
    (void)state;
    begin_scarce();
    struct arena *arena = driver.arena;
    arena->config.limit_bytes = arena->used_unit_count << arena->unit_shift;
    struct need need;
    assert_null(heap_alloc(heap, 20000, 16, &need).ptr);
    assert_int_equal(need.kind, NEED_NOTHING);
    assert_int_equal(heap->stacks[size_class_of(20000)].served, 0);
    driver_end(&driver);
}

static void records_get_what_they_need(void **state)
{
    (void)state;
    begin();
    uintptr_t base = 1 << 20;
    struct section_shape shape = section_shape_of(base, 64 * MIB, 16, SECTION_RECORD_KINDS);
    struct need plan = arena_plan_section(driver.arena, base, 64 * MIB, 0);
    assert_int_equal(plan.commit[0].bytes, bits_align_up(shape.records + AREA_STEP, PAGE));
    driver.arena->config.space_mib = 0;
    plan = arena_plan_section(driver.arena, base, 64 * MIB, 0);
    assert_true(plan.commit[0].bytes > 32 * AREA_STEP);
    driver.arena->config.space_mib = SPACE_MIB;

    // However many units are committed, no more of the area is, until records want it.
    struct section *section = driver_add_section(&driver, 64 * MIB);
    size_t committed = section->area_committed;
    struct need more = arena_need_units(driver.arena, section, 900);
    assert_int_equal(more.kind, NEED_COMMIT);
    assert_int_equal(more.commit[0].bytes, 0);
    more = arena_need_record_area(driver.arena, section, 0);
    assert_int_equal(more.commit[0].base, (uintptr_t)section + committed);
    assert_int_equal(more.commit[0].bytes,
                     bits_align_up(section_record_bytes(section, 0) + AREA_STEP, PAGE));
    assert_true(driver_meet(&driver, &more));
    assert_int_equal(section->area_committed, committed + more.commit[0].bytes);
    driver_end(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_scarce_once_a_64th_of_it_is_in_use),
        cmocka_unit_test(the_space_may_be_the_largest_there_is),
        cmocka_unit_test(more_than_a_sixteenth_of_a_chunk_is_much_to_leave_unused),
        cmocka_unit_test(a_class_whose_zone_is_dear_gets_mappings_until_they_take_as_much),
        cmocka_unit_test(where_memory_is_not_scarce_it_gets_a_zone_at_once),
        cmocka_unit_test(a_mapping_that_may_not_be_is_not_counted),
        cmocka_unit_test(records_get_what_they_need),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
