// SPDX-License-Identifier: MIT
// An arena with a limit: what it still hands out, what it refuses, and what it keeps.
#include "core/large.h"
#include "tests/core/driver.h"
#include "tests/core/random.h"
#include "tests/core/test.h"

#include <string.h>

enum { MIB = 1 << 20, UNIT = 65536, PAGE = 4096, RUN_MAX = 8 * MIB, HELD_MAX = 5000 };

static struct driver driver;

static void begin(bool commits)
{
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT,
                                                   .page_bytes = PAGE,
                                                   .run_bytes_max = RUN_MAX,
                                                   .section_bytes = 64 * MIB,
                                                   .commits = commits,
                                                   .wide = true});
}

// What the limit is on.
static size_t in_use(void)
{
    return driver.arena->used_unit_count * UNIT + driver.arena->mapping_bytes;
}

static size_t meta_bytes(void)
{
    return driver.arena->meta_unit_count * UNIT;
}

static size_t dirty_bytes(void)
{
    size_t dirty = 0;
    for (struct section *section = arena_first_section(driver.arena); section != NULL;
         section = arena_next_section(driver.arena, section)) {
        dirty += section_runs(section)->dirty_count * (size_t)UNIT;
    }
    return dirty;
}

// Sets the limit to so much more than what is in use.
static void allow(size_t more_bytes)
{
    driver.arena->config.limit_bytes = in_use() + more_bytes;
}

static struct chunk locate(const void *ptr)
{
    return chunk_locate(driver.arena, ptr);
}

static void *alloc(struct heap *heap, size_t bytes)
{
    void *ptr = driver_alloc(&driver, heap, bytes, 16).ptr;
    assert_non_null(ptr);
    return ptr;
}

// Resizes in place, with commitments as they are wanted.
static bool resize(const void *ptr, size_t bytes, struct need *need)
{
    struct chunk chunk = locate(ptr);
    bool resized = large_resize(driver.arena, &chunk, bytes, need);
    while (!resized && driver_meet(&driver, need)) {
        resized = large_resize(driver.arena, &chunk, bytes, need);
    }
    assert_true(arena_is_valid(driver.arena));
    return resized;
}

// ---- what is refused ----------------------------------------------------------------------------

static void the_last_byte_that_is_allowed_can_be_had_and_none_more(void **state)
{
    (void)state;
    // Runs of a chunk and mappings, each of its grain and a byte more.
    const struct {
        size_t bytes, allowed;
        bool is_had;
    } samples[] = {
        {3 * UNIT, 3 * UNIT, true},
        {3 * UNIT - 1, 3 * UNIT, true},
        {3 * UNIT + 1, 3 * UNIT, false},
        {3 * UNIT, 3 * UNIT - 1, false},
        {RUN_MAX, RUN_MAX, true},
        {RUN_MAX, RUN_MAX - 1, false},
        {RUN_MAX + PAGE, RUN_MAX + PAGE, true},
        {RUN_MAX + 1, RUN_MAX + PAGE, true},
        {RUN_MAX + 1, RUN_MAX + PAGE - 1, false},
        {RUN_MAX + PAGE + 1, RUN_MAX + PAGE, false},
    };
    for (size_t sample = 0; sample < sizeof(samples) / sizeof(samples[0]); sample++) {
        begin(true);
        struct heap *heap = driver_acquire(&driver, 2 * UNIT);
        // Memory for it is there, and free.
        driver_free(&driver, heap, alloc(heap, RUN_MAX));
        allow(samples[sample].allowed);
        size_t used = in_use(), meta = meta_bytes();
        void *ptr = driver_alloc(&driver, heap, samples[sample].bytes, 16).ptr;
        assert_int_equal(ptr != NULL, samples[sample].is_had);
        if (ptr == NULL) {
            assert_int_equal(in_use(), used);
            assert_int_equal(driver_asks(&driver), 0);
        } else {
            assert_true(in_use() > used + samples[sample].bytes - 1);
        }
        // A mapping may want a leaf of the map, too.
        assert_true(in_use() - (meta_bytes() - meta) <= driver.arena->config.limit_bytes);
        driver_end(&driver);
    }
}

static void every_way_to_take_is_bounded(void **state)
{
    (void)state;
    begin(false);
    struct heap *heap = driver_acquire(&driver, 2 * UNIT);
    driver_free(&driver, heap, alloc(heap, MIB));
    allow(MIB - UNIT);
    struct need need = {.kind = NEED_SECTION};
    assert_null(arena_take_run(driver.arena, MIB, 1, &need).section);
    assert_int_equal(need.kind, NEED_NOTHING);
    need.kind = NEED_SECTION;
    assert_null(large_take(driver.arena, MIB, UNIT, &need).ptr);
    assert_int_equal(need.kind, NEED_NOTHING);
    assert_null(large_take_free(driver.arena, MIB).ptr);
    assert_int_equal(large_need_for_mapping(driver.arena, MIB, 1).kind, NEED_NOTHING);
    // A zone of the largest class is no shorter than a unit, and a mapping of nothing than a page.
    allow(PAGE - 1);
    need.kind = NEED_SECTION;
    assert_null(arena_new_zone(driver.arena, SIZE_CLASS_COUNT - 1, 1, 0, &need));
    assert_int_equal(need.kind, NEED_NOTHING);
    assert_int_equal(large_need_for_mapping(driver.arena, 0, 1).kind, NEED_NOTHING);
    allow(PAGE);
    assert_int_equal(large_need_for_mapping(driver.arena, 0, 1).kind, NEED_MAPPING);
    // What counts are the units that a chunk takes.
    allow(MIB - 1);
    assert_null(large_take_free(driver.arena, MIB - UNIT + 1).ptr);
    // Nor does anything wrap.
    assert_null(arena_take_run(driver.arena, SIZE_MAX, 1, &need).section);
    assert_int_equal(need.kind, NEED_NOTHING);
    assert_null(arena_take_run(driver.arena, SIZE_MAX - UNIT, 1, &need).section);
    assert_int_equal(need.kind, NEED_NOTHING);
    allow(MIB);
    assert_non_null(large_take_free(driver.arena, MIB).ptr);
    assert_int_equal(in_use(), driver.arena->config.limit_bytes);
    driver_end(&driver);
}

static void a_run_grows_as_far_as_the_limit(void **state)
{
    (void)state;
    for (unsigned commits = 0; commits < 2; commits++) {
        begin(commits != 0);
        struct heap *heap = driver_acquire(&driver, 2 * UNIT);
        // Memory for all of it is there, and free.
        driver_free(&driver, heap, alloc(heap, 32 * UNIT));
        void *ptr = alloc(heap, 4 * UNIT);
        struct need need;
        // Not the room for the next time.
        allow(4 * UNIT);
        assert_true(resize(ptr, 8 * UNIT, &need));
        assert_int_equal(locate(ptr).capacity, 8 * UNIT);
        need.kind = NEED_SECTION;
        assert_false(resize(ptr, 8 * UNIT + 1, &need));
        assert_int_equal(need.kind, NEED_NOTHING);
        assert_int_equal(locate(ptr).requested, 8 * UNIT);
        // What it gives up it can have again.
        assert_true(resize(ptr, UNIT, &need));
        assert_true(resize(ptr, 8 * UNIT, &need));
        assert_false(resize(ptr, 9 * UNIT, &need));
        // A unit below the room is too little for it.
        allow(UNIT * 5 + UNIT - 1);
        assert_true(resize(ptr, 9 * UNIT, &need));
        assert_int_equal(locate(ptr).capacity, 13 * UNIT);
        allow(UNIT * 8);
        assert_true(resize(ptr, 14 * UNIT, &need));
        assert_int_equal(locate(ptr).capacity, 21 * UNIT);
        driver_end(&driver);
    }
}

static void growth_beyond_the_limit_asks_for_no_commitment(void **state)
{
    (void)state;
    begin(true);
    struct heap *heap = driver_acquire(&driver, 2 * UNIT);
    void *ptr = alloc(heap, UNIT);
    const struct run_table *runs = section_runs(arena_first_section(driver.arena));
    size_t beyond = (runs->committed + 1) * (size_t)UNIT;
    struct chunk chunk = locate(ptr);
    struct need need;
    allow(beyond - 2 * UNIT);
    assert_false(large_resize(driver.arena, &chunk, beyond, &need));
    assert_int_equal(need.kind, NEED_NOTHING);
    allow(beyond - UNIT);
    assert_false(large_resize(driver.arena, &chunk, beyond, &need));
    assert_int_equal(need.kind, NEED_COMMIT);
    assert_true(driver_meet(&driver, &need));
    assert_true(large_resize(driver.arena, &chunk, beyond, &need));
    assert_int_equal(in_use(), driver.arena->config.limit_bytes);
    driver_end(&driver);
}

static void a_mapping_that_came_back_may_be_too_large(void **state)
{
    (void)state;
    begin(false);
    struct heap *heap = driver_acquire(&driver, 2 * UNIT);
    void *ptr = alloc(heap, 20 * MIB);
    driver.keeps = true;
    driver_free(&driver, heap, ptr);
    // It would serve twelve as well, but takes twenty.
    allow(20 * MIB - 1);
    struct need need;
    assert_null(large_take(driver.arena, 12 * MIB, 16, &need).ptr);
    assert_int_equal(need.kind, NEED_MAPPING);
    allow(20 * MIB);
    assert_ptr_equal(large_take(driver.arena, 12 * MIB, 16, &need).ptr, ptr);
    assert_int_equal(in_use(), driver.arena->config.limit_bytes);
    driver.keeps = false;
    driver_end(&driver);
}

// ---- what is had all the same -------------------------------------------------------------------

static void zero_is_no_limit(void **state)
{
    (void)state;
    begin(false);
    assert_true(arena_allows(driver.arena, SIZE_MAX));
    struct heap *heap = driver_acquire(&driver, 2 * UNIT);
    driver_free(&driver, heap, alloc(heap, RUN_MAX));
    struct leaving leaving;
    assert_false(arena_next_leaving(driver.arena, &leaving));
    assert_int_equal(dirty_bytes(), RUN_MAX);
    // One byte is one, and leaves nothing.
    driver.arena->config.limit_bytes = 1;
    assert_false(arena_allows(driver.arena, 0));
    assert_null(driver_alloc(&driver, heap, 1, 16).ptr);
    driver.arena->config.limit_bytes = 0;
    assert_non_null(driver_alloc(&driver, heap, 1, 16).ptr);
    driver_end(&driver);
}

// Takes chunks until one is refused, then frees them all. Returns how many there were.
static size_t fill_up(struct heap *heap, size_t bytes)
{
    static void *held[HELD_MAX];
    size_t count = 0;
    while ((held[count] = driver_alloc(&driver, heap, bytes, 16).ptr) != NULL) {
        assert_true(in_use() <= driver.arena->config.limit_bytes);
        count++;
        assert_true(count < HELD_MAX);
    }
    for (size_t index = 0; index < count; index++) {
        driver_free(&driver, heap, held[index]);
    }
    return count;
}

static void what_is_free_again_can_be_had_again(void **state)
{
    (void)state;
    const struct {
        size_t bytes, least; // so many at least
    } samples[] = {{3000, 1000}, {UNIT, 64}, {MIB - 1, 4}, {RUN_MAX + 1, 0}, {4 * MIB, 1}};
    for (size_t sample = 0; sample < sizeof(samples) / sizeof(samples[0]); sample++) {
        begin(true);
        struct heap *heap = driver_acquire(&driver, 2 * UNIT);
        allow(4 * MIB);
        size_t count = fill_up(heap, samples[sample].bytes);
        assert_in_range(count, samples[sample].least, 4 * MIB / samples[sample].bytes);
        assert_int_equal(fill_up(heap, samples[sample].bytes), count);
        driver.arena->config.limit_bytes += RUN_MAX;
        assert_true(fill_up(heap, samples[sample].bytes) > count);
        assert_true(driver_is_valid(&driver));
        driver_end(&driver);
    }
}

static void what_the_arena_needs_itself_is_had_beyond_it(void **state)
{
    (void)state;
    begin(true);
    assert_non_null(driver_acquire(&driver, 2 * UNIT));
    allow(0);
    // A heap.
    size_t meta = meta_bytes();
    assert_non_null(driver_acquire(&driver, 2 * UNIT));
    assert_int_equal(meta_bytes(), meta + 2 * UNIT);
    assert_int_equal(in_use(), driver.arena->config.limit_bytes + 2 * UNIT);
    assert_false(arena_allows(driver.arena, 0));
    // A leaf of the map: for a mapping in another place, whose memory nobody looks at here.
    const struct range far = {.base = (uintptr_t)1 << 40, .bytes = 2 * PAGE};
    allow(far.bytes);
    assert_int_equal(large_need_for_mapping(driver.arena, far.bytes, PAGE).kind, NEED_MAPPING);
    meta = meta_bytes();
    struct need need;
    void *ptr = large_adopt(driver.arena, far, far.bytes, &need);
    while (ptr == NULL && driver_meet(&driver, &need)) {
        ptr = large_adopt(driver.arena, far, far.bytes, &need);
    }
    assert_int_equal((uintptr_t)ptr, far.base);
    assert_int_equal(meta_bytes(), meta + ZONE_MAP_LEAF_ENTRIES * sizeof(uintptr_t));
    // It counts: what was allowed is used up twice.
    assert_false(arena_allows(driver.arena, 0));
    struct chunk chunk = locate(ptr);
    struct leaving leaving;
    large_give(driver.arena, &chunk, &leaving);
    large_unmapped(driver.arena, &leaving, true);
    driver_end(&driver);
}

static void records_are_made_beyond_it(void **state)
{
    (void)state;
    begin(false);
    struct section *section = driver_add_section(&driver, 64 * MIB);
    // Room for headers is used up, so that the next record takes a run.
    bool recycled;
    while (section->record_end - section->record_next >= section_record_bytes(section, 0)) {
        assert_non_null(section_take_record(section, 0, &recycled));
    }
    size_t units = zone_layout_of(0, UNIT).unit_count;
    allow(units * UNIT);
    size_t meta = meta_bytes();
    struct need need;
    assert_non_null(arena_new_zone(driver.arena, 0, 1, 0, &need));
    assert_true(meta_bytes() > meta);
    assert_int_equal(in_use() - (meta_bytes() - meta), driver.arena->config.limit_bytes);
    assert_null(arena_new_zone(driver.arena, 0, 1, 0, &need));
    assert_int_equal(need.kind, NEED_NOTHING);
    assert_true(arena_is_valid(driver.arena));
    driver_end(&driver);
}

// ---- what is kept -------------------------------------------------------------------------------

static void what_is_kept_is_part_of_what_is_left(void **state)
{
    (void)state;
    begin(false);
    struct heap *heap = driver_acquire(&driver, 2 * UNIT);
    void *ptrs[16];
    for (unsigned index = 0; index < 16; index++) {
        ptrs[index] = alloc(heap, MIB);
    }
    for (unsigned index = 0; index < 16; index += 2) {
        driver_free(&driver, heap, ptrs[index]);
    }
    assert_int_equal(dirty_bytes(), 8 * MIB);
    // Room for all of it, then for a unit less.
    allow(8 * MIB);
    driver_return_runs(&driver);
    assert_int_equal(dirty_bytes(), 8 * MIB);
    allow(8 * MIB - UNIT);
    driver_return_runs(&driver);
    assert_int_equal(dirty_bytes(), 7 * MIB);
    // A mapping takes the place of as much as must go, and an eighth of the room more, in runs of a MiB.
    allow(13 * MIB);
    assert_non_null(alloc(heap, 9 * MIB));
    assert_true(in_use() + dirty_bytes() <= driver.arena->config.limit_bytes);
    assert_true(in_use() + dirty_bytes() + 2 * MIB > driver.arena->config.limit_bytes);
    assert_int_not_equal(dirty_bytes(), 0);
    // A limit below what is in use leaves no room at all.
    driver.arena->config.limit_bytes = MIB;
    driver_return_runs(&driver);
    assert_int_equal(dirty_bytes(), 0);
    driver_end(&driver);
}

static void what_is_free_is_taken_up_to_the_limit(void **state)
{
    (void)state;
    begin(false);
    struct heap *heap = driver_acquire(&driver, 2 * UNIT);
    driver_free(&driver, heap, alloc(heap, RUN_MAX));
    // What is kept takes nothing from what may be had.
    allow(RUN_MAX);
    driver_return_runs(&driver);
    assert_int_equal(dirty_bytes(), RUN_MAX);
    void *ptr = alloc(heap, RUN_MAX);
    assert_int_equal(in_use(), driver.arena->config.limit_bytes);
    assert_int_equal(dirty_bytes(), 0);
    // And all of it may be kept again.
    driver_free(&driver, heap, ptr);
    assert_int_equal(dirty_bytes(), RUN_MAX);
    assert_int_equal(driver.purge_count, 0);
    driver_end(&driver);
}

// ---- any program --------------------------------------------------------------------------------

// Allocates, or resizes in place. What is in use afterwards is within the limit, but for the arena's own.
static void take_more(struct heap *heap, struct random *random, void **ptr)
{
    size_t bytes = random_size(random, 2 * RUN_MAX);
    size_t meta = meta_bytes(), used = in_use();
    if (*ptr == NULL) {
        *ptr = driver_alloc(&driver, heap, bytes, 16).ptr;
    } else if (locate(*ptr).zone->chunk_bytes == 0) {
        struct need need;
        (void)resize(*ptr, bytes, &need);
    }
    size_t used_by_others = in_use() - (meta_bytes() - meta);
    assert_true(used_by_others <= used || used_by_others <= driver.arena->config.limit_bytes);
}

static void any_program_stays_within_it(void **state)
{
    (void)state;
    struct random random = random_seeded(71);
    for (unsigned round = 0; round < 8; round++) {
        begin(round % 2 != 0);
        driver.keeps = round % 4 == 3;
        struct heap *heap = driver_acquire(&driver, 2 * UNIT);
        void *ptrs[40] = {NULL};
        unsigned refused = 0;
        for (unsigned step = 0; step < 3000; step++) {
            if (step % 500 == 0) { // it may also fall
                driver.arena->config.limit_bytes = MIB + random_size(&random, 64 * MIB);
            }
            void **ptr = &ptrs[random_below(&random, 40)];
            if (*ptr != NULL && random_chance(&random, 55)) {
                driver_free(&driver, heap, *ptr);
                *ptr = NULL;
                continue;
            }
            take_more(heap, &random, ptr);
            refused += *ptr == NULL;
        }
        assert_int_not_equal(refused, 0);
        assert_int_not_equal(refused, 3000);
        driver.keeps = false;
        driver_end(&driver);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_byte_that_is_allowed_can_be_had_and_none_more),
        cmocka_unit_test(every_way_to_take_is_bounded),
        cmocka_unit_test(a_run_grows_as_far_as_the_limit),
        cmocka_unit_test(growth_beyond_the_limit_asks_for_no_commitment),
        cmocka_unit_test(a_mapping_that_came_back_may_be_too_large),
        cmocka_unit_test(zero_is_no_limit),
        cmocka_unit_test(what_is_free_again_can_be_had_again),
        cmocka_unit_test(what_the_arena_needs_itself_is_had_beyond_it),
        cmocka_unit_test(records_are_made_beyond_it),
        cmocka_unit_test(what_is_kept_is_part_of_what_is_left),
        cmocka_unit_test(what_is_free_is_taken_up_to_the_limit),
        cmocka_unit_test(any_program_stays_within_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
