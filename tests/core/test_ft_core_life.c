// SPDX-License-Identifier: MIT
// The life of an ft_core arena: found again, moved, taken over, reset, ended; its heaps opened and closed.
#include "tests/core/ft_core_kit.h"

#include <string.h>

enum { MANY = 300 };

// Live chunks of all kinds, some of whose neighbours were freed.
static size_t fill_mixed(struct kit *kit, void **chunks, size_t *sizes)
{
    size_t count = 0;
    for (size_t each = 0; each < MANY; each++) {
        size_t bytes = each % 40 == 0 ? 33000 + each : (each * 37) % 1200;
        void *ptr = kit_alloc(kit, bytes);
        if (each % 3 == 0 && each % 40 != 0) {
            kit_free(kit, ptr, bytes);
            continue;
        }
        chunks[count] = ptr;
        sizes[count++] = bytes;
    }
    return count;
}

static void an_arena_is_found_where_it_was_made_and_nowhere_else(void **state)
{
    (void)state;
    for (size_t phase = 0; phase < 64; phase += 9) {
        struct kit kit = kit_new_with(50000, phase, NULL);
        assert_ptr_equal(ft_core_attach(kit.region.base), kit.core);
        assert_ptr_equal(ft_core_attach(kit.core), kit.core);
        assert_null(ft_core_attach(kit.region.base + 1024));
        kit_delete(&kit);
    }
    struct region region = kit_dirty_region(4096, 0);
    assert_null(ft_core_attach(region.base));
    memset(region.base, 0, region.bytes);
    assert_null(ft_core_attach(region.base));
    region_delete(&region);
}

static void an_arena_that_was_ended_is_not_found_any_more(void **state)
{
    (void)state;
    struct kit kit = kit_new(50000);
    ft_core_destroy(kit.core);
    assert_null(ft_core_attach(kit.region.base));
    memset(kit.region.base, 0x5A, kit.region.bytes);
    kit.core = ft_core_create(kit.region.base, kit.region.bytes, NULL);
    assert_non_null(kit.core);
    assert_ptr_equal(ft_core_attach(kit.region.base), kit.core);
    kit_delete(&kit);
}

static void an_arena_moves_by_whole_units_only(void **state)
{
    (void)state;
    const struct ft_core_options options = {.unit_bytes = 1024};
    struct kit kit = kit_new_with(50000, 0, &options);
    struct region other = kit_dirty_region(60000, 0);
    for (size_t phase = 0; phase <= 4096; phase += 64) {
        kit_move(other.base + phase, kit.region.base, kit.region.bytes);
        struct ft_core *core = ft_core_attach(other.base + phase);
        assert_int_equal(core != NULL, phase % 1024 == 0);
        assert_true(core == NULL || core == (void *)(other.base + phase));
    }
    region_delete(&other);
    kit_delete(&kit);
}

static void a_moved_arena_goes_on_with_everything_that_was_in_it(void **state)
{
    (void)state;
    struct kit kit = kit_new(1 << 20);
    void *chunks[MANY];
    size_t sizes[MANY];
    size_t count = fill_mixed(&kit, chunks, sizes);
    struct region other = kit_dirty_region((1 << 20) + 65536, 0);
    unsigned char *base = other.base + 65536;
    kit_move(base, kit.region.base, kit.region.bytes);
    kit_poke(kit.region.base, kit.region.bytes, 0xEE); // nothing leads back there

    struct ft_core *core = ft_core_attach(base);
    assert_non_null(core);
    assert_true(ft_core_check(core)); // the heap that was left open as well
    ft_core_revive(core);
    assert_true(ft_core_check(core));
    struct ft_core_heap heap;
    assert_true(ft_core_open(&heap, core, NULL));
    assert_int_equal(ft_core_figures(core).heap_count, 1); // the old one again
    for (size_t each = 0; each < count; each++) {
        unsigned char *ptr = base + ((unsigned char *)chunks[each] - kit.region.base);
        struct ft_core_place place = ft_core_locate(core, ptr);
        assert_int_equal(place.status, FT_CORE_LIVE);
        assert_ptr_equal(place.base, ptr);
        assert_int_equal(place.bytes, sizes[each]);
        assert_int_equal(ft_core_free(&heap, chunks[each]), FT_CORE_FOREIGN);
        assert_int_equal(ft_core_free(&heap, ptr), FT_CORE_OK);
        assert_int_equal(ft_core_free(&heap, ptr), FT_CORE_DOUBLE_FREE);
    }
    ft_core_trim(&heap);
    assert_int_equal(ft_core_figures(core).used_bytes, 0);
    assert_true(ft_core_check(core));
    ft_core_destroy(core);
    region_delete(&other);
    region_delete(&kit.region);
}

static void an_arena_of_several_regions_moves_as_a_whole(void **state)
{
    (void)state;
    enum { EACH = 65536 };
    struct region all = kit_dirty_region(6 * EACH, 0);
    struct ft_core *core = ft_core_create(all.base, EACH, NULL);
    struct ft_core_heap heap;
    assert_true(ft_core_open(&heap, core, NULL));
    assert_true(ft_core_add_region(&heap, all.base + 2 * EACH, EACH));
    unsigned char *ptr = NULL;
    while (ptr < all.base + 2 * EACH) {
        ptr = ft_core_alloc(&heap, 500);
        kit_fill(ptr, 500);
    }
    unsigned char first = *ptr;
    kit_move(all.base + 3 * EACH, all.base, 3 * EACH);
    ptr += 3 * EACH;
    core = ft_core_attach(all.base + 3 * EACH);
    assert_non_null(core);
    ft_core_revive(core);
    assert_true(ft_core_open(&heap, core, NULL));
    assert_int_equal(ft_core_locate(core, ptr).bytes, 500);
    assert_true(bytes_are(ptr, 500, first));
    assert_int_equal(ft_core_free(&heap, ptr), FT_CORE_OK);
    assert_true(ft_core_check(core));
    region_delete(&all);
}

static void reviving_takes_heaps_from_the_dead(void **state)
{
    (void)state;
    struct kit kit = kit_new(1 << 20);
    void *chunks[MANY];
    size_t sizes[MANY];
    size_t count = fill_mixed(&kit, chunks, sizes);
    struct ft_core_heap others[3];
    for (unsigned each = 0; each < 3; each++) {
        assert_true(ft_core_open(&others[each], kit.core, NULL));
        assert_int_equal(ft_core_free(&others[each], ft_core_alloc(&others[each], 60)), FT_CORE_OK);
    }
    assert_int_equal(ft_core_figures(kit.core).heap_count, 4);
    size_t metadata = ft_core_figures(kit.core).metadata_bytes;
    ft_core_revive(kit.core);
    assert_true(ft_core_check(kit.core));
    for (unsigned each = 0; each < 3; each++) {
        assert_true(ft_core_open(&others[each], kit.core, NULL));
    }
    assert_true(ft_core_open(&kit.heap, kit.core, NULL));
    assert_int_equal(ft_core_figures(kit.core).heap_count, 4);
    assert_int_equal(ft_core_figures(kit.core).metadata_bytes, metadata);
    for (size_t each = 0; each < count; each++) {
        kit_free(&kit, chunks[each], sizes[each]);
    }
    kit_delete(&kit);
}

static void reset_forgets_chunks_heaps_and_counters(void **state)
{
    (void)state;
    for (unsigned is_zero = 0; is_zero < 2; is_zero++) {
        const struct ft_core_options options = {.is_zero = is_zero != 0};
        struct kit kit = kit_new_with(1 << 20, 32, &options);
        ft_core_reset(kit.core);
        struct ft_core_figures empty = ft_core_figures(kit.core);
        assert_int_equal(empty.used_bytes, 0);
        assert_int_equal(empty.heap_count, 0);
        assert_true(ft_core_open(&kit.heap, kit.core, NULL));
        void *chunks[MANY];
        size_t sizes[MANY];
        size_t count = fill_mixed(&kit, chunks, sizes);
        assert_null(ft_core_alloc(&kit.heap, 2 << 20));
        memset(chunks[1], 0xEE, sizes[1]);
        ft_core_reset(kit.core);
        struct ft_core_figures figures = ft_core_figures(kit.core);
        assert_memory_equal(&figures, &empty, sizeof(figures));
        assert_true(ft_core_check(kit.core));
        assert_true(ft_core_open(&kit.heap, kit.core, NULL));
        for (size_t each = 0; each < count; each++) {
            assert_int_not_equal(ft_core_locate(kit.core, chunks[each]).status, FT_CORE_LIVE);
        }
        // What was used is cleared, though the region was zero once.
        unsigned char *zeroed = ft_core_alloc_zeroed(&kit.heap, 900000, 1);
        assert_non_null(zeroed);
        assert_true(bytes_are(zeroed, 900000, 0));
        kit_delete(&kit);
    }
}

static void reset_keeps_every_region_whatever_its_size(void **state)
{
    (void)state;
    for (size_t bytes = 4096; bytes < 200000; bytes += 4999) {
        // One above the other: the next heap is opened in the lower one.
        struct region all = kit_dirty_region(2 * bytes, 8);
        unsigned char *more = all.base + bytes;
        struct ft_core *core = ft_core_create(all.base, bytes, NULL);
        struct ft_core_heap heap;
        assert_true(ft_core_open(&heap, core, NULL));
        assert_true(ft_core_add_region(&heap, more, bytes));
        struct ft_core_figures before = ft_core_figures(core);
        ft_core_reset(core);
        assert_true(ft_core_open(&heap, core, NULL));
        struct ft_core_figures after = ft_core_figures(core);
        assert_int_equal(after.region_bytes, before.region_bytes);
        assert_int_equal(after.free_bytes, before.free_bytes);
        assert_true(ft_core_remove_region(&heap, more));
        assert_true(ft_core_check(core));
        region_delete(&all);
    }
}

static void reset_loses_no_unit_of_any_size(void **state)
{
    (void)state;
    static _Alignas(64) unsigned char buffer[(1 << 20) + 64];
    for (size_t unit = 32; unit <= 1024; unit *= 2) {
        for (size_t bytes = 20000; bytes < 1 << 20; bytes += bytes / 8 + 16) {
            const struct ft_core_options options = {.unit_bytes = unit};
            struct ft_core *core = ft_core_create(buffer + 16, bytes, &options);
            assert_non_null(core);
            struct ft_core_figures before = ft_core_figures(core);
            ft_core_reset(core);
            struct ft_core_figures after = ft_core_figures(core);
            assert_memory_equal(&after, &before, sizeof(before));
            ft_core_destroy(core);
        }
    }
}

static void a_walk_that_goes_on_after_a_reset_comes_to_an_end(void **state)
{
    (void)state;
    for (unsigned before = 1; before < 20; before++) {
        for (unsigned after = 0; after < 30; after++) {
            struct kit kit = kit_new(1 << 18);
            struct ft_core_walk walk = {.cursor = {0}};
            struct ft_core_item item;
            for (unsigned count = 0; count < before; count++) {
                (void)ft_core_alloc(&kit.heap, 5000);
            }
            for (unsigned count = 0; count < before; count++) {
                assert_true(ft_core_next(&kit.heap, &walk, &item));
            }
            ft_core_reset(kit.core);
            assert_true(ft_core_open(&kit.heap, kit.core, NULL));
            for (unsigned count = 0; count < after; count++) {
                (void)ft_core_alloc(&kit.heap, 7000);
            }
            unsigned steps = 0;
            while (ft_core_next(&kit.heap, &walk, &item)) {
                assert_true(++steps <= 2 * after);
            }
            kit_delete(&kit);
        }
    }
}

static void the_next_open_gets_what_a_closed_heap_left(void **state)
{
    (void)state;
    struct kit kit = kit_new(1 << 20);
    size_t metadata = ft_core_figures(kit.core).metadata_bytes;
    void *held = kit_alloc(&kit, 77);
    for (unsigned round = 0; round < 1000; round++) {
        ft_core_close(&kit.heap);
        assert_true(ft_core_check(kit.core));
        assert_true(ft_core_open(&kit.heap, kit.core, NULL));
        kit_free(&kit, held, 77);
        held = kit_alloc(&kit, 77);
    }
    assert_int_equal(ft_core_figures(kit.core).heap_count, 1);
    assert_true(ft_core_figures(kit.core).metadata_bytes <= metadata + 2048); // one zone's record
    kit_delete(&kit);
}

static void chunks_of_a_closed_heap_stay_in_use(void **state)
{
    (void)state;
    struct kit kit = kit_new(1 << 20);
    void *chunks[MANY];
    size_t sizes[MANY];
    struct kit other = kit;
    assert_true(ft_core_open(&other.heap, kit.core, NULL));
    size_t count = fill_mixed(&other, chunks, sizes);
    ft_core_close(&other.heap);
    for (size_t each = 0; each < count; each++) {
        assert_int_equal(ft_core_locate(kit.core, chunks[each]).status, FT_CORE_LIVE);
        kit_free(&kit, chunks[each], sizes[each]);
        assert_int_equal(ft_core_free(&kit.heap, chunks[each]), FT_CORE_DOUBLE_FREE);
        assert_true(ft_core_check(kit.core));
    }
    kit_delete(&kit);
}

// Opens heaps, allocates of each small class from each, closes them, and frees it all: they keep empty zones.
static void leave_zones_to_closed_heaps(struct kit *kit)
{
    enum { HEAPS = 4, EACH = 8, BYTES_MAX = 512 };
    struct ft_core_heap heaps[HEAPS];
    void *chunks[HEAPS * BYTES_MAX / 16 * EACH];
    size_t count = 0;
    for (unsigned each = 0; each < HEAPS; each++) {
        assert_true(ft_core_open(&heaps[each], kit->core, NULL));
    }
    for (unsigned each = 0; each < HEAPS; each++) {
        for (size_t bytes = 16; bytes <= BYTES_MAX; bytes += 16) {
            for (unsigned chunk = 0; chunk < EACH; chunk++) {
                chunks[count] = ft_core_alloc(&heaps[each], bytes);
                assert_non_null(chunks[count++]);
            }
        }
        ft_core_close(&heaps[each]);
    }
    while (count-- != 0) {
        assert_int_equal(ft_core_free(&kit->heap, chunks[count]), FT_CORE_OK);
    }
    assert_true(ft_core_figures(kit->core).zone_count >= HEAPS);
    assert_true(ft_core_check(kit->core));
}

static void a_trim_takes_what_closed_heaps_keep(void **state)
{
    (void)state;
    struct kit kit = kit_new(1 << 20);
    leave_zones_to_closed_heaps(&kit);
    ft_core_trim(&kit.heap);
    assert_int_equal(ft_core_figures(kit.core).zone_count, 0);
    assert_int_equal(ft_core_figures(kit.core).used_bytes, 0);
    kit_delete(&kit);
}

static void before_a_refusal_closed_heaps_give_up_what_they_keep(void **state)
{
    (void)state;
    struct kit kit = kit_new(1 << 20);
    leave_zones_to_closed_heaps(&kit);
    struct ft_core_figures figures = ft_core_figures(kit.core);
    size_t most = figures.free_bytes + figures.used_bytes / 2;
    kit_free(&kit, kit_alloc(&kit, most), most);
    assert_int_equal(ft_core_figures(kit.core).zone_count, 0);
    assert_int_equal(ft_core_figures(kit.core).failure_count, 0);
    kit_delete(&kit);
}

static void heaps_are_opened_until_there_is_no_memory_and_that_is_counted(void **state)
{
    (void)state;
    struct kit kit = kit_new(65536);
    struct ft_core_heap heap;
    size_t count = 1;
    while (ft_core_open(&heap, kit.core, NULL)) {
        count++;
    }
    assert_true(count > 10);
    assert_int_equal(ft_core_figures(kit.core).heap_count, count);
    assert_int_equal(ft_core_figures(kit.core).failure_count, 1);
    kit_delete(&kit);
}

static void trim_gives_back_all_that_is_empty(void **state)
{
    (void)state;
    struct kit kit = kit_new(1 << 20);
    void *chunks[MANY];
    size_t sizes[MANY];
    for (unsigned round = 0; round < 5; round++) {
        size_t count = fill_mixed(&kit, chunks, sizes);
        for (size_t each = 0; each < count; each++) {
            kit_free(&kit, chunks[each], sizes[each]);
        }
        ft_core_trim(&kit.heap);
        struct ft_core_figures figures = ft_core_figures(kit.core);
        assert_int_equal(figures.used_bytes, 0);
        assert_int_equal(figures.zone_count, 0);
        assert_int_equal(figures.large_count, 0);
        assert_true(ft_core_check(kit.core));
    }
    kit_delete(&kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arena_is_found_where_it_was_made_and_nowhere_else),
        cmocka_unit_test(an_arena_that_was_ended_is_not_found_any_more),
        cmocka_unit_test(an_arena_moves_by_whole_units_only),
        cmocka_unit_test(a_moved_arena_goes_on_with_everything_that_was_in_it),
        cmocka_unit_test(an_arena_of_several_regions_moves_as_a_whole),
        cmocka_unit_test(reviving_takes_heaps_from_the_dead),
        cmocka_unit_test(reset_forgets_chunks_heaps_and_counters),
        cmocka_unit_test(reset_keeps_every_region_whatever_its_size),
        cmocka_unit_test(reset_loses_no_unit_of_any_size),
        cmocka_unit_test(a_walk_that_goes_on_after_a_reset_comes_to_an_end),
        cmocka_unit_test(the_next_open_gets_what_a_closed_heap_left),
        cmocka_unit_test(chunks_of_a_closed_heap_stay_in_use),
        cmocka_unit_test(a_trim_takes_what_closed_heaps_keep),
        cmocka_unit_test(before_a_refusal_closed_heaps_give_up_what_they_keep),
        cmocka_unit_test(heaps_are_opened_until_there_is_no_memory_and_that_is_counted),
        cmocka_unit_test(trim_gives_back_all_that_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
