// SPDX-License-Identifier: MIT
// Breaks each invariant of a heap on purpose, and wants heap_is_valid() to notice.
#include "core/heap_zones.h"
#include "core/offset.h"
#include "tests/core/driver.h"
#include "tests/core/test.h"

enum { TAKEN = 250 };

struct scene {
    struct driver driver;
    struct heap *heap;
    struct heap *other;
    void *chunks[TAKEN]; // of 1024 bytes: two full zones, half of a third
    struct heap_stack *stack;
};

static struct scene scene;

static void scene_begin(void)
{
    driver_begin(&scene.driver, &(struct driver_options){
                                    .unit_bytes = 4096,
                                    .section_bytes = 4 << 20,
                                    .dirty_bytes_max = SIZE_MAX - 1}); // books, and nothing leaves
    scene.heap = driver_acquire(&scene.driver, 65536);
    scene.other = driver_acquire(&scene.driver, 65536);
    for (unsigned index = 0; index < TAKEN; index++) {
        scene.chunks[index] = driver_alloc(&scene.driver, scene.heap, 1024, 16).ptr;
        assert_non_null(scene.chunks[index]);
    }
    heap_flush(scene.heap);
    driver_free(&scene.driver, scene.heap, scene.chunks[120]);
    driver_free(&scene.driver, scene.heap, scene.chunks[121]);
    driver_free(&scene.driver, scene.heap, scene.chunks[122]);
    driver_free(&scene.driver, scene.other, scene.chunks[1]); // its zone is nobody's
    driver_free(&scene.driver, scene.other, scene.chunks[130]);
    driver_free(&scene.driver, scene.other, scene.chunks[TAKEN - 1]);
    scene.stack = &scene.heap->stacks[SIZE_CLASS_TINY_COUNT - 1];
    assert_int_equal(scene.stack->top - scene.stack->bottom, 3);
    assert_true(driver_is_valid(&scene.driver));
}

static struct zone *zone_of(unsigned chunk)
{
    return chunk_locate(scene.driver.arena, scene.chunks[chunk]).zone;
}

// The arena is not looked at.
static void scene_end(void)
{
    for (size_t region = 0; region < scene.driver.region_count; region++) {
        region_delete(&scene.driver.regions[region]);
    }
    driver_delete_arena(&scene.driver);
}

typedef void breaker(void);

static void expect_noticed(breaker *breaks)
{
    scene_begin();
    breaks();
    assert_false(heap_is_valid(scene.heap));
    scene_end();
}

static struct chunk_entry entry_of(unsigned chunk)
{
    struct chunk at = chunk_locate(scene.driver.arena, scene.chunks[chunk]);
    return (struct chunk_entry){.chunk = at.base, .state = zone_state_at(at.zone, at.index)};
}

static void a_live_chunk_in_a_stack(void)
{
    scene.stack->bottom[0] = entry_of(5);
}

static void a_chunk_on_its_way_in_a_stack(void)
{
    scene.stack->bottom[0] = entry_of(1);
}

static void a_foreign_chunk_in_a_stack(void)
{
    scene.stack->bottom[0].chunk = &scene;
}

static void a_chunk_of_another_class_in_a_stack(void)
{
    scene.heap->stacks[3].bottom = scene.stack->bottom;
    scene.heap->stacks[3].limit = scene.stack->limit;
    scene.heap->stacks[3].top = scene.stack->top;
    scene.stack->top = scene.stack->bottom;
}

static void an_entry_with_another_state(void)
{
    scene.stack->bottom[0].state = scene.stack->bottom[1].state;
}

static void a_chunk_in_a_stack_and_in_its_zone(void)
{
    struct zone *zone = zone_of(120);
    zone_give(zone, zone_entry_index(zone, &scene.stack->bottom[0]));
    // The counts of the zone are right, its list too: only the stack should not hold the chunk.
    zone->fill = ZONE_UNLISTED;
    zone->fill = zone_fill_of(zone);
    uintptr_t *first = &heap_lists(scene.heap, zone->size_class)[zone->fill];
    struct zone *next = offset_to(scene.driver.arena, *first);
    zone->next = *first;
    zone->previous = 0;
    *first = offset_of(scene.driver.arena, zone);
    if (next != NULL) {
        next->previous = *first;
    }
}

static void a_top_above_the_limit(void)
{
    scene.stack->limit = scene.stack->top - 1;
}

static void a_bottom_that_ends_nothing(void)
{
    scene.stack->bottom[-1].chunk = scene.chunks[0];
}

static void a_zone_in_the_wrong_list(void)
{
    struct zone *zone = zone_of(TAKEN - 1);
    uintptr_t *lists = heap_lists(scene.heap, zone->size_class);
    assert_ptr_equal(offset_to(scene.driver.arena, lists[zone->fill]), zone);
    uint32_t wrong = (zone->fill + 1) % ZONE_FILL_COUNT;
    lists[wrong] = lists[zone->fill];
    lists[zone->fill] = 0;
    zone->fill = wrong;
}

static void a_zone_in_the_list_of_another_class(void)
{
    struct zone *zone = zone_of(TAKEN - 1);
    uintptr_t *list = &heap_lists(scene.heap, zone->size_class)[zone->fill];
    heap_lists(scene.heap, 2)[zone->fill] = *list;
    *list = 0;
}

static void a_zone_with_chunks_in_no_list(void)
{
    struct zone *zone = zone_of(TAKEN - 1);
    heap_lists(scene.heap, zone->size_class)[zone->fill] = 0;
    zone->fill = ZONE_UNLISTED;
}

static void a_listed_zone_that_is_not_valid(void)
{
    zone_of(TAKEN - 1)->free_count++;
}

static void a_listed_zone_whose_free_chunks_are_not_found(void)
{
    zone_of(TAKEN - 1)->hint = zone_of(TAKEN - 1)->word_count;
}

static void a_listed_zone_of_another_heap(void)
{
    atomic_store(&zone_of(TAKEN - 1)->owner, scene.other->owner);
}

static void a_full_zone_that_is_not_valid(void)
{
    zone_of(120)->free_count++;
}

static void a_top_below_the_bottom(void)
{
    scene.stack->top = scene.stack->bottom - 1;
}

static void an_entry_inside_a_chunk(void)
{
    scene.stack->bottom[0].chunk = (unsigned char *)scene.stack->bottom[0].chunk + 16;
}

static void a_fresh_chunk_in_a_stack(void)
{
    struct zone *zone = zone_of(TAKEN - 1);
    uint32_t last = zone->chunk_count - 1;
    assert_true(last >= zone->fresh_index);
    scene.stack->bottom[0] =
        (struct chunk_entry){.chunk = zone_chunk(zone, last), .state = zone_state_at(zone, last)};
}

static void a_free_unit_in_a_stack(void)
{
    const struct section *section = arena_first_section(scene.driver.arena);
    scene.stack->bottom[0].chunk = section_unit_at(section, section_runs(section)->unit_count - 1);
}

static void a_large_chunk_in_a_stack(void)
{
    scene.stack->bottom[0].chunk = driver_alloc(&scene.driver, scene.heap, 100000, 16).ptr;
}

static void a_listed_zone_with_another_fill(void)
{
    struct zone *zone = zone_of(TAKEN - 1);
    zone->fill = zone->fill == 0 ? 1 : zone->fill - 1;
}

static void a_listed_zone_that_is_said_to_be_in_none(void)
{
    zone_of(TAKEN - 1)->fill = ZONE_UNLISTED;
}

static void a_fill_that_is_no_list(void)
{
    struct zone *zone = zone_of(TAKEN - 1);
    heap_lists(scene.heap, zone->size_class)[zone->fill] = 0;
    zone->fill = ZONE_FILL_COUNT + 1;
}

static void a_zone_that_its_list_forgot(void)
{
    struct zone *zone = zone_of(TAKEN - 1);
    heap_lists(scene.heap, zone->size_class)[zone->fill] = 0;
}

static void a_list_with_a_wrong_link_back(void)
{
    zone_of(TAKEN - 1)->previous = offset_of(scene.driver.arena, zone_of(1));
}

static void a_record_in_the_home_list_that_nobody_announced(void)
{
    zone_mail(zone_of(130))->announced = 0;
}

static void a_home_list_that_leads_to_itself(void)
{
    struct zone *zone = zone_of(130);
    zone_mail(zone)->next = offset_of(scene.driver.arena, zone);
}

// What the owner has taken, and not yet looked at, is part of the list.
static void take_home_list(void)
{
    scene.heap->home.rest = scene.heap->home.first;
    scene.heap->home.first = 0;
}

static void a_record_that_was_taken_and_nobody_announced(void)
{
    take_home_list();
    zone_mail(zone_of(TAKEN - 1))->announced = 0;
}

static void a_list_that_was_taken_and_leads_to_itself(void)
{
    take_home_list();
    zone_mail(zone_of(130))->next = scene.heap->home.rest;
}

static void a_zone_that_miscounts_what_is_dirty(void)
{
    zone_of(TAKEN - 1)->dirty_counted++;
}

static void a_zone_that_miscounts_what_is_held(void)
{
    zone_of(TAKEN - 1)->held_counted--;
}

static void a_sum_of_dirty_bytes_that_is_none(void)
{
    heap_returns(scene.heap)->dirty_bytes += 1024;
}

static void a_sum_of_held_bytes_that_is_none(void)
{
    heap_returns(scene.heap)->held_bytes -= 1024;
}

// It went out of its list with its numbers still on it.
static void a_zone_in_no_list_that_counts(void)
{
    struct zone *zone = zone_of(TAKEN - 1);
    heap_send_out(scene.heap, zone);
    assert_true(heap_is_valid(scene.heap));
    zone->held_counted = 1;
}

static void a_zone_that_was_not_counted_anew(void)
{
    // A chunk of it was found to be zero, and all else is right.
    struct zone *zone = zone_of(TAKEN - 1);
    zone->clean_count++;
    assert_true(zone_is_valid(zone));
}

static void heap_is_valid_checks_h1(void **state)
{
    (void)state;
    expect_noticed(a_live_chunk_in_a_stack);
    expect_noticed(a_chunk_on_its_way_in_a_stack);
    expect_noticed(a_foreign_chunk_in_a_stack);
    expect_noticed(a_chunk_of_another_class_in_a_stack);
    expect_noticed(an_entry_with_another_state);
    expect_noticed(a_top_above_the_limit);
    expect_noticed(a_bottom_that_ends_nothing);
    expect_noticed(a_top_below_the_bottom);
}

static void heap_is_valid_checks_that_entries_are_chunks(void **state)
{
    (void)state;
    expect_noticed(an_entry_inside_a_chunk);
    expect_noticed(a_fresh_chunk_in_a_stack);
    expect_noticed(a_free_unit_in_a_stack);
    expect_noticed(a_large_chunk_in_a_stack);
}

static void heap_is_valid_checks_that_a_stacked_chunk_is_not_in_its_zone(void **state)
{
    (void)state;
    expect_noticed(a_chunk_in_a_stack_and_in_its_zone);
}

static void heap_is_valid_checks_h2(void **state)
{
    (void)state;
    expect_noticed(a_zone_in_the_wrong_list);
    expect_noticed(a_zone_in_the_list_of_another_class);
    expect_noticed(a_listed_zone_that_is_not_valid);
    expect_noticed(a_listed_zone_whose_free_chunks_are_not_found);
    expect_noticed(a_listed_zone_of_another_heap);
    expect_noticed(a_listed_zone_with_another_fill);
    expect_noticed(a_list_with_a_wrong_link_back);
}

static void heap_is_valid_checks_zones_that_are_in_no_list(void **state)
{
    (void)state;
    expect_noticed(a_zone_with_chunks_in_no_list);
    expect_noticed(a_full_zone_that_is_not_valid);
    expect_noticed(a_listed_zone_that_is_said_to_be_in_none);
    expect_noticed(a_fill_that_is_no_list);
    expect_noticed(a_zone_that_its_list_forgot);
}

static void heap_is_valid_checks_h3(void **state)
{
    (void)state;
    expect_noticed(a_record_in_the_home_list_that_nobody_announced);
    expect_noticed(a_home_list_that_leads_to_itself);
    expect_noticed(a_record_that_was_taken_and_nobody_announced);
    expect_noticed(a_list_that_was_taken_and_leads_to_itself);
}

static void heap_is_valid_checks_h4(void **state)
{
    (void)state;
    expect_noticed(a_zone_that_miscounts_what_is_dirty);
    expect_noticed(a_zone_that_miscounts_what_is_held);
    expect_noticed(a_sum_of_dirty_bytes_that_is_none);
    expect_noticed(a_sum_of_held_bytes_that_is_none);
    expect_noticed(a_zone_in_no_list_that_counts);
    expect_noticed(a_zone_that_was_not_counted_anew);
}

static void a_list_that_was_taken_in_part_is_valid(void **state)
{
    (void)state;
    scene_begin();
    take_home_list();
    assert_true(heap_is_valid(scene.heap));
    struct zone *taken = home_list_take(&scene.heap->home, scene.driver.arena);
    assert_ptr_equal(taken, zone_of(TAKEN - 1));
    assert_int_not_equal(scene.heap->home.rest, 0);
    assert_true(heap_is_valid(scene.heap));
    scene_end();
}

static void stacks_may_hold_chunks_of_others_and_of_nobody(void **state)
{
    (void)state;
    scene_begin();
    struct zone *zone = zone_of(1);
    assert_true(heap_adopt(scene.other, zone->size_class, true));
    assert_true(heap_owns(scene.other, zone));
    assert_int_equal(zone_take(zone, &scene.stack->bottom[1], 1), 1);
    heap_relist(scene.other, zone);
    assert_int_equal(zone->owner, ZONE_OWNER_FULL);
    assert_true(heap_is_valid(scene.heap) && heap_is_valid(scene.other));
    assert_true(heap_take_back(scene.other, zone));
    assert_true(heap_is_valid(scene.heap) && heap_is_valid(scene.other));
    scene_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heap_is_valid_checks_h1),
        cmocka_unit_test(heap_is_valid_checks_that_entries_are_chunks),
        cmocka_unit_test(heap_is_valid_checks_that_a_stacked_chunk_is_not_in_its_zone),
        cmocka_unit_test(heap_is_valid_checks_h2),
        cmocka_unit_test(heap_is_valid_checks_zones_that_are_in_no_list),
        cmocka_unit_test(heap_is_valid_checks_h3),
        cmocka_unit_test(heap_is_valid_checks_h4),
        cmocka_unit_test(a_list_that_was_taken_in_part_is_valid),
        cmocka_unit_test(stacks_may_hold_chunks_of_others_and_of_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
