// SPDX-License-Identifier: MIT
// Arenas of several regions: added in any order, refused where they overlap, taken out when unused.
#include "tests/core/ft_core_kit.h"

#include <string.h>

enum { PARTS = 6, PART_BYTES = 65536 };

// An arena in the middle of a buffer, and the parts of the buffer around it.
struct ground {
    struct region all;
    struct ft_core *core;
    struct ft_core_heap heap;
    unsigned char *parts[PARTS];
};

static struct ground ground_new(void)
{
    struct ground ground = {.all = kit_dirty_region((size_t)PARTS * PART_BYTES, 0)};
    for (unsigned each = 0; each < PARTS; each++) {
        ground.parts[each] = ground.all.base + (size_t)each * PART_BYTES;
    }
    ground.core = ft_core_create(ground.parts[2], PART_BYTES, NULL);
    assert_non_null(ground.core);
    assert_true(ft_core_open(&ground.heap, ground.core, NULL));
    return ground;
}

static void ground_delete(struct ground *ground)
{
    assert_true(ft_core_check(ground->core));
    ft_core_destroy(ground->core);
    region_delete(&ground->all);
}

static bool is_in(const struct ground *ground, unsigned part, const void *ptr)
{
    return (uintptr_t)ptr - (uintptr_t)ground->parts[part] < PART_BYTES;
}

// Allocates until a chunk is in a part. NULL if there is no memory any more.
static void *alloc_in(struct ground *ground, struct ft_core_heap *heap, unsigned part, size_t bytes)
{
    void *ptr = ft_core_alloc(heap, bytes);
    while (ptr != NULL && !is_in(ground, part, ptr)) {
        ptr = ft_core_alloc(heap, bytes);
    }
    return ptr;
}

static void regions_are_added_in_any_order_and_all_of_them_serve(void **state)
{
    (void)state;
    const unsigned orders[][PARTS - 1] = {{0, 1, 3, 4, 5}, {5, 4, 3, 1, 0}, {4, 0, 5, 1, 3}};
    for (unsigned order = 0; order < 3; order++) {
        struct ground ground = ground_new();
        size_t free_bytes = ft_core_figures(ground.core).free_bytes;
        for (unsigned each = 0; each < PARTS - 1; each++) {
            unsigned part = orders[order][each];
            assert_true(ft_core_add_region(&ground.heap, ground.parts[part], PART_BYTES));
            assert_true(ft_core_check(ground.core));
            assert_true(ft_core_figures(ground.core).free_bytes > free_bytes + PART_BYTES / 2);
            free_bytes = ft_core_figures(ground.core).free_bytes;
        }
        unsigned served = 0;
        void *ptr;
        while ((ptr = ft_core_alloc(&ground.heap, 300)) != NULL) {
            for (unsigned part = 0; part < PARTS; part++) {
                served |= is_in(&ground, part, ptr) ? 1U << part : 0;
            }
            memset(ptr, 0x11, 300);
        }
        assert_int_equal(served, (1 << PARTS) - 1);
        assert_true(ft_core_figures(ground.core).region_bytes > (size_t)PARTS * (PART_BYTES - 512));
        ground_delete(&ground);
    }
}

static void regions_that_overlap_are_refused(void **state)
{
    (void)state;
    struct ground ground = ground_new();
    assert_true(ft_core_add_region(&ground.heap, ground.parts[4], PART_BYTES));
    struct picture picture = picture_of(&ground.all);
    assert_false(ft_core_add_region(&ground.heap, ground.parts[2], PART_BYTES));
    assert_false(ft_core_add_region(&ground.heap, ground.parts[4], PART_BYTES));
    assert_false(ft_core_add_region(&ground.heap, ground.all.base, ground.all.bytes));
    assert_false(ft_core_add_region(&ground.heap, ground.parts[1], PART_BYTES + 1));
    assert_false(ft_core_add_region(&ground.heap, ground.parts[1], PART_BYTES + 640));
    assert_false(ft_core_add_region(&ground.heap, ground.parts[2] + 30000, 8192));
    assert_false(ft_core_add_region(&ground.heap, ground.parts[4] + 30000, 8192));
    assert_false(ft_core_add_region(&ground.heap, ground.parts[3] - 8192, PART_BYTES));
    assert_false(ft_core_add_region(&ground.heap, ground.parts[3], PART_BYTES + 8192));
    assert_false(ft_core_add_region(&ground.heap, ground.parts[3], SIZE_MAX));
    assert_false(ft_core_add_region(&ground.heap, ground.parts[3], PTRDIFF_MAX));
    assert_false(
        ft_core_add_region(&ground.heap, ground.parts[3], SIZE_MAX - (uintptr_t)ground.parts[3]));
    assert_true(picture_is_still(&picture, &ground.all));
    assert_true(ft_core_add_region(&ground.heap, ground.parts[3], PART_BYTES));
    ground_delete(&ground);
}

static void regions_that_are_too_small_are_refused(void **state)
{
    (void)state;
    for (size_t phase = 0; phase < 64; phase += 21) {
        struct ground ground = ground_new();
        size_t bytes = 0;
        while (!ft_core_add_region(&ground.heap, ground.parts[4] + phase, bytes)) {
            assert_true(bytes_are(ground.parts[4], PART_BYTES, 0xEE));
            bytes++;
        }
        assert_in_range(bytes, 200, 2048);
        assert_true(bytes_are(ground.parts[4] + phase + bytes, PART_BYTES - phase - bytes, 0xEE));
        assert_true(ft_core_check(ground.core));
        assert_true(ft_core_remove_region(&ground.heap, ground.parts[4] + phase));
        ground_delete(&ground);
    }
}

static void an_unused_region_is_taken_out_and_is_the_callers_again(void **state)
{
    (void)state;
    struct ground ground = ground_new();
    struct ft_core_figures before = ft_core_figures(ground.core);
    for (unsigned round = 0; round < 20; round++) {
        unsigned part = round % 2 == 0 ? 0 : 5;
        assert_true(ft_core_add_region(&ground.heap, ground.parts[part], PART_BYTES));
        void *ptr = alloc_in(&ground, &ground.heap, part, 6000);
        if (ptr != NULL) {
            assert_int_equal(ft_core_free(&ground.heap, ptr), FT_CORE_OK);
        }
        assert_true(ft_core_remove_region(&ground.heap, ground.parts[part]));
        memset(ground.parts[part], 0xEE, PART_BYTES);
        assert_true(ft_core_check(ground.core));
        assert_false(ft_core_remove_region(&ground.heap, ground.parts[part]));
        assert_int_equal(ft_core_locate(ground.core, ground.parts[part] + 40000).status,
                         FT_CORE_NOT_OURS);
        ft_core_reset(ground.core);
        assert_true(ft_core_open(&ground.heap, ground.core, NULL));
    }
    assert_int_equal(ft_core_figures(ground.core).region_bytes, before.region_bytes);
    assert_int_equal(ft_core_figures(ground.core).free_bytes, before.free_bytes);
    ground_delete(&ground);
}

static void no_region_is_taken_out_while_a_chunk_is_in_it(void **state)
{
    (void)state;
    const size_t sizes[] = {1, 100, 1000, 20000};
    for (unsigned each = 0; each < 4; each++) {
        struct ground ground = ground_new();
        assert_true(ft_core_add_region(&ground.heap, ground.parts[5], PART_BYTES));
        unsigned char *ptr = alloc_in(&ground, &ground.heap, 5, sizes[each]);
        assert_non_null(ptr);
        *ptr = 0x77;
        assert_false(ft_core_remove_region(&ground.heap, ground.parts[5]));
        assert_int_equal(*ptr, 0x77);
        assert_int_equal(ft_core_locate(ground.core, ptr).bytes, sizes[each]);
        assert_int_equal(ft_core_free(&ground.heap, ptr), FT_CORE_OK);
        assert_true(ft_core_remove_region(&ground.heap, ground.parts[5]));
        ground_delete(&ground);
    }
}

static void the_first_region_stays(void **state)
{
    (void)state;
    struct ground ground = ground_new();
    assert_true(ft_core_add_region(&ground.heap, ground.parts[0], PART_BYTES));
    for (size_t at = 0; at < 4096; at++) {
        assert_false(ft_core_remove_region(&ground.heap, ground.parts[2] + at));
    }
    assert_false(ft_core_remove_region(&ground.heap, NULL));
    assert_false(ft_core_remove_region(&ground.heap, &ground));
    assert_false(ft_core_remove_region(&ground.heap, ground.parts[0] + 30000));
    assert_true(ft_core_remove_region(&ground.heap, ground.parts[0]));
    ground_delete(&ground);
}

static void no_region_is_taken_out_while_a_heap_lies_in_it(void **state)
{
    (void)state;
    struct ground ground = ground_new();
    while (ft_core_alloc(&ground.heap, 1) != NULL) { // no room for a heap in the first region
    }
    assert_true(ft_core_add_region(&ground.heap, ground.parts[4], PART_BYTES));
    struct ft_core_heap other;
    assert_true(ft_core_open(&other, ground.core, NULL));
    assert_true(is_in(&ground, 4, other.heap));
    assert_false(ft_core_remove_region(&ground.heap, ground.parts[4]));
    ft_core_close(&other);
    assert_false(ft_core_remove_region(&ground.heap, ground.parts[4])); // the next open gets it
    assert_true(ft_core_open(&other, ground.core, NULL));
    assert_true(ft_core_check(ground.core));
    ground_delete(&ground);
}

static void no_region_is_taken_out_while_another_heap_keeps_chunks_there(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    static void *chunks[COUNT];
    struct ground ground = ground_new();
    struct ft_core_heap other;
    assert_true(ft_core_open(&other, ground.core, NULL));
    while (ft_core_alloc(&ground.heap, 1) != NULL) {
    }
    assert_true(ft_core_add_region(&ground.heap, ground.parts[3], PART_BYTES));
    unsigned count = 0;
    while (count < COUNT && (chunks[count] = ft_core_alloc(&other, 16)) != NULL) {
        count++;
    }
    assert_true(ft_core_figures(ground.core).zone_count != 0);
    for (unsigned each = 0; each < count; each++) {
        assert_int_equal(ft_core_free(&other, chunks[each]), FT_CORE_OK);
    }
    // The last zone of the class stays with its heap.
    assert_false(ft_core_remove_region(&ground.heap, ground.parts[3]));
    ft_core_trim(&other);
    assert_true(ft_core_remove_region(&ground.heap, ground.parts[3]));
    ground_delete(&ground);
}

static void what_a_closed_heap_keeps_does_not_hold_a_region(void **state)
{
    (void)state;
    struct ground ground = ground_new();
    struct ft_core_heap other;
    assert_true(ft_core_open(&other, ground.core, NULL));
    while (ft_core_alloc(&ground.heap, 1) != NULL) {
    }
    assert_true(ft_core_add_region(&ground.heap, ground.parts[3], PART_BYTES));
    size_t zones = ft_core_figures(ground.core).zone_count;
    static void *chunks[PART_BYTES / 16];
    size_t count = 0;
    while ((chunks[count] = ft_core_alloc(&other, 16)) != NULL) {
        count++;
    }
    while (count-- > 0) {
        assert_int_equal(ft_core_free(&other, chunks[count]), FT_CORE_OK);
    }
    ft_core_close(&other);
    assert_int_equal(ft_core_figures(ground.core).zone_count, zones + 1); // an empty one is kept
    assert_true(ft_core_remove_region(&ground.heap, ground.parts[3]));
    memset(ground.parts[3], 0xEE, PART_BYTES);
    assert_true(ft_core_open(&other, ground.core, NULL));
    ground_delete(&ground);
}

static void a_region_of_many_sections_comes_and_goes_as_one(void **state)
{
    (void)state;
    const struct ft_core_options options = {.unit_bytes = 32};
    // One above the other: heaps are opened in the lower one.
    enum { FIRST = 65536, MORE = 7 << 20 };
    struct region all = kit_dirty_region(FIRST + MORE, 16);
    unsigned char *more = all.base + FIRST;
    struct ft_core *core = ft_core_create(all.base, FIRST, &options);
    struct ft_core_heap heap;
    assert_true(ft_core_open(&heap, core, NULL));
    for (unsigned round = 0; round < 3; round++) {
        assert_true(ft_core_add_region(&heap, more, MORE));
        assert_true(ft_core_figures(core).free_bytes > 4 << 20);
        void *ptr = ft_core_alloc(&heap, 1 << 20);
        void *last = ptr;
        for (void *next = ptr; next != NULL; next = ft_core_alloc(&heap, 1 << 20)) {
            last = next;
        }
        assert_ptr_not_equal(last, ptr);
        assert_false(ft_core_remove_region(&heap, more));
        if (round == 1) {
            ft_core_reset(core);
            assert_true(ft_core_open(&heap, core, NULL));
        } else {
            struct ft_core_walk walk = {.cursor = {0}};
            struct ft_core_item item;
            while (ft_core_next(&heap, &walk, &item)) {
                assert_true(item.is_zone || ft_core_free(&heap, item.base) == FT_CORE_OK);
            }
        }
        assert_true(ft_core_check(core));
        assert_true(ft_core_remove_region(&heap, more));
        memset(more, 0xEE, MORE);
        assert_true(ft_core_check(core));
    }
    region_delete(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regions_are_added_in_any_order_and_all_of_them_serve),
        cmocka_unit_test(regions_that_overlap_are_refused),
        cmocka_unit_test(regions_that_are_too_small_are_refused),
        cmocka_unit_test(an_unused_region_is_taken_out_and_is_the_callers_again),
        cmocka_unit_test(no_region_is_taken_out_while_a_chunk_is_in_it),
        cmocka_unit_test(the_first_region_stays),
        cmocka_unit_test(no_region_is_taken_out_while_a_heap_lies_in_it),
        cmocka_unit_test(no_region_is_taken_out_while_another_heap_keeps_chunks_there),
        cmocka_unit_test(what_a_closed_heap_keeps_does_not_hold_a_region),
        cmocka_unit_test(a_region_of_many_sections_comes_and_goes_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
