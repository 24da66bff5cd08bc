// SPDX-License-Identifier: MIT
// Misuse of ft_core: each kind is told by its name, and changes no byte of the region.
#include "tests/core/ft_core_kit.h"

#include <string.h>

// Sizes of every kind, LARGE in any arena among them.
static const size_t sizes[] = {0, 1, 48, 100, 1000, 1500, 9000, 40000};
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]), EACH = 130 };

// So many chunks of one size that zones serve some of them, and runs others.
struct crowd {
    struct kit kit;
    void *chunks[EACH];
    size_t bytes;
};

static struct crowd crowd_new(size_t bytes)
{
    struct crowd crowd = {.kit = kit_new((1 << 18) + 2 * EACH * bytes), .bytes = bytes};
    for (unsigned each = 0; each < EACH; each++) {
        crowd.chunks[each] = kit_alloc(&crowd.kit, bytes);
    }
    return crowd;
}

// Every way of handing a pointer back says the same of it, and no byte changes.
static void expect_misuse(struct kit *kit, void *ptr, enum ft_core_misuse misuse)
{
    struct picture picture = picture_of(&kit->region);
    assert_int_equal(ft_core_free(&kit->heap, ptr), misuse);
    assert_int_equal(ft_core_free_sized(&kit->heap, ptr, 48), misuse);
    assert_null(ft_core_realloc(&kit->heap, ptr, 48));
    assert_null(ft_core_realloc(&kit->heap, ptr, 100000));
    assert_false(ft_core_resize(&kit->heap, ptr, 1));
    assert_false(ft_core_resize(&kit->heap, ptr, 100000));
    assert_true(picture_is_still(&picture, &kit->region));
}

static void a_double_free_is_told(void **state)
{
    (void)state;
    for (unsigned size = 0; size < SIZES; size++) {
        struct crowd crowd = crowd_new(sizes[size]);
        for (unsigned each = 0; each < EACH; each += 3) {
            kit_free(&crowd.kit, crowd.chunks[each], crowd.bytes);
            assert_int_equal(ft_core_free(&crowd.kit.heap, crowd.chunks[each]),
                             FT_CORE_DOUBLE_FREE);
        }
        expect_misuse(&crowd.kit, crowd.chunks[0], FT_CORE_DOUBLE_FREE);
        expect_misuse(&crowd.kit, crowd.chunks[EACH - 1 - (EACH - 1) % 3], FT_CORE_DOUBLE_FREE);
        ft_core_trim(&crowd.kit.heap);
        expect_misuse(&crowd.kit, crowd.chunks[3], FT_CORE_DOUBLE_FREE);
        kit_delete(&crowd.kit);
    }
}

static void a_double_free_is_told_after_another_heap_freed_the_chunk(void **state)
{
    (void)state;
    for (unsigned size = 0; size < SIZES; size++) {
        struct crowd crowd = crowd_new(sizes[size]);
        struct ft_core_heap other;
        assert_true(ft_core_open(&other, crowd.kit.core, NULL));
        for (unsigned each = 0; each < EACH; each += EACH - 1) {
            assert_int_equal(ft_core_free(&other, crowd.chunks[each]), FT_CORE_OK);
            assert_int_equal(ft_core_free(&other, crowd.chunks[each]), FT_CORE_DOUBLE_FREE);
            expect_misuse(&crowd.kit, crowd.chunks[each], FT_CORE_DOUBLE_FREE);
        }
        kit_delete(&crowd.kit);
    }
}

static void pointers_of_elsewhere_are_foreign(void **state)
{
    (void)state;
    struct kit kit = kit_new(100000);
    struct kit other = kit_new(100000);
    int local = 0;
    void *of_other = kit_alloc(&other, 48);
    kit_alloc(&kit, 48);
    expect_misuse(&kit, &local, FT_CORE_FOREIGN);
    expect_misuse(&kit, of_other, FT_CORE_FOREIGN);
    expect_misuse(&kit, kit.region.base - 1, FT_CORE_FOREIGN);
    expect_misuse(&kit, kit.region.base - 16, FT_CORE_FOREIGN);
    expect_misuse(&kit, kit.region.base + kit.region.bytes, FT_CORE_FOREIGN);
    expect_misuse(&kit, kit.core, FT_CORE_FOREIGN);
    const uintptr_t wild[] = {1, 16, 4096, UINTPTR_MAX, UINTPTR_MAX - 15, UINTPTR_MAX / 2 + 1};
    for (unsigned each = 0; each < sizeof(wild) / sizeof(wild[0]); each++) {
        expect_misuse(&kit, (void *)wild[each], FT_CORE_FOREIGN);
        assert_int_equal(ft_core_locate(kit.core, (void *)wild[each]).status, FT_CORE_NOT_OURS);
    }
    kit_delete(&other);
    kit_delete(&kit);
}

static void pointers_into_chunks_are_interior(void **state)
{
    (void)state;
    for (unsigned size = 0; size < SIZES; size++) {
        struct crowd crowd = crowd_new(sizes[size]);
        for (unsigned each = 0; each < EACH; each += EACH - 1) {
            unsigned char *ptr = crowd.chunks[each];
            size_t capacity = ft_core_locate(crowd.kit.core, ptr).capacity;
            expect_misuse(&crowd.kit, ptr + 1, FT_CORE_INTERIOR);
            expect_misuse(&crowd.kit, ptr + 8, FT_CORE_INTERIOR);
            expect_misuse(&crowd.kit, ptr + capacity / 2, FT_CORE_INTERIOR);
            expect_misuse(&crowd.kit, ptr + capacity - 1, FT_CORE_INTERIOR);
            // Every place that a chunk could begin at.
            for (size_t at = 16; at < capacity; at += 16) {
                assert_int_equal(ft_core_free(&crowd.kit.heap, ptr + at), FT_CORE_INTERIOR);
            }
            assert_true(kit_is_filled(ptr, crowd.bytes));
        }
        kit_delete(&crowd.kit);
    }
}

static void pointers_into_free_chunks_are_double_frees(void **state)
{
    (void)state;
    struct crowd crowd = crowd_new(100);
    unsigned char *ptr = crowd.chunks[EACH / 2];
    kit_free(&crowd.kit, ptr, crowd.bytes);
    expect_misuse(&crowd.kit, ptr + 16, FT_CORE_DOUBLE_FREE);
    expect_misuse(&crowd.kit, ptr + 5, FT_CORE_DOUBLE_FREE);
    kit_delete(&crowd.kit);
}

// A fresh chunk of a zone that serves this heap, or what is at its end.
static void chunks_that_were_never_handed_out_are_told_in_zones(void **state)
{
    (void)state;
    const struct ft_core_options options = {.is_zero = true};
    struct kit kit = kit_new_with(8 << 20, 0, &options);
    unsigned char *last = NULL;
    while (ft_core_figures(kit.core).zone_count == 0) {
        last = ft_core_alloc(&kit.heap, 48);
    }
    expect_misuse(&kit, last + (size_t)48 * 90, FT_CORE_NEVER_ALLOCATED);
    assert_int_equal(ft_core_locate(kit.core, last + (size_t)48 * 90).status, FT_CORE_FREE);
    kit_delete(&kit);
}

static void memory_that_nobody_ever_had_was_never_allocated(void **state)
{
    (void)state;
    for (unsigned is_zero = 0; is_zero < 2; is_zero++) {
        const struct ft_core_options options = {.is_zero = is_zero != 0};
        struct kit kit = kit_new_with(1 << 20, 0, &options);
        kit_alloc(&kit, 48);
        unsigned char *end = kit.region.base + kit.region.bytes;
        expect_misuse(&kit, end - 4096, FT_CORE_NEVER_ALLOCATED);
        expect_misuse(&kit, kit.heap.heap, FT_CORE_NEVER_ALLOCATED);
        kit_delete(&kit);
    }
}

static void no_misuse_is_ever_mistaken_for_a_chunk(void **state)
{
    (void)state;
    struct kit kit = kit_new(40000);
    void *live[20];
    for (unsigned each = 0; each < 20; each++) {
        live[each] = kit_alloc(&kit, each * 50);
        kit_free(&kit, kit_alloc(&kit, each * 20), each * 20);
    }
    // Every address there is, but those of the chunks.
    struct picture picture = picture_of(&kit.region);
    for (unsigned char *ptr = kit.region.base; ptr < kit.region.base + kit.region.bytes; ptr++) {
        bool is_chunk = false;
        for (unsigned each = 0; each < 20; each++) {
            is_chunk = is_chunk || ptr == live[each];
        }
        struct ft_core_place place = ft_core_locate(kit.core, ptr);
        assert_int_equal(place.status == FT_CORE_LIVE && place.base == ptr, is_chunk);
        assert_true(is_chunk || ft_core_free(&kit.heap, ptr) != FT_CORE_OK);
    }
    assert_true(picture_is_still(&picture, &kit.region));
    kit_delete(&kit);
}

static void nothing_is_freed_by_null(void **state)
{
    (void)state;
    struct kit kit = kit_new(65536);
    struct picture picture = picture_of(&kit.region);
    assert_int_equal(ft_core_free(&kit.heap, NULL), FT_CORE_OK);
    assert_int_equal(ft_core_free_sized(&kit.heap, NULL, 100), FT_CORE_OK);
    assert_false(ft_core_resize(&kit.heap, NULL, 100));
    assert_true(picture_is_still(&picture, &kit.region));
    assert_int_equal(ft_core_locate(kit.core, NULL).status, FT_CORE_NOT_OURS);
    kit_delete(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_double_free_is_told),
        cmocka_unit_test(a_double_free_is_told_after_another_heap_freed_the_chunk),
        cmocka_unit_test(pointers_of_elsewhere_are_foreign),
        cmocka_unit_test(pointers_into_chunks_are_interior),
        cmocka_unit_test(pointers_into_free_chunks_are_double_frees),
        cmocka_unit_test(chunks_that_were_never_handed_out_are_told_in_zones),
        cmocka_unit_test(memory_that_nobody_ever_had_was_never_allocated),
        cmocka_unit_test(no_misuse_is_ever_mistaken_for_a_chunk),
        cmocka_unit_test(nothing_is_freed_by_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
