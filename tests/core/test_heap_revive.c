// SPDX-License-Identifier: MIT
// Heaps that were left behind in any state: what is live stays, all else becomes free, and everything works again.
#include "core/heap.h"
#include "core/zone_home.h"

#include "tests/core/churn.h"
#include "tests/core/interrupt.h"
#include "tests/core/test.h"

#include <string.h>

enum { HEAP_BYTES = 65536, HEAPS = 4 };

static struct churn churn;

static bool has_nothing(const struct heap *heap)
{
    for (unsigned size_class = 0; size_class < heap->class_count; size_class++) {
        if (heap->stacks[size_class].top != heap->stacks[size_class].bottom) {
            return false;
        }
    }
    for (uintptr_t index = 0; index < heap->parcel_count; index++) {
        if (((struct heap_parcel *)((uintptr_t)heap + heap->parcels))[index].at != 0) {
            return false;
        }
    }
    return heap->parcels_open == 0 && heap->empties == 0 && home_list_is_empty(&heap->home);
}

// All chunks of a zone that are not live are in it, and nothing is on its way.
static void expect_zone_is_whole_but_for_live_chunks(const struct zone *zone)
{
    uint32_t live_count = 0;
    for (uint32_t index = 0; index < zone->chunk_count; index++) {
        unsigned state = zone_state(zone, index);
        assert_int_not_equal(state, STATE_HOME);
        live_count += state_is_live(state);
        assert_int_equal(zone_holds(zone, index), !state_is_live(state));
    }
    assert_int_equal(zone_available(zone) + live_count, zone->chunk_count);
    assert_int_not_equal(live_count, 0); // no heap keeps what is empty
    assert_false(zone_has_home(zone));
    assert_int_equal(zone_mail(zone)->announced, 0);
    assert_int_equal(zone->owner == ZONE_OWNER_FULL, zone_available(zone) == 0);
}

static void expect_section_is_revived(const struct arena *arena, struct section *section)
{
    const struct run_table *runs = section_runs(section);
    for (uint32_t unit = 0; unit < runs->fresh; unit += run_unit(runs, unit)->length) {
        assert_int_not_equal(run_unit(runs, unit)->kind, RUN_LEAVING);
        if (run_unit(runs, unit)->kind == RUN_ZONE) {
            expect_zone_is_whole_but_for_live_chunks(
                zone_map_find(&arena->map, section_unit_at(section, unit)));
        }
    }
    for (unsigned size_class = 0; size_class < arena->class_count; size_class++) {
        assert_true(home_list_is_empty(&section->classes[size_class].full));
        for (struct zone *zone = offset_to(section, section->classes[size_class].records);
             zone != NULL; zone = offset_to(section, zone->next)) {
            assert_int_equal(zone_mail(zone)->announced, 0);
            assert_false(zone_has_home(zone));
            assert_int_equal(zone->owner, ZONE_OWNER_DEAD);
        }
    }
}

// What is true of every arena that was just revived.
static void expect_revived(const struct arena *arena, const struct heap *survivor)
{
    uint32_t idle_count = 0;
    for (const struct heap *heap = offset_to(arena, arena->idle_heaps); heap != NULL;
         heap = offset_to(arena, heap->next_idle)) {
        assert_true(heap != survivor && heap->is_idle);
        assert_int_not_equal(offset_of(arena, heap), arena->common);
        idle_count++;
    }
    assert_int_equal(idle_count + (survivor != NULL) + (arena->common != 0), arena->heap_count);
    assert_int_equal(heap_count_in_use(arena), survivor != NULL);
    assert_true(survivor == NULL || !survivor->is_idle);
    for (const struct heap *heap = offset_to(arena, arena->heaps); heap != NULL;
         heap = offset_to(arena, heap->next_heap)) {
        assert_true(has_nothing(heap) && heap_is_valid(heap));
    }
    for (struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        expect_section_is_revived(arena, section);
    }
    assert_int_equal(arena->leaving_count, 0);
    assert_false(heap_has_idle_home(arena));
    assert_true(arena_is_valid(arena));
}

// Revives, with the first heap's thread or without, and gives the others threads again.
static void revive(bool survives)
{
    struct arena *arena = churn.driver.arena;
    struct heap *survivor = survives ? churn.heaps[0] : NULL;
    uint32_t heap_count = arena->heap_count;
    size_t large_count = arena->large_count;
    heap_revive(arena, survivor);
    expect_revived(arena, survivor);
    assert_int_equal(arena->large_count, large_count);
    churn_audit(&churn);
    for (unsigned heap = survives; heap < CHURN_HEAPS_MAX; heap++) {
        if (churn.heaps[heap] != NULL) {
            churn.heaps[heap] = driver_acquire(&churn.driver, HEAP_BYTES);
        }
    }
    assert_int_equal(arena->heap_count, heap_count); // there were enough
}

static void run_program(unsigned steps)
{
    for (unsigned step = 0; step < steps; step++) {
        churn_step(&churn);
    }
}

static const struct driver_options narrow = {
    .unit_bytes = 4096, .section_bytes = 4 << 20, .parcel_count = 8};

static const struct driver_options wide = {
    .unit_bytes = 65536,
    .page_bytes = 4096,
    .run_bytes_max = 1 << 20,
    .dirty_bytes_max = 1 << 20,
    .section_bytes = 32 << 20,
    .parcel_count = 32,
    .commits = true,
    .wide = true,
};

static void play(const struct driver_options *options, uint64_t seed, bool is_interrupted)
{
    struct random random = random_seeded(seed);
    churn_begin(&churn, options, HEAPS, HEAP_BYTES, random_next(&random));
    churn.held_most = 1200;
    if (options->wide) {
        churn.bytes_most = 2 << 20;
        churn.held_most = 400;
        struct need need;
        while (heap_common(churn.driver.arena, HEAP_BYTES, &need) == NULL) {
            assert_true(driver_meet(&churn.driver, &need));
        }
    }
    for (unsigned round = 0; round < 12; round++) {
        run_program(1500);
        if (is_interrupted) {
            interrupt_zones(churn.driver.arena, &random);
            interrupt_heaps(churn.driver.arena, &random);
            interrupt_purges(churn.driver.arena, &random);
        }
        revive(round % 3 != 0);
        run_program(300);
        churn_audit(&churn);
    }
    churn_end(&churn); // nothing was lost
}

static void heaps_between_two_calls_are_revived(void **state)
{
    (void)state;
    play(&narrow, 401, false);
    play(&wide, 402, false);
}

static void heaps_in_the_middle_of_anything_are_revived(void **state)
{
    (void)state;
    play(&narrow, 403, true);
    play(&wide, 404, true);
}

static void what_was_on_its_way_is_free_wherever_it_was(void **state)
{
    (void)state;
    churn_begin(&churn, &narrow, 3, HEAP_BYTES, 1);
    void *chunks[100];
    for (unsigned index = 0; index < 100; index++) {
        chunks[index] = driver_alloc(&churn.driver, churn.heaps[0], 1024, 16).ptr;
    }
    struct zone *zone = chunk_locate(churn.driver.arena, chunks[0]).zone;
    driver_free(&churn.driver, churn.heaps[0], chunks[0]); // in its heap's stack
    driver_free(&churn.driver, churn.heaps[1], chunks[1]); // in a parcel
    driver_free(&churn.driver, NULL, chunks[2]);           // sent
    assert_true(zone_claim(zone, chunk_locate(churn.driver.arena, chunks[3]).index)); // claimed
    heap_revive(churn.driver.arena, churn.heaps[1]);
    expect_revived(churn.driver.arena, churn.heaps[1]);
    assert_int_equal(zone_available(zone), 4);
    churn.heaps[0] = churn.heaps[2] = NULL;
    for (unsigned index = 4; index < 100; index++) {
        driver_free(&churn.driver, churn.heaps[1], chunks[index]);
    }
    churn_end(&churn);
}

static void a_range_on_its_way_to_the_system_is_dirty(void **state)
{
    (void)state;
    driver_begin(&churn.driver, &narrow);
    struct arena *arena = churn.driver.arena;
    struct heap *heap = driver_acquire(&churn.driver, HEAP_BYTES);
    struct random random = {.state = 1};
    void *apart[3];
    void *runs[3];
    for (unsigned index = 0; index < 3; index++) { // each run is used, and free again
        runs[index] = driver_alloc(&churn.driver, heap, 40000, 16).ptr;
        apart[index] = driver_alloc(&churn.driver, heap, 40000, 16).ptr;
        memset(runs[index], 0xEE, 40000);
    }
    for (unsigned index = 0; index < 3; index++) {
        driver_free(&churn.driver, heap, runs[index]);
    }
    while (interrupt_purges(arena, &random) == 0 || arena->leaving_count < 3) {
    }
    driver_free(&churn.driver, heap, apart[0]); // free, between two that leave
    heap_revive(arena, heap);
    expect_revived(arena, heap);
    struct grant grant = driver_alloc(&churn.driver, heap, 120000, 16);
    assert_ptr_equal(grant.ptr, runs[0]); // the three are one
    assert_false(grant.is_zero);
    driver_end(&churn.driver);
}

static void the_common_heap_stays_the_one_of_all_threads_without_one(void **state)
{
    (void)state;
    churn_begin(&churn, &narrow, 2, HEAP_BYTES, 1);
    struct arena *arena = churn.driver.arena;
    struct need need;
    struct heap *common = heap_common(arena, HEAP_BYTES, &need);
    void *kept = driver_alloc(&churn.driver, common, 100, 16).ptr;
    driver_free(&churn.driver, NULL, driver_alloc(&churn.driver, common, 100, 16).ptr);
    heap_revive(arena, NULL);
    expect_revived(arena, NULL);
    assert_true(common->is_idle);
    assert_ptr_equal(heap_common(arena, HEAP_BYTES, &need), common);
    for (unsigned heap = 0; heap < 3; heap++) {
        assert_ptr_not_equal(driver_acquire(&churn.driver, HEAP_BYTES), common);
    }
    assert_int_equal(arena->heap_count, 4);
    driver_free(&churn.driver, NULL, kept);
    heap_trim_idle(arena);
    assert_int_equal(arena->zone_count, 0);
    driver_end(&churn.driver);
}

static void an_arena_without_heaps_is_revived(void **state)
{
    (void)state;
    driver_begin(&churn.driver, &narrow);
    heap_revive(churn.driver.arena, NULL); // not even a section
    driver_add_section(&churn.driver, 1 << 20);
    heap_revive(churn.driver.arena, NULL);
    expect_revived(churn.driver.arena, NULL);
    assert_non_null(driver_acquire(&churn.driver, HEAP_BYTES));
    driver_end(&churn.driver);
}

static void revived_heaps_use_their_memory_for_stacks_again(void **state)
{
    (void)state;
    churn_begin(&churn, &narrow, 1, HEAP_BYTES, 1);
    struct heap *heap = churn.heaps[0];
    for (unsigned round = 0; round < 50; round++) {
        void *ptr = driver_alloc(&churn.driver, heap, 16, 16).ptr;
        while (heap->stacks[0].capacity < 64) {
            driver_alloc(&churn.driver, heap, 16, 16);
        }
        assert_true(heap->memory_unused <= heap->memory_end - heap->memory);
        driver_free(&churn.driver, heap, ptr);
        heap_revive(churn.driver.arena, heap);
        assert_int_equal(heap->stacks[0].capacity, 0);
        assert_int_equal(heap->budget, churn.driver.arena->config.stack_bytes_max);
        assert_ptr_equal(driver_alloc(&churn.driver, heap, 16, 16).ptr, ptr);
    }
    driver_end(&churn.driver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heaps_between_two_calls_are_revived),
        cmocka_unit_test(heaps_in_the_middle_of_anything_are_revived),
        cmocka_unit_test(what_was_on_its_way_is_free_wherever_it_was),
        cmocka_unit_test(a_range_on_its_way_to_the_system_is_dirty),
        cmocka_unit_test(the_common_heap_stays_the_one_of_all_threads_without_one),
        cmocka_unit_test(an_arena_without_heaps_is_revived),
        cmocka_unit_test(revived_heaps_use_their_memory_for_stacks_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
