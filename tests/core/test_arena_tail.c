// SPDX-License-Identifier: MIT
// Ends of sections that go back for good, and what an arena does without them.
#include "core/arena.h"
#include "core/misuse.h"
#include "core/walk.h"
#include "tests/core/churn.h"
#include "tests/core/test.h"

#include <string.h>

enum { MIB = 1 << 20, UNIT = 65536, PAGE = 4096, CUTS_MAX = 1024 };

static const struct driver_options wide = {.unit_bytes = UNIT,
                                           .page_bytes = PAGE,
                                           .section_bytes = 64 * MIB,
                                           .dirty_bytes_max = 8 * MIB,
                                           .parcel_count = 8,
                                           .space_mib = UINT16_MAX, // plenty, but a bound
                                           .commits = true,
                                           .wide = true};

static struct driver driver;
static struct range cuts[CUTS_MAX]; // what went back
static size_t cut_count;

static void begin(void)
{
    driver_begin(&driver, &wide);
    cut_count = 0;
}

static bool cuts_are_gone(void)
{
    for (size_t cut = 0; cut < cut_count; cut++) {
        if (!region_is_gone(cuts[cut].base, cuts[cut].bytes)) {
            return false;
        }
    }
    return true;
}

static void end(void)
{
    assert_true(cuts_are_gone());
    driver_end(&driver);
}

static struct run take(size_t bytes)
{
    return driver_take_run(&driver, bytes);
}

static void *address_of(const struct run *run)
{
    return section_unit_at(run->section, run->first);
}

// Cuts off all there is. Returns how many ranges that were.
static unsigned cut_all(struct arena *arena)
{
    unsigned count = 0;
    struct range range;
    struct section *section;
    while ((section = arena_find_tail(arena, &range)) != NULL) {
        assert_int_equal(range.base % PAGE, 0);
        assert_int_equal(range.bytes % PAGE, 0);
        assert_true(range.base > (uintptr_t)section);
        assert_true(cut_count < CUTS_MAX);
        region_take_away(range.base, range.bytes);
        cuts[cut_count++] = range;
        size_t changes = arena->change_count;
        arena_cut_tail(arena, section);
        assert_int_not_equal(arena->change_count, changes);
        assert_true(arena_is_valid(arena));
        count++;
    }
    return count;
}

static void an_arena_without_sections_has_no_tail(void **state)
{
    (void)state;
    begin();
    struct range range;
    assert_null(arena_find_tail(driver.arena, &range));
    end();
}

static void what_nobody_has_goes_back(void **state)
{
    (void)state;
    begin();
    struct run run = take(3 * MIB);
    struct section *section = run.section;
    size_t units = driver.arena->unit_count;
    // The rest of the area for records, and that of the section.
    assert_int_equal(cut_all(driver.arena), 2);
    assert_int_equal(section->area_end, section->area_committed);
    assert_int_equal(section->end, section->units + (size_t)section_runs(section)->fresh * UNIT);
    assert_int_equal(driver.arena->unit_count, section_runs(section)->unit_count);
    assert_true(driver.arena->unit_count < units);
    assert_true(cuts[0].bytes + cuts[1].bytes > 59 * (size_t)MIB);
    memset(address_of(&run), 0xFF, 3 * MIB);
    assert_int_equal(cut_all(driver.arena), 0);
    end();
}

static void what_is_free_at_the_end_goes_with_it(void **state)
{
    (void)state;
    begin();
    struct run first = take(3 * MIB);
    struct run second = take(5 * MIB);
    arena_give_run(driver.arena, second.section, second.first);
    cut_all(driver.arena);
    assert_int_equal(section_runs(first.section)->dirty_count, 0);
    assert_int_equal(section_runs(first.section)->free_count, 0);
    assert_int_equal((uintptr_t)first.section + first.section->end,
                     (uintptr_t)address_of(&first) + 3 * MIB);
    // And later what lies before that.
    arena_give_run(driver.arena, first.section, first.first);
    assert_int_equal(cut_all(driver.arena), 1);
    assert_int_equal(section_runs(first.section)->free_count, 0);
    end();
}

static void what_is_on_its_way_is_no_tail(void **state)
{
    (void)state;
    begin();
    struct run run = take(16 * MIB);
    cut_all(driver.arena);
    arena_give_run(driver.arena, run.section, run.first);
    struct leaving leaving;
    assert_true(arena_next_leaving(driver.arena, &leaving));
    assert_int_equal(cut_all(driver.arena), 0);
    driver_let_go(&driver, &leaving);
    assert_int_equal(cut_all(driver.arena), 1);
    end();
}

static void what_is_cut_is_asked_for_elsewhere(void **state)
{
    (void)state;
    begin();
    struct run run = take(3 * MIB);
    cut_all(driver.arena);
    struct need need;
    assert_null(arena_take_run(driver.arena, 1, 1, &need).section);
    assert_int_equal(need.kind, NEED_SECTION);
    struct run next = take(3 * MIB);
    assert_ptr_not_equal(next.section, run.section);
    memset(address_of(&next), 0xFF, 3 * MIB);
    // Records that the first section has no room for any more come from the second.
    struct heap *heap = driver_acquire(&driver, 2 * UNIT);
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        for (unsigned chunk = 0; chunk < 5; chunk++) {
            assert_non_null(driver_alloc(&driver, heap, size_class_bytes(size_class), 16).ptr);
        }
    }
    assert_true(driver_is_valid(&driver));
    end();
}

static void an_address_that_was_cut_is_nobodys(void **state)
{
    (void)state;
    begin();
    struct heap *heap = driver_acquire(&driver, 2 * UNIT);
    unsigned char *ptr = driver_alloc(&driver, heap, 2 * MIB, 16).ptr;
    driver_free(&driver, heap, ptr);
    cut_all(driver.arena);
    assert_true(cuts_are_gone());
    struct chunk chunk = chunk_locate(driver.arena, ptr);
    assert_int_equal(misuse_of(&chunk, ptr), MISUSE_FOREIGN);
    assert_null(arena_section_of(driver.arena, ptr));
    end();
}

static void a_section_that_came_whole_keeps_its_end(void **state)
{
    (void)state;
    begin();
    driver.options.commits = false;
    struct section *whole = driver_add_section(&driver, 8 * MIB);
    assert_true(whole->keeps_end);
    assert_int_equal(cut_all(driver.arena), 0);
    driver.options.commits = true;
    struct section *other = driver_add_section(&driver, 64 * MIB);
    struct range range;
    assert_ptr_equal(arena_find_tail(driver.arena, &range), other);
    assert_int_equal(cut_all(driver.arena), 2);
    assert_true(section_tail(whole).bytes > 7 * (size_t)MIB);
    end();
}

// The system may place anything in the end of an area for records, another section too.
static void a_section_may_lie_in_what_another_lost(void **state)
{
    (void)state;
    begin();
    struct heap *heap = driver_acquire(&driver, 2 * UNIT);
    void *outside = driver_alloc(&driver, heap, 2 * MIB, 16).ptr;
    struct range hole;
    struct section *section = arena_find_tail(driver.arena, &hole);
    assert_int_equal(hole.base, (uintptr_t)section + section->area_committed);
    arena_cut_tail(driver.arena, section);
    region_commit(hole.base, hole.bytes);
    assert_true(arena_add_section(driver.arena, hole.base, hole.bytes, NULL));
    assert_true(arena_is_valid(driver.arena));
    struct section *inner = arena_first_section(driver.arena);
    assert_int_equal((uintptr_t)inner, hole.base);
    assert_ptr_equal(arena_next_section(driver.arena, inner), section);
    void *inside = section_unit_at(inner, 0);
    assert_ptr_equal(arena_section_of(driver.arena, inside), inner);
    assert_ptr_equal(arena_section_of(driver.arena, outside), section);
    // Fill both, and go through them in order of address.
    unsigned count = 1;
    driver.asks_allowed = 0;
    while (driver_alloc(&driver, heap, UNIT, 16).ptr != NULL) {
        count++;
    }
    struct walk walk = {.next = 0};
    uintptr_t last = 0;
    bool was_inside = false;
    for (struct walk_step step = walk_next(driver.arena, &walk); step.what != WALK_END;
         step = walk_next(driver.arena, &walk)) {
        assert_true((uintptr_t)step.base >= last);
        last = (uintptr_t)step.base;
        was_inside = was_inside || last - hole.base < hole.bytes;
        count -= step.what == WALK_CHUNK;
    }
    assert_int_equal(count, 0);
    assert_true(was_inside);
    assert_true(driver_is_valid(&driver));
    end();
}

// Makes a section that wants its first commitment, and nothing more, of the region.
static struct section *add_planned(struct range region)
{
    struct need plan = arena_plan_section(driver.arena, region.base, region.bytes, 0);
    assert_int_equal(plan.kind, NEED_COMMIT);
    region_commit(plan.commit[0].base, plan.commit[0].bytes);
    region_commit(plan.commit[1].base, plan.commit[1].bytes);
    assert_true(arena_add_section(driver.arena, region.base, region.bytes, &plan));
    struct section *section = (struct section *)region.base;
    assert_false(section->keeps_end);
    return section;
}

// All of it but what its records need: then its first unit may be another's.
static void a_section_may_lose_all_its_units(void **state)
{
    (void)state;
    begin();
    driver_add_section(&driver, 64 * MIB);
    struct range hole;
    struct section *outer = arena_find_tail(driver.arena, &hole);
    arena_cut_tail(driver.arena, outer);
    if (zone_map_leaf_missing(&driver.arena->map, hole.base, hole.bytes) != 0) {
        struct need need;
        struct run leaf =
            arena_take_meta(driver.arena, ZONE_MAP_LEAF_ENTRIES * sizeof(uintptr_t), &need);
        zone_map_add_leaf(&driver.arena->map, hole.base, address_of(&leaf));
    }
    // Its head ends nearly a unit before unit 0, so that there is room for another's.
    driver.arena->config.space_mib = 64;
    uintptr_t base = bits_align_up(hole.base, UNIT) + PAGE;
    struct range region = {.base = base, .bytes = hole.base + hole.bytes - base};
    struct section *first = add_planned(region);
    struct range range;
    while (arena_find_tail(driver.arena, &range) == first) {
        region_withhold(&(struct region){.base = (void *)range.base, .bytes = range.bytes});
        arena_cut_tail(driver.arena, first);
    }
    assert_int_equal(section_runs(first)->unit_count, 0);
    assert_true(arena_is_valid(driver.arena));

    uintptr_t unit = (uintptr_t)section_unit_at(first, 0);
    base = (uintptr_t)first + first->area_end;
    region = (struct range){.base = base, .bytes = hole.base + hole.bytes - base};
    struct section *second = add_planned(region);
    assert_int_equal((uintptr_t)section_unit_at(second, 0), unit);
    assert_ptr_equal(arena_section_of(driver.arena, (void *)unit), second);
    assert_true(arena_is_valid(driver.arena));
    // But not one that has units before another's end.
    second->end += 64 * MIB;
    assert_false(arena_is_valid(driver.arena));
    second->end -= 64 * MIB;
    end();
}

// Programs whose sections lose their ends again and again.
static void any_program_lives_on(void **state)
{
    (void)state;
    struct random random = random_seeded(53);
    for (unsigned round = 0; round < 4; round++) {
        static struct churn churn;
        struct driver_options options = wide;
        options.section_bytes = 8 * MIB;
        options.dirty_bytes_max = round % 2 != 0 ? 1 : SIZE_MAX;
        cut_count = 0;
        churn_begin(&churn, &options, 1 + round % 3, 2 * UNIT, random_next(&random));
        churn.bytes_most = 256 << 10;
        churn.held_most = 300;
        for (unsigned step = 0; step < 4000; step++) {
            churn_step(&churn);
            if (step % 400 == 399) {
                cut_all(churn.driver.arena);
            }
        }
        assert_int_not_equal(cut_count, 0);
        assert_true(cuts_are_gone());
        churn_audit(&churn);
        churn_end(&churn);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arena_without_sections_has_no_tail),
        cmocka_unit_test(what_nobody_has_goes_back),
        cmocka_unit_test(what_is_free_at_the_end_goes_with_it),
        cmocka_unit_test(what_is_on_its_way_is_no_tail),
        cmocka_unit_test(what_is_cut_is_asked_for_elsewhere),
        cmocka_unit_test(an_address_that_was_cut_is_nobodys),
        cmocka_unit_test(a_section_that_came_whole_keeps_its_end),
        cmocka_unit_test(a_section_may_lie_in_what_another_lost),
        cmocka_unit_test(a_section_may_lose_all_its_units),
        cmocka_unit_test(any_program_lives_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
