// SPDX-License-Identifier: MIT
// Several heaps of one ft_core arena: when the lock is taken, and what they do with each other's chunks.
#include "core/chunk.h"
#include "core/ft_core_state.h"
#include "tests/core/ft_core_kit.h"

#include <string.h>

enum { HEAPS = 3, EACH = 200 };

// An arena whose heaps have one lock that counts.
struct office {
    struct region region;
    struct ft_core *core;
    struct counting_lock lock;
    struct ft_core_heap heaps[HEAPS];
};

static void office_open(struct office *office, size_t bytes)
{
    *office = (struct office){.region = kit_dirty_region(bytes, 0)};
    office->core = ft_core_create(office->region.base, bytes, NULL);
    assert_non_null(office->core);
    struct ft_core_lock lock = counting_lock(&office->lock);
    for (unsigned each = 0; each < HEAPS; each++) {
        assert_true(ft_core_open(&office->heaps[each], office->core, &lock));
    }
}

static void office_close(struct office *office)
{
    for (unsigned each = 0; each < HEAPS; each++) {
        ft_core_close(&office->heaps[each]);
    }
    assert_false(office->lock.is_held);
    assert_int_equal(office->lock.acquire_count, office->lock.release_count);
    assert_true(ft_core_check(office->core));
    region_delete(&office->region);
}

// How often the lock was taken since the last time, each time in a pair.
static unsigned taken(struct office *office)
{
    assert_false(office->lock.is_held);
    assert_int_equal(office->lock.acquire_count, office->lock.release_count);
    unsigned count = office->lock.acquire_count;
    office->lock.acquire_count = 0;
    office->lock.release_count = 0;
    return count;
}

static void quiet(void *context, const char *text, size_t bytes)
{
    // Outside the lock: whoever writes may wait.
    const struct office *office = context;
    assert_false(office->lock.is_held);
    assert_non_null(text);
    assert_true(bytes != 0);
}

static void each_slow_call_takes_the_lock_and_gives_it_back(void **state)
{
    (void)state;
    struct office office;
    office_open(&office, 1 << 20);
    struct region more = kit_dirty_region(65536, 0);
    struct ft_core_heap *heap = &office.heaps[0];
    assert_int_equal(taken(&office), HEAPS);
    void *ptr = ft_core_alloc(heap, 100);
    assert_int_equal(taken(&office), 1);
    void *large = ft_core_alloc(heap, 50000);
    assert_int_equal(taken(&office), 1);
    assert_true(ft_core_resize(heap, large, 60000));
    assert_int_equal(taken(&office), 1);
    assert_int_equal(ft_core_free(heap, large), FT_CORE_OK);
    assert_int_equal(taken(&office), 1);
    assert_int_equal(ft_core_free(heap, large), FT_CORE_DOUBLE_FREE);
    assert_int_equal(taken(&office), 1);
    assert_int_equal(ft_core_free_sized(heap, ptr, 9000), FT_CORE_WRONG_SIZE);
    assert_int_equal(taken(&office), 1);
    assert_null(ft_core_realloc(heap, &office, 10));
    assert_int_equal(taken(&office), 1);
    assert_null(ft_core_alloc(heap, 2 << 20)); // twice: failures are counted
    assert_in_range(taken(&office), 1, 2);
    assert_null(ft_core_alloc(heap, SIZE_MAX));
    assert_int_equal(taken(&office), 1);
    assert_null(ft_core_alloc_zeroed(heap, SIZE_MAX, SIZE_MAX));
    assert_int_equal(taken(&office), 1);
    ft_core_trim(heap);
    assert_int_equal(taken(&office), 1);
    assert_true(ft_core_add_region(heap, more.base, more.bytes));
    assert_false(ft_core_add_region(heap, more.base, more.bytes));
    assert_true(ft_core_remove_region(heap, more.base));
    assert_false(ft_core_remove_region(heap, more.base));
    assert_int_equal(taken(&office), 4);
    struct ft_core_walk walk = {.cursor = {0}};
    struct ft_core_item item;
    while (ft_core_next(heap, &walk, &item)) {
        assert_int_equal(taken(&office), 1);
    }
    assert_int_equal(taken(&office), 1);
    ft_core_report(heap, quiet, &office);
    assert_true(taken(&office) > 1);
    ft_core_close(&office.heaps[2]);
    assert_int_equal(taken(&office), 1);
    struct ft_core_lock lock = office.heaps[0].lock;
    assert_true(ft_core_open(&office.heaps[2], office.core, &lock));
    region_delete(&more);
    office_close(&office);
}

static void an_owner_takes_no_lock_for_what_its_zones_hold(void **state)
{
    (void)state;
    const size_t sizes[] = {16, 48, 200, 1000, 1100, 1250};
    for (unsigned size = 0; size < 6; size++) {
        struct office office;
        office_open(&office, 8 << 20);
        struct ft_core_heap *heap = &office.heaps[1];
        void *chunks[EACH];
        // Until there are zones, and chunks of them to take.
        for (unsigned each = 0; each < EACH; each++) {
            chunks[each] = ft_core_alloc(heap, sizes[size]);
        }
        for (unsigned each = EACH / 2; each < EACH; each++) {
            assert_int_equal(ft_core_free(heap, chunks[each]), FT_CORE_OK);
        }
        (void)taken(&office);
        for (unsigned round = 0; round < 1000; round++) {
            unsigned char *ptr = ft_core_alloc(heap, sizes[size]);
            memset(ptr, 0x22, sizes[size]);
            assert_true(ft_core_resize(heap, ptr, sizes[size] - 1));
            assert_ptr_equal(ft_core_realloc(heap, ptr, sizes[size]), ptr);
            void *zeroed = ft_core_alloc_zeroed(heap, sizes[size], 1);
            assert_true(bytes_are(zeroed, sizes[size], 0));
            assert_int_equal(ft_core_free(heap, zeroed), FT_CORE_OK);
            assert_int_equal(ft_core_free_sized(heap, ptr, sizes[size]), FT_CORE_OK);
            assert_int_equal(ft_core_free(heap, NULL), FT_CORE_OK);
            assert_int_equal(ft_core_locate(office.core, ptr).status, FT_CORE_FREE);
            (void)ft_core_figures(office.core);
        }
        assert_int_equal(taken(&office), 0);
        office_close(&office);
    }
}

static void a_heap_frees_what_another_one_allocated(void **state)
{
    (void)state;
    const size_t sizes[] = {0, 48, 1000, 1500, 9000, 40000};
    for (unsigned size = 0; size < 6; size++) {
        struct office office;
        office_open(&office, 16 << 20);
        size_t bytes = sizes[size];
        void *chunks[EACH];
        for (unsigned round = 0; round < 5; round++) {
            for (unsigned each = 0; each < EACH; each++) {
                chunks[each] = ft_core_alloc(&office.heaps[0], bytes);
                assert_non_null(chunks[each]);
                kit_fill(chunks[each], bytes);
            }
            for (unsigned each = 0; each < EACH; each++) {
                struct ft_core_heap *heap = &office.heaps[1 + each % 2];
                assert_true(kit_is_filled(chunks[each], bytes));
                assert_int_equal(ft_core_free(heap, chunks[each]), FT_CORE_OK);
                assert_int_not_equal(ft_core_locate(office.core, chunks[each]).status,
                                     FT_CORE_LIVE);
                assert_int_equal(ft_core_free(heap, chunks[each]), FT_CORE_DOUBLE_FREE);
            }
            assert_true(ft_core_check(office.core));
        }
        // All of it is there for its owner to give up.
        ft_core_trim(&office.heaps[0]);
        assert_int_equal(ft_core_figures(office.core).used_bytes, 0);
        office_close(&office);
    }
}

static void a_heap_resizes_what_another_one_allocated(void **state)
{
    (void)state;
    struct office office;
    office_open(&office, 4 << 20);
    for (size_t bytes = 1; bytes < 100000; bytes *= 3) {
        for (unsigned count = 0; count < 20; count++) {
            unsigned char *ptr = ft_core_alloc(&office.heaps[0], bytes);
            kit_fill(ptr, bytes);
            unsigned char first = *ptr;
            unsigned char *more = ft_core_realloc(&office.heaps[1], ptr, bytes * 2);
            assert_non_null(more);
            assert_true(bytes_are(more, bytes, first));
            unsigned char *less = ft_core_realloc(&office.heaps[2], more, bytes / 2 + 1);
            assert_non_null(less);
            assert_true(bytes_are(less, bytes / 2 + 1, first));
            assert_int_equal(ft_core_free_sized(&office.heaps[0], less, bytes / 2 + 1), FT_CORE_OK);
        }
        assert_true(ft_core_check(office.core));
    }
    office_close(&office);
}

static void one_heap_alone_needs_no_lock(void **state)
{
    (void)state;
    struct kit kit = kit_new(1 << 20);
    for (size_t bytes = 1; bytes < 100000; bytes *= 2) {
        kit_free(&kit, kit_alloc(&kit, bytes), bytes);
    }
    struct ft_core_walk walk = {.cursor = {0}};
    struct ft_core_item item;
    while (ft_core_next(&kit.heap, &walk, &item)) {
        assert_true(item.is_zone);
    }
    kit_delete(&kit);
}

static void heaps_that_are_full_of_others_chunks_still_serve(void **state)
{
    (void)state;
    struct office office;
    office_open(&office, 1 << 18);
    // One allocates, the other frees, with hardly any room: chunks on their way home are found in time.
    for (unsigned round = 0; round < 20000; round++) {
        void *ptr = ft_core_alloc(&office.heaps[0], 40 + round % 3 * 200);
        assert_non_null(ptr);
        assert_int_equal(ft_core_free(&office.heaps[1], ptr), FT_CORE_OK);
    }
    assert_int_equal(ft_core_figures(office.core).failure_count, 0);
    office_close(&office);
}

static void what_its_owner_frees_is_never_on_its_way_home(void **state)
{
    (void)state;
    struct kit kit = kit_new(1 << 20);
    void *chunks[EACH];
    for (unsigned each = 0; each < EACH; each++) {
        chunks[each] = kit_alloc(&kit, 40);
    }
    // More than the stack has room for at first.
    for (unsigned each = 0; each < EACH; each++) {
        kit_free(&kit, chunks[each], 40);
        assert_true(chunk_locate(&kit.core->arena, chunks[each]).status != CHUNK_HOME);
    }
    kit_delete(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_slow_call_takes_the_lock_and_gives_it_back),
        cmocka_unit_test(an_owner_takes_no_lock_for_what_its_zones_hold),
        cmocka_unit_test(a_heap_frees_what_another_one_allocated),
        cmocka_unit_test(a_heap_resizes_what_another_one_allocated),
        cmocka_unit_test(one_heap_alone_needs_no_lock),
        cmocka_unit_test(heaps_that_are_full_of_others_chunks_still_serve),
        cmocka_unit_test(what_its_owner_frees_is_never_on_its_way_home),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
