// SPDX-License-Identifier: MIT
// Where the memory is: the parts add up after any history, and each is what a model of the program, the heaps' stacks
// and the zones' own counters say.
#include "core/census.h"

#include "tests/core/churn.h"
#include "tests/core/test.h"

#include <string.h>

enum { HEAP_BYTES = 65536 };

static struct churn churn;
static struct census census;

// ---- the model ----------------------------------------------------------------------------------

// What the program holds, by what it asked for, and where that lies.
static void model_held(struct census *model)
{
    for (size_t index = 0; index < churn.held_count; index++) {
        const struct held *held = &churn.held[index];
        struct chunk chunk = chunk_locate(churn.driver.arena, held->ptr);
        size_t rounding = chunk.capacity - held->bytes;
        if (chunk.zone->chunk_bytes != 0) {
            struct census_class *counts = &model->classes[chunk.zone->size_class];
            counts->live_count++;
            counts->live_bytes += held->bytes;
            counts->rounding_bytes += rounding;
        } else {
            struct census_large *counts =
                chunk.zone->kind == ZONE_MAPPED ? &model->mappings : &model->runs;
            counts->count++;
            counts->live_bytes += held->bytes;
            counts->rounding_bytes += rounding;
        }
        model->bytes[CENSUS_LIVE] += held->bytes;
    }
}

static void model_stacks(struct census *model)
{
    const struct arena *arena = churn.driver.arena;
    for (const struct heap *heap = offset_to(arena, arena->heaps); heap != NULL;
         heap = offset_to(arena, heap->next_heap)) {
        model->heap_count++;
        for (unsigned size_class = 0; size_class < heap->class_count; size_class++) {
            const struct heap_stack *stack = &heap->stacks[size_class];
            size_t count = (size_t)(stack->top - stack->bottom);
            model->classes[size_class].stack_count += count;
            model->bytes[CENSUS_STACKS] += count * size_class_bytes(size_class);
        }
    }
}

// A zone by its own counters. What is fresh is looked at: every byte of it is zero.
static void model_zone(struct census *model, const struct zone *zone)
{
    struct census_class *counts = &model->classes[zone->size_class];
    counts->zone_count++;
    model->bytes[CENSUS_ZONES] += (size_t)zone_available(zone) * zone->chunk_bytes;
    for (uint32_t index = 0; index < zone->chunk_count; index++) {
        unsigned state = zone_state(zone, index);
        if (state_is_zero(state)) {
            counts->fresh_count++;
            assert_true(bytes_are(zone_chunk(zone, index), zone->chunk_bytes, 0));
        } else if (chunk_status_of(state) == CHUNK_HOME) {
            counts->home_count++;
            model->bytes[CENSUS_HOME] += zone->chunk_bytes;
        }
        counts->free_count += !state_is_live(zone_state(zone, index));
    }
}

static void model_sections(struct census *model)
{
    const struct arena *arena = churn.driver.arena;
    for (struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        const struct run_table *runs = section_runs(section);
        for (uint32_t first = 0; first < runs->fresh; first += run_unit(runs, first)->length) {
            if (run_unit(runs, first)->kind == RUN_ZONE) {
                model_zone(model, zone_map_find(&arena->map, section_unit_at(section, first)));
            }
        }
        size_t clean = runs->free_count - runs->dirty_count;
        model->bytes[CENSUS_CLEAN] += clean << arena->unit_shift;
        model->bytes[CENSUS_DIRTY] += (size_t)runs->dirty_count << arena->unit_shift;
        model->section_count++;
    }
}

static void expect_class(unsigned size_class, const struct census_class *model)
{
    const struct census_class *counts = &census.classes[size_class];
    assert_int_equal(counts->zone_count, model->zone_count);
    assert_int_equal(counts->live_count, model->live_count);
    assert_int_equal(counts->live_bytes, model->live_bytes);
    assert_int_equal(counts->rounding_bytes, model->rounding_bytes);
    assert_int_equal(counts->free_count, model->free_count);
    assert_int_equal(counts->fresh_count, model->fresh_count);
    assert_int_equal(counts->home_count, model->home_count);
    assert_int_equal(counts->stack_count, model->stack_count);
    struct zone_layout layout = zone_layout_of(size_class, arena_unit_bytes(churn.driver.arena));
    size_t run_bytes = (size_t)layout.unit_count << churn.driver.arena->unit_shift;
    size_t chunks = (counts->live_count + counts->free_count) * size_class_bytes(size_class);
    assert_int_equal(counts->zone_bytes, counts->zone_count * run_bytes);
    assert_int_equal(counts->tail_bytes, counts->zone_bytes - chunks);
}

static void expect_large(const struct census_large *counts, const struct census_large *model)
{
    assert_int_equal(counts->count, model->count);
    assert_int_equal(counts->live_bytes, model->live_bytes);
    assert_int_equal(counts->rounding_bytes, model->rounding_bytes);
}

// Takes a census and holds every figure of it against the model.
static void expect_census(void)
{
    static struct census model;
    memset(&model, 0, sizeof(model));
    model_held(&model);
    model_stacks(&model);
    model_sections(&model);
    memset(&census, 0xA5, sizeof(census));
    census_take(churn.driver.arena, &census);
    assert_true(census_is_whole(&census));
    size_t rounding = model.runs.rounding_bytes + model.mappings.rounding_bytes;
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        expect_class(size_class, &model.classes[size_class]);
        rounding += model.classes[size_class].rounding_bytes;
        rounding += census.classes[size_class].tail_bytes;
    }
    expect_large(&census.runs, &model.runs);
    expect_large(&census.mappings, &model.mappings);
    const enum census_part parts[] = {CENSUS_LIVE, CENSUS_ZONES, CENSUS_STACKS,
                                      CENSUS_HOME, CENSUS_CLEAN, CENSUS_DIRTY};
    for (size_t part = 0; part < sizeof(parts) / sizeof(parts[0]); part++) {
        assert_int_equal(census.bytes[parts[part]], model.bytes[parts[part]]);
    }
    assert_int_equal(census.bytes[CENSUS_ROUNDING], rounding);
    assert_true(census.committed_bytes_max >= census.committed_bytes);
    assert_true(census.section_bytes_max >= census.section_bytes);
    assert_true(census.committed_bytes_max >= census.section_bytes_max);
    assert_int_equal(census.section_count, model.section_count);
    assert_int_equal(census.heap_count, model.heap_count);
}

static void run_program(unsigned steps, unsigned census_each)
{
    for (unsigned step = 0; step < steps; step++) {
        churn_step(&churn);
        if (step % census_each == 0) {
            expect_census();
        }
    }
    expect_census();
    churn_free_all(&churn);
    expect_census();
    assert_int_equal(census.bytes[CENSUS_LIVE], 0);
}

// All memory that the driver has given, and all of it accessible.
static size_t bytes_given(void)
{
    size_t bytes = churn.driver.arena_memory.bytes;
    for (size_t mapping = 0; mapping < DRIVER_MAPPINGS_MAX; mapping++) {
        bytes +=
            churn.driver.mappings[mapping].base != NULL ? churn.driver.mappings[mapping].bytes : 0;
    }
    const struct arena *arena = churn.driver.arena;
    for (const struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        bytes += section->end;
    }
    return bytes;
}

static size_t zero_bytes_in(const void *base, size_t count)
{
    size_t zeros = 0;
    for (size_t index = 0; index < count; index++) {
        zeros += ((const unsigned char *)base)[index] == 0;
    }
    return zeros;
}

// Untouched bytes are zero, so that there are no more of them than of zero bytes outside the program's chunks and
// mappings; and what the program and the arena have written is little more than what is left.
static void expect_untouched_is_zero(size_t written_least)
{
    const struct arena *arena = churn.driver.arena;
    size_t zeros = zero_bytes_in(churn.driver.arena_memory.base, churn.driver.arena_memory.bytes);
    for (const struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        size_t units = (size_t)section_runs(section)->committed << arena->unit_shift;
        zeros += zero_bytes_in(section, section->area_committed);
        zeros += zero_bytes_in(section_unit_at(section, 0), units);
    }
    assert_in_range(census.untouched_bytes, 1, zeros);
    assert_true(census.untouched_bytes <= census.committed_bytes - written_least);
}

// ---- random programs ----------------------------------------------------------------------------

static void the_parts_add_up_on_buffers_of_small_units(void **state)
{
    (void)state;
    struct random random = random_seeded(301);
    size_t home = 0;
    for (unsigned round = 0; round < 6; round++) {
        const struct driver_options options = {
            .unit_bytes = (size_t)256 << round % 3,
            .section_bytes = 1 << 20,
            .section_phase = 64 * (size_t)round,
            .zone_bytes_max = round % 2 != 0 ? 65536 : 0,
            .parcel_count = round % 3 != 0 ? 4 : 0,
        };
        churn_begin(&churn, &options, 1 + round % 4, 8192, random_next(&random));
        churn.held_most = 300 + 200 * (size_t)round;
        for (unsigned part = 0; part < 8; part++) {
            for (unsigned step = 0; step < 300; step++) {
                churn_step(&churn);
            }
            expect_census();
            home += census.bytes[CENSUS_HOME];
            // Everything is committed, to the last byte of each section.
            assert_int_equal(census.reserved_bytes, 0);
            assert_int_equal(census.committed_bytes, bytes_given());
        }
        churn_end(&churn);
    }
    assert_true(home != 0);
}

static void the_parts_add_up_on_sections_that_are_committed_as_needed(void **state)
{
    (void)state;
    const struct driver_options options = {
        .unit_bytes = 4096,
        .page_bytes = 4096,
        .section_bytes = 8 << 20,
        .commits = true,
    };
    churn_begin(&churn, &options, 3, HEAP_BYTES, 302);
    churn.held_most = 1000;
    churn.bytes_most = 300000;
    expect_census();
    size_t committed = census.committed_bytes;
    size_t reserved = census.reserved_bytes;
    run_program(3000, 100);
    assert_true(census.committed_bytes > committed);
    assert_int_equal(census.committed_bytes + census.reserved_bytes, bytes_given());
    assert_true(census.section_count > 1 || census.reserved_bytes < reserved);
    expect_untouched_is_zero(0);
    churn_end(&churn);
}

static void the_parts_add_up_on_a_wide_arena_with_mappings(void **state)
{
    (void)state;
    size_t most_mappings = 0;
    size_t most_home = 0;
    for (unsigned round = 0; round < 2; round++) {
        const struct driver_options options = {
            .unit_bytes = 65536,
            .page_bytes = 4096,
            .run_bytes_max = 400000,
            .dirty_bytes_max = 1 << 20,
            .parcel_count = 32,
            .section_bytes = 32 << 20,
            .commits = true,
            .wide = true,
        };
        churn_begin(&churn, &options, 4, HEAP_BYTES, 303 + round);
        churn.driver.keeps = round != 0; // the system takes nothing back
        churn.held_most = 400;
        churn.bytes_most = 2 << 20;
        for (unsigned part = 0; part < 20; part++) {
            for (unsigned step = 0; step < 100; step++) {
                churn_step(&churn);
            }
            expect_census();
            assert_int_equal(census.committed_bytes + census.reserved_bytes, bytes_given());
            size_t mappings = census.mappings.count;
            most_mappings = mappings > most_mappings ? mappings : most_mappings;
            most_home += census.classes[0].home_count;
            // Mappings that the system would not take.
            assert_true(round != 0 || census.bytes[CENSUS_LEAVING] == 0);
        }
        assert_true(round == 0 || census.bytes[CENSUS_LEAVING] != 0);
        expect_untouched_is_zero(census.bytes[CENSUS_LIVE] + census.bytes[CENSUS_DIRTY]);
        assert_int_equal(census.heap_bytes, (size_t)4 * HEAP_BYTES);
        assert_int_equal(census.leaf_bytes % (ZONE_MAP_LEAF_ENTRIES * sizeof(uintptr_t)), 0);
        assert_true(census.leaf_bytes != 0);
        run_program(500, 100);
        churn_end(&churn);
    }
    assert_true(most_mappings > 3);
    assert_true(most_home != 0);
}

// ---- by hand ------------------------------------------------------------------------------------

static void an_arena_without_sections_is_metadata(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 4096});
    census_take(driver.arena, &census);
    assert_true(census_is_whole(&census));
    assert_int_equal(census.committed_bytes, sizeof(struct arena));
    assert_int_equal(census.committed_bytes_max, sizeof(struct arena));
    assert_int_equal(census.section_bytes, sizeof(struct arena));
    assert_int_equal(census.section_bytes_max, sizeof(struct arena));
    assert_int_equal(census.bytes[CENSUS_METADATA], sizeof(struct arena));
    assert_int_equal(census.untouched_bytes, 0);
    driver_end(&driver);
}

static void one_chunk_is_told_to_the_byte(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 4096});
    driver_add_section(&driver, 1 << 20);
    struct heap *heap = driver_acquire(&driver, 8192);
    void *ptr = driver_alloc(&driver, heap, 42, 16).ptr;
    census_take(driver.arena, &census);
    const struct census_class *counts = &census.classes[size_class_of(42)];
    uint32_t chunks = zone_layout_of(size_class_of(42), 4096).chunk_count;
    assert_true(census_is_whole(&census));
    assert_int_equal(census.bytes[CENSUS_LIVE], 42);
    assert_int_equal(counts->rounding_bytes, 6);
    assert_int_equal(counts->live_count, 1);
    assert_int_equal(counts->free_count, chunks - 1);
    assert_int_equal(counts->fresh_count, chunks - 1);
    driver_free(&driver, heap, ptr);
    census_take(driver.arena, &census);
    assert_int_equal(census.bytes[CENSUS_LIVE], 0);
    assert_int_equal(counts->free_count, chunks);
    assert_int_equal(counts->fresh_count, chunks - 1);
    driver_end(&driver);
}

static void a_range_on_its_way_to_the_system_is_counted_as_that(void **state)
{
    (void)state;
    enum { UNIT = 4096, BYTES = 8 << 20 };
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT, .dirty_bytes_max = 1});
    driver_add_section(&driver, 16 << 20);
    struct need need;
    struct run run = arena_take_run(driver.arena, BYTES, 1, &need);
    struct run apart = arena_take_run(driver.arena, UNIT, 1, &need);
    assert_true(run.section != NULL && apart.section != NULL);
    struct leaving leaving = {.kind = LEAVING_NOTHING};
    arena_give_run(driver.arena, run.section, run.first);
    assert_true(arena_next_leaving(driver.arena, &leaving));
    census_take(driver.arena, &census);
    assert_true(census_is_whole(&census));
    assert_int_equal(census.bytes[CENSUS_LEAVING], BYTES);
    assert_int_equal(census.free_run_count, 0);
    driver_let_go(&driver, &leaving);
    census_take(driver.arena, &census);
    assert_true(census_is_whole(&census));
    assert_int_equal(census.bytes[CENSUS_LEAVING], 0);
    assert_int_equal(census.bytes[CENSUS_CLEAN], BYTES);
    assert_int_equal(census.free_run_count, 1);
    arena_give_run(driver.arena, apart.section, apart.first);
    census_take(driver.arena, &census);
    assert_int_equal(census.bytes[CENSUS_CLEAN] + census.bytes[CENSUS_DIRTY], BYTES + UNIT);
    driver_end(&driver);
}

// A caller's memory may hold anything: only what was cut clean is known to be zero, which is nothing here.
static void memory_that_may_hold_anything_is_not_untouched(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 4096});
    driver.arena->config.is_dirty = true;
    driver_add_section(&driver, 1 << 20);
    struct heap *heap = driver_acquire(&driver, 8192);
    assert_non_null(driver_alloc(&driver, heap, 42, 16).ptr);
    assert_non_null(driver_alloc(&driver, heap, 10000, 16).ptr);
    census_take(driver.arena, &census);
    assert_true(census_is_whole(&census));
    assert_true(census.bytes[CENSUS_VIRGIN] != 0);
    assert_int_equal(census.untouched_bytes, 0);
    assert_int_equal(census.heap_bytes, 8192);
    assert_int_equal(census.leaf_bytes, 0);
    driver_end(&driver);
}

// What no one has written, to the byte.
static void an_untouched_section_is_told_to_the_byte(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 4096});
    struct section *section = driver_add_section(&driver, 1 << 20);
    const struct run_table *runs = section_runs(section);
    census_take(driver.arena, &census);
    size_t units = (size_t)runs->unit_count * 4096;
    size_t entries = runs->unit_count * sizeof(struct unit);
    size_t records = section->record_end - section->record_next;
    assert_int_equal(census.untouched_bytes, units + entries + records);
    assert_int_equal(census.bytes[CENSUS_VIRGIN], units);
    struct heap *heap = driver_acquire(&driver, 8192);
    census_take(driver.arena, &census);
    size_t unused = heap->memory_end - heap->memory;
    assert_int_equal(heap->memory_unused, unused);
    assert_int_equal(census.untouched_bytes,
                     units + entries + records + unused - 8192 - 2 * sizeof(struct unit));
    // A heap that was revived may have used it all.
    heap_revive(driver.arena, heap);
    struct census other;
    census_take(driver.arena, &other);
    assert_int_equal(other.untouched_bytes, census.untouched_bytes - unused);
    driver_end(&driver);
}

// Of the map of a wide arena a word is written for each leaf, and two for each unit that was used.
static void an_untouched_map_is_told_to_the_byte(void **state)
{
    (void)state;
    const struct driver_options options = {.unit_bytes = 65536, .page_bytes = 4096, .wide = true};
    struct driver driver;
    driver_begin(&driver, &options);
    census_take(driver.arena, &census);
    assert_true(census_is_whole(&census));
    assert_int_equal(census.untouched_bytes, sizeof(struct zone_map_wide));
    struct section *section = driver_add_section(&driver, 16 << 20);
    const struct run_table *runs = section_runs(section);
    census_take(driver.arena, &census);
    size_t leaf_bytes = ZONE_MAP_LEAF_ENTRIES * sizeof(uintptr_t);
    size_t leaf_count = census.leaf_bytes / leaf_bytes;
    assert_in_range(leaf_count, 1, 2);
    assert_int_equal(census.leaf_bytes, leaf_count * leaf_bytes);
    size_t words = leaf_count + 2 * (size_t)runs->fresh;
    size_t expected = sizeof(struct zone_map_wide) + census.leaf_bytes - words * sizeof(uintptr_t) +
                      (size_t)(runs->unit_count - runs->fresh) * (65536 + sizeof(struct unit)) +
                      section->record_end - section->record_next;
    assert_int_equal(census.untouched_bytes, expected);
    // What rests of its tables is not committed, and so little is left of them that no unit can have an entry there.
    size_t committed = census.committed_bytes;
    size_t most = census.committed_bytes_max;
    struct zone_map_wide *wide = (struct zone_map_wide *)driver.arena - 1;
    wide->resting_bytes = sizeof(*wide);
    census_take(driver.arena, &census);
    assert_true(census_is_whole(&census));
    assert_int_equal(census.committed_bytes, committed - sizeof(*wide));
    assert_int_equal(census.committed_bytes_max, most - sizeof(*wide));
    size_t near = runs->fresh * sizeof(uintptr_t);
    assert_int_equal(census.untouched_bytes, expected + near - sizeof(*wide));
    driver_end(&driver);
}

// What nobody has is cut off a section: first of its area for records, which leaves a hole, then of its units.
static void what_was_cut_off_is_counted_nowhere(void **state)
{
    (void)state;
    const struct driver_options options = {.unit_bytes = 4096, .space_mib = 1024, .commits = true};
    struct driver driver;
    driver_begin(&driver, &options);
    struct section *section = driver_add_section(&driver, 128 << 20);
    census_take(driver.arena, &census);
    size_t committed = census.committed_bytes;
    size_t reserved = census.reserved_bytes;
    assert_int_equal(committed + reserved, sizeof(struct arena) + section->end);
    for (unsigned part = 0; part < 2; part++) {
        struct range tail;
        assert_ptr_equal(arena_find_tail(driver.arena, &tail), section);
        arena_cut_tail(driver.arena, section);
        census_take(driver.arena, &census);
        assert_true(census_is_whole(&census));
        assert_int_equal(census.committed_bytes + census.reserved_bytes,
                         committed + reserved - tail.bytes);
        reserved = census.reserved_bytes;
        committed = census.committed_bytes;
    }
    assert_int_equal(reserved, 0);
    driver_end(&driver);
}

// What is committed in sections by now, in all, and the most that either was.
static void expect_committed(const struct arena *arena, size_t sections, size_t all,
                             size_t sections_max, size_t all_max)
{
    census_take(arena, &census);
    assert_true(census_is_whole(&census));
    assert_true(arena_is_valid(arena));
    assert_int_equal(census.section_bytes, sections);
    assert_int_equal(census.committed_bytes, all);
    assert_int_equal(census.section_bytes_max, sections_max);
    assert_int_equal(census.committed_bytes_max, all_max);
}

static void the_most_that_was_mapped_stays_known(void **state)
{
    (void)state;
    enum { RUN_MAX = 1 << 20, MAPPED = 4 << 20 };
    const struct driver_options options = {.unit_bytes = 65536,
                                           .page_bytes = 4096,
                                           .run_bytes_max = RUN_MAX,
                                           .section_bytes = 16 << 20,
                                           .commits = true,
                                           .wide = true};
    struct driver driver;
    driver_begin(&driver, &options);
    struct heap *heap = driver_acquire(&driver, HEAP_BYTES);
    void *first = driver_alloc(&driver, heap, MAPPED, 16).ptr;
    void *second = driver_alloc(&driver, heap, MAPPED, 16).ptr;
    census_take(driver.arena, &census);
    size_t sections = census.section_bytes;
    size_t most = sections + (size_t)2 * MAPPED;
    expect_committed(driver.arena, sections, most, sections, most);
    driver_free(&driver, heap, first);
    expect_committed(driver.arena, sections, most - MAPPED, sections, most);
    first = driver_alloc(&driver, heap, MAPPED, 16).ptr;
    expect_committed(driver.arena, sections, most, sections, most);
    // What the system would not take is still there, and serves again.
    driver.keeps = true;
    driver_free(&driver, heap, second);
    expect_committed(driver.arena, sections, most, sections, most);
    second = driver_alloc(&driver, heap, MAPPED, 16).ptr;
    expect_committed(driver.arena, sections, most, sections, most);
    void *third = driver_alloc(&driver, heap, MAPPED, 16).ptr;
    expect_committed(driver.arena, sections, most + MAPPED, sections, most + MAPPED);
    driver.keeps = false;
    driver_free(&driver, heap, first);
    driver_free(&driver, heap, second);
    driver_free(&driver, heap, third);
    expect_committed(driver.arena, sections, sections, sections, most + MAPPED);
    driver_end(&driver);
}

static void the_most_that_sections_had_stays_known(void **state)
{
    (void)state;
    const struct driver_options options = {.unit_bytes = 4096, .space_mib = 1024, .commits = true};
    struct driver driver;
    driver_begin(&driver, &options);
    struct section *section = driver_add_section(&driver, 128 << 20);
    census_take(driver.arena, &census);
    size_t before = census.section_bytes;
    expect_committed(driver.arena, before, before, before, before);
    struct need need =
        arena_need_units(driver.arena, section, section_runs(section)->committed + 1);
    assert_true(driver_meet(&driver, &need));
    size_t most = before + need.commit[0].bytes + need.commit[1].bytes;
    assert_true(need.commit[1].bytes != 0);
    expect_committed(driver.arena, most, most, most, most);
    // First the area for records is cut, which was not committed, then the units, some of which were.
    arena_cut_tail(driver.arena, section);
    expect_committed(driver.arena, most, most, most, most);
    arena_cut_tail(driver.arena, section);
    size_t left = section_committed_bytes(section) + sizeof(struct arena);
    assert_true(left < before);
    expect_committed(driver.arena, left, left, most, most);
    driver_add_section(&driver, 1 << 20);
    census_take(driver.arena, &census);
    assert_true(census.section_bytes > left && census.section_bytes < most);
    assert_int_equal(census.section_bytes_max, most);
    driver_end(&driver);
}

static void a_run_of_records_is_metadata_and_no_leaf(void **state)
{
    (void)state;
    enum { UNIT = 4096 };
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT});
    struct section *section = driver_add_section(&driver, 1 << 20);
    census_take(driver.arena, &census);
    size_t metadata = census.bytes[CENSUS_METADATA];
    struct need need;
    struct run run = arena_take_meta(driver.arena, (size_t)3 * UNIT, &need);
    assert_ptr_equal(run.section, section);
    run_mark(section_runs(section), run.first, RUN_RECORDS, 0);
    census_take(driver.arena, &census);
    assert_true(census_is_whole(&census));
    assert_int_equal(census.bytes[CENSUS_METADATA], metadata + (size_t)3 * UNIT);
    assert_int_equal(census.leaf_bytes, 0);
    driver_end(&driver);
}

// Records take the section's last units, and runs when those are in use.
static void units_that_went_to_records_are_metadata(void **state)
{
    (void)state;
    enum { UNIT = 4096, BYTES = 1 << 20 };
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT});
    struct section *section = driver_add_section(&driver, BYTES);
    census_take(driver.arena, &census);
    size_t metadata = census.bytes[CENSUS_METADATA];
    struct need need;
    size_t zones = 0;
    while (arena_new_zone(driver.arena, 0, 0, 0, &need) != NULL) {
        zones++;
        census_take(driver.arena, &census);
        assert_true(census_is_whole(&census));
        assert_int_equal(census.reserved_bytes, 0);
        assert_int_equal(census.committed_bytes, sizeof(struct arena) + section->end);
        assert_int_equal(census.classes[0].zone_bytes, zones * UNIT);
    }
    assert_true(section->cut_count != 0);
    size_t given = (section->cut_count + driver.arena->meta_unit_count) * UNIT;
    assert_int_equal(census.bytes[CENSUS_METADATA], metadata + given);
    // The units are gone, and those that records lie in are not told as untouched.
    size_t fresh = census.classes[0].fresh_count * size_class_bytes(0);
    assert_int_equal(census.bytes[CENSUS_VIRGIN], 0);
    assert_int_equal(census.untouched_bytes, fresh);
    driver_end(&driver);
}

// What a thread may leave for a moment while it moves its stack.
static void a_stack_that_is_being_moved_spoils_nothing(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 4096});
    driver_add_section(&driver, 1 << 20);
    struct heap *heap = driver_acquire(&driver, 8192);
    driver_free(&driver, heap, driver_alloc(&driver, heap, 42, 16).ptr);
    unsigned size_class = size_class_of(42);
    struct heap_stack *stack = &heap->stacks[size_class];
    struct heap_stack before = *stack;
    census_take(driver.arena, &census);
    size_t stacked = census.classes[size_class].stack_count;
    size_t all = census.classes[size_class].free_count;
    assert_int_equal(stacked, before.top - before.bottom);
    assert_true(stacked != 0 && stacked < all);
    stack->top = before.bottom - 1;
    census_take(driver.arena, &census);
    assert_true(census_is_whole(&census));
    assert_int_equal(census.classes[size_class].stack_count, 0);
    assert_int_equal(census.bytes[CENSUS_ZONES], all * 48);
    stack->top = before.bottom + 60000;
    census_take(driver.arena, &census);
    assert_true(census_is_whole(&census));
    assert_int_equal(census.classes[size_class].stack_count, all);
    assert_int_equal(census.bytes[CENSUS_ZONES], 0);
    *stack = before;
    driver_end(&driver);
}

static void a_sum_that_is_not_whole_is_seen(void **state)
{
    (void)state;
    struct driver driver;
    driver_begin(&driver, &(struct driver_options){.unit_bytes = 4096});
    driver_add_section(&driver, 1 << 20);
    for (unsigned part = 0; part < CENSUS_PART_COUNT; part++) {
        census_take(driver.arena, &census);
        assert_true(census_is_whole(&census));
        census.bytes[part]++;
        assert_false(census_is_whole(&census));
    }
    driver_end(&driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_parts_add_up_on_buffers_of_small_units),
        cmocka_unit_test(the_parts_add_up_on_sections_that_are_committed_as_needed),
        cmocka_unit_test(the_parts_add_up_on_a_wide_arena_with_mappings),
        cmocka_unit_test(an_arena_without_sections_is_metadata),
        cmocka_unit_test(one_chunk_is_told_to_the_byte),
        cmocka_unit_test(a_range_on_its_way_to_the_system_is_counted_as_that),
        cmocka_unit_test(memory_that_may_hold_anything_is_not_untouched),
        cmocka_unit_test(an_untouched_section_is_told_to_the_byte),
        cmocka_unit_test(an_untouched_map_is_told_to_the_byte),
        cmocka_unit_test(what_was_cut_off_is_counted_nowhere),
        cmocka_unit_test(the_most_that_was_mapped_stays_known),
        cmocka_unit_test(the_most_that_sections_had_stays_known),
        cmocka_unit_test(a_run_of_records_is_metadata_and_no_leaf),
        cmocka_unit_test(units_that_went_to_records_are_metadata),
        cmocka_unit_test(a_stack_that_is_being_moved_spoils_nothing),
        cmocka_unit_test(a_sum_that_is_not_whole_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
