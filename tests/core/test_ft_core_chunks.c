// SPDX-License-Identifier: MIT
// The chunks of ft_core: every size and alignment, freed with and without its size, resized, refused.
#include "tests/core/ft_core_kit.h"

#include <string.h>

static void every_size_is_served_exactly_and_overlaps_nothing(void **state)
{
    (void)state;
    enum { COUNT = 1200 };
    struct kit kit = kit_new(16 << 20);
    static void *chunks[COUNT];
    for (size_t each = 0; each < COUNT; each++) {
        chunks[each] = kit_alloc(&kit, each < 1100 ? each : (each - 1099) * 611);
    }
    for (size_t each = 0; each < COUNT; each++) {
        size_t at = each * 7 % COUNT;
        kit_free(&kit, chunks[at], at < 1100 ? at : (at - 1099) * 611);
    }
    ft_core_trim(&kit.heap);
    assert_int_equal(ft_core_figures(kit.core).used_bytes, 0);
    kit_delete(&kit);
}

static void chunks_of_0_bytes_have_pointers_of_their_own(void **state)
{
    (void)state;
    struct kit kit = kit_new(20000);
    void *chunks[200];
    for (unsigned each = 0; each < 200; each++) {
        chunks[each] = kit_alloc(&kit, 0);
        for (unsigned other = 0; other < each; other++) {
            assert_ptr_not_equal(chunks[each], chunks[other]);
        }
    }
    for (unsigned each = 0; each < 200; each++) {
        kit_free(&kit, chunks[each], 0);
    }
    void *zeroed = ft_core_alloc_zeroed(&kit.heap, 0, 100);
    void *aligned = ft_core_alloc_aligned(&kit.heap, 128, 0);
    assert_non_null(zeroed);
    assert_non_null(aligned);
    assert_ptr_not_equal(zeroed, aligned);
    assert_int_equal((uintptr_t)aligned % 128, 0);
    kit_delete(&kit);
}

static void every_alignment_up_to_half_the_region_is_kept(void **state)
{
    (void)state;
    enum { BYTES = 1 << 20 };
    const size_t sizes[] = {0, 1, 15, 16, 17, 100, 1000, 1025, 5000, 33000};
    struct kit kit = kit_new_with(BYTES, 48, NULL);
    for (size_t align = 1; align <= BYTES / 2; align *= 2) {
        for (unsigned each = 0; each < sizeof(sizes) / sizeof(sizes[0]); each++) {
            void *ptrs[3];
            unsigned count = 0;
            for (; count < 3; count++) {
                void *ptr = ft_core_alloc_aligned(&kit.heap, align, sizes[each]);
                ptrs[count] = ptr;
                if (ptr == NULL) {
                    break;
                }
                assert_int_equal((uintptr_t)ptr & (align - 1), 0);
                struct ft_core_place place = ft_core_locate(kit.core, ptr);
                assert_int_equal(place.status, FT_CORE_LIVE);
                assert_ptr_equal(place.base, ptr);
                assert_int_equal(place.bytes, sizes[each]);
                kit_fill(ptr, sizes[each]);
            }
            // A multiple of half the region lies in it once, twice perhaps.
            assert_true(count >= (align <= BYTES / 8 ? 3 : 1) || align == BYTES / 2);
            while (count-- > 0) {
                kit_free(&kit, ptrs[count], sizes[each]);
            }
        }
        assert_true(ft_core_check(kit.core));
    }
    kit_delete(&kit);
}

static void alignments_that_are_no_power_of_two_are_refused(void **state)
{
    (void)state;
    struct kit kit = kit_new(65536);
    const size_t nonsense[] = {0, 3, 6, 17, 24, 100, SIZE_MAX, SIZE_MAX / 2};
    struct picture picture = picture_of(&kit.region);
    for (unsigned each = 0; each < sizeof(nonsense) / sizeof(nonsense[0]); each++) {
        assert_null(ft_core_alloc_aligned(&kit.heap, nonsense[each], 10));
    }
    assert_true(picture_is_still(&picture, &kit.region));
    kit_delete(&kit);
}

static void products_that_overflow_are_refused_and_counted(void **state)
{
    (void)state;
    struct kit kit = kit_new(65536);
    const size_t half = (size_t)1 << (sizeof(size_t) * 4);
    assert_null(ft_core_alloc_zeroed(&kit.heap, half, half));
    assert_null(ft_core_alloc_zeroed(&kit.heap, SIZE_MAX, 2));
    assert_null(ft_core_alloc_zeroed(&kit.heap, 2, SIZE_MAX));
    assert_null(ft_core_alloc_zeroed(&kit.heap, SIZE_MAX / 2 + 2, 2)); // 2, if it wrapped
    assert_null(ft_core_alloc(&kit.heap, SIZE_MAX));
    assert_null(ft_core_alloc(&kit.heap, SIZE_MAX - 15));
    assert_null(ft_core_alloc(&kit.heap, PTRDIFF_MAX));
    assert_null(ft_core_alloc_aligned(&kit.heap, SIZE_MAX / 2 + 1, 1));
    assert_null(ft_core_alloc_aligned(&kit.heap, SIZE_MAX / 4 + 1, 1));
    assert_null(ft_core_alloc_aligned(&kit.heap, 65536, SIZE_MAX - 65535));
    assert_null(ft_core_alloc(&kit.heap, (size_t)UINT32_MAX));
    assert_int_equal(ft_core_figures(kit.core).failure_count, 11);
    void *ptr = kit_alloc(&kit, 100);
    assert_null(ft_core_realloc(&kit.heap, ptr, SIZE_MAX));
    assert_null(ft_core_realloc(&kit.heap, ptr, SIZE_MAX / 2 + 1));
    assert_false(ft_core_resize(&kit.heap, ptr, SIZE_MAX));
    void *large = kit_alloc(&kit, 20000);
    assert_null(ft_core_realloc(&kit.heap, large, SIZE_MAX - 7));
    assert_false(ft_core_resize(&kit.heap, large, SIZE_MAX));
    assert_false(ft_core_resize(&kit.heap, large, PTRDIFF_MAX));
    kit_free(&kit, ptr, 100);
    kit_free(&kit, large, 20000);
    kit_delete(&kit);
}

static void a_sized_free_wants_the_class_that_was_requested(void **state)
{
    (void)state;
    struct kit kit = kit_new(4 << 20);
    const size_t sizes[] = {0, 1, 16, 17, 100, 129, 1024, 1025, 4096, 20000, 32768, 32769, 100000};
    for (unsigned each = 0; each < sizeof(sizes) / sizeof(sizes[0]); each++) {
        size_t bytes = sizes[each];
        for (unsigned count = 0; count < 120; count++) { // runs at first, then zones
            void *ptr = kit_alloc(&kit, bytes);
            struct picture picture = {.bytes = NULL};
            if (count % 60 == 0) {
                picture = picture_of(&kit.region);
            }
            assert_int_equal(ft_core_free_sized(&kit.heap, ptr, bytes * 2 + 33),
                             FT_CORE_WRONG_SIZE);
            assert_int_equal(ft_core_free_sized(&kit.heap, ptr, SIZE_MAX), FT_CORE_WRONG_SIZE);
            if (bytes > 32) {
                assert_int_equal(ft_core_free_sized(&kit.heap, ptr, bytes / 2), FT_CORE_WRONG_SIZE);
                assert_int_equal(ft_core_free_sized(&kit.heap, ptr, 0), FT_CORE_WRONG_SIZE);
            }
            assert_true(picture.bytes == NULL || picture_is_still(&picture, &kit.region));
            assert_true(kit_is_filled(ptr, bytes));
            if (count % 2 == 0 || bytes > 30000) {
                assert_int_equal(ft_core_free_sized(&kit.heap, ptr, bytes), FT_CORE_OK);
                assert_int_equal(ft_core_free_sized(&kit.heap, ptr, bytes), FT_CORE_DOUBLE_FREE);
            }
        }
    }
    assert_int_equal(ft_core_free_sized(&kit.heap, NULL, 7), FT_CORE_OK);
    kit_delete(&kit);
}

static void a_chunk_is_resized_where_it_is_or_not_at_all(void **state)
{
    (void)state;
    const size_t sizes[] = {0, 1, 16, 30, 100, 1000, 1100, 5000, 30000, 40000, 200000};
    enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };
    struct kit kit = kit_new(4 << 20);
    for (unsigned from = 0; from < SIZES; from++) {
        for (unsigned to = 0; to < SIZES; to++) {
            unsigned char *ptr = kit_alloc(&kit, sizes[from]);
            void *fence = kit_alloc(&kit, 40000); // no room behind a large one
            size_t least = sizes[from] < sizes[to] ? sizes[from] : sizes[to];
            size_t capacity = ft_core_locate(kit.core, ptr).capacity;
            bool resized = ft_core_resize(&kit.heap, ptr, sizes[to]);
            assert_int_equal(ft_core_locate(kit.core, ptr).bytes, sizes[resized ? to : from]);
            assert_true(kit_is_filled(ptr, least));
            assert_true(!resized || sizes[to] <= ft_core_locate(kit.core, ptr).capacity);
            assert_true(resized || sizes[to] > capacity || capacity - sizes[to] > 251);
            size_t now = resized ? sizes[to] : sizes[from];
            kit_fill(ptr, now);
            kit_free(&kit, ptr, now);
            kit_free(&kit, fence, 40000);
        }
    }
    kit_delete(&kit);
}

static void realloc_keeps_what_both_sizes_cover(void **state)
{
    (void)state;
    const size_t sizes[] = {0, 1, 16, 17, 100, 1000, 1024, 1025, 5000, 30000, 32769, 40000, 300000};
    enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };
    struct kit kit = kit_new(4 << 20);
    for (unsigned from = 0; from < SIZES; from++) {
        for (unsigned to = 0; to < SIZES; to++) {
            unsigned char *old = ft_core_realloc(&kit.heap, NULL, sizes[from]);
            assert_non_null(old);
            for (size_t at = 0; at < sizes[from]; at++) {
                old[at] = (unsigned char)(at * 13 + from);
            }
            unsigned char *ptr = ft_core_realloc(&kit.heap, old, sizes[to]);
            assert_non_null(ptr);
            assert_int_equal(ft_core_locate(kit.core, ptr).bytes, sizes[to]);
            assert_true(ptr == old || ft_core_locate(kit.core, old).status != FT_CORE_LIVE);
            for (size_t at = 0; at < sizes[from] && at < sizes[to]; at++) {
                assert_true(ptr[at] == (unsigned char)(at * 13 + from));
            }
            kit_fill(ptr, sizes[to]);
            kit_free(&kit, ptr, sizes[to]);
        }
    }
    ft_core_trim(&kit.heap);
    assert_int_equal(ft_core_figures(kit.core).used_bytes, 0);
    kit_delete(&kit);
}

static void a_realloc_to_less_never_fails_even_without_memory(void **state)
{
    (void)state;
    for (size_t bytes = 40; bytes < 40000; bytes = bytes * 3 / 2) {
        struct kit kit = kit_new(200000);
        unsigned char *ptr = kit_alloc(&kit, bytes);
        unsigned char first = *ptr;
        while (ft_core_alloc(&kit.heap, 1) != NULL) {
        }
        unsigned char *less = ft_core_realloc(&kit.heap, ptr, bytes - bytes / 4);
        assert_non_null(less);
        assert_true(bytes_are(less, bytes - bytes / 4, first));
        kit_delete(&kit);
    }
}

static void what_cannot_be_served_changes_nothing_but_the_count_of_failures(void **state)
{
    (void)state;
    struct kit kit = kit_new(100000);
    unsigned char *held = kit_alloc(&kit, 30000);
    kit_alloc(&kit, 50);
    struct ft_core_figures before = ft_core_figures(kit.core);
    assert_null(ft_core_alloc(&kit.heap, 90000));
    assert_null(ft_core_alloc_zeroed(&kit.heap, 9, 10000));
    assert_null(ft_core_alloc_aligned(&kit.heap, 64, 90000));
    assert_null(ft_core_realloc(&kit.heap, held, 90000));
    assert_null(ft_core_realloc(&kit.heap, NULL, 90000));
    assert_false(ft_core_resize(&kit.heap, held, 90000));
    struct ft_core_figures after = ft_core_figures(kit.core);
    assert_true(after.failure_count >= before.failure_count + 5);
    after.failure_count = before.failure_count;
    assert_memory_equal(&after, &before, sizeof(before));
    assert_int_equal(ft_core_locate(kit.core, held).bytes, 30000);
    kit_free(&kit, held, 30000);
    kit_delete(&kit);
}

static void a_full_arena_serves_again_what_was_freed(void **state)
{
    (void)state;
    enum { MOST = 4000 };
    static void *chunks[MOST];
    for (size_t bytes = 1; bytes < 4000; bytes = bytes * 2 + 5) {
        struct kit kit = kit_new(65536);
        unsigned first = 0;
        for (unsigned round = 0; round < 4; round++) {
            unsigned count = 0;
            while (count < MOST && (chunks[count] = ft_core_alloc(&kit.heap, bytes)) != NULL) {
                kit_fill(chunks[count++], bytes);
            }
            first = round == 0 ? count : first;
            assert_true(count >= 10 && count >= first - first / 8);
            while (count-- > 0) {
                kit_free(&kit, chunks[count], bytes);
            }
        }
        ft_core_trim(&kit.heap);
        assert_int_equal(ft_core_figures(kit.core).used_bytes, 0);
        kit_delete(&kit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_is_served_exactly_and_overlaps_nothing),
        cmocka_unit_test(chunks_of_0_bytes_have_pointers_of_their_own),
        cmocka_unit_test(every_alignment_up_to_half_the_region_is_kept),
        cmocka_unit_test(alignments_that_are_no_power_of_two_are_refused),
        cmocka_unit_test(products_that_overflow_are_refused_and_counted),
        cmocka_unit_test(a_sized_free_wants_the_class_that_was_requested),
        cmocka_unit_test(a_chunk_is_resized_where_it_is_or_not_at_all),
        cmocka_unit_test(realloc_keeps_what_both_sizes_cover),
        cmocka_unit_test(a_realloc_to_less_never_fails_even_without_memory),
        cmocka_unit_test(what_cannot_be_served_changes_nothing_but_the_count_of_failures),
        cmocka_unit_test(a_full_arena_serves_again_what_was_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
