// SPDX-License-Identifier: MIT
// Arenas of ft_core: made of any memory, found again, reset, ended.
#include "tests/core/ft_core_kit.h"

#include <string.h>

// Whether a region of so many bytes becomes an arena with a heap and a chunk of 256 bytes.
static bool is_enough(const struct region *region, size_t bytes)
{
    struct ft_core *core = ft_core_create(region->base, bytes, NULL);
    struct ft_core_heap heap;
    bool enough =
        core != NULL && ft_core_open(&heap, core, NULL) && ft_core_alloc(&heap, 256) != NULL;
    assert_true(core == NULL || ft_core_check(core));
    if (core != NULL) {
        ft_core_destroy(core);
    }
    return enough;
}

static void the_smallest_region_holds_a_chunk_of_256_bytes_at_every_address(void **state)
{
    (void)state;
    size_t least = ft_core_bytes_min();
    for (size_t phase = 0; phase < 64; phase++) {
        struct region region = kit_dirty_region(least, phase);
        assert_true(is_enough(&region, least));
        region_delete(&region);
    }
}

static void the_smallest_region_is_hardly_larger_than_it_must_be(void **state)
{
    (void)state;
    size_t least = ft_core_bytes_min();
    size_t needed = 0;
    for (size_t phase = 0; phase < 64; phase++) {
        struct region region = kit_dirty_region(least, phase);
        size_t bytes = least;
        while (is_enough(&region, bytes)) {
            bytes--;
        }
        needed = bytes + 1 > needed ? bytes + 1 : needed;
        region_delete(&region);
    }
    // Each of its four parts may have to be aligned to a unit of 64 bytes.
    assert_in_range(least - needed, 0, 4 * 63);
    assert_in_range(least, 1, 2048);
}

static void any_smaller_region_is_refused_or_serves(void **state)
{
    (void)state;
    for (size_t bytes = 0; bytes <= ft_core_bytes_min(); bytes++) {
        struct region region = kit_dirty_region(bytes, bytes % 64);
        struct ft_core *core = ft_core_create(region.base, bytes, NULL);
        struct ft_core_heap heap;
        if (core != NULL && ft_core_open(&heap, core, NULL)) {
            while (ft_core_alloc(&heap, 1) != NULL) {
            }
            assert_int_equal(ft_core_figures(core).free_bytes, 0);
        }
        assert_true(core == NULL || ft_core_check(core));
        region_delete(&region);
    }
}

static void sizes_that_no_memory_has_are_refused(void **state)
{
    (void)state;
    struct region region = kit_dirty_region(4096, 0);
    assert_null(ft_core_create(region.base, SIZE_MAX, NULL));
    assert_null(ft_core_create(region.base, (size_t)PTRDIFF_MAX + 1, NULL));
    region_delete(&region);
}

static void every_size_and_phase_makes_an_arena_within_its_region(void **state)
{
    (void)state;
    for (size_t bytes = 2048; bytes <= 300000; bytes += bytes / 3 + 17) {
        for (size_t phase = 0; phase < 64; phase += 13) {
            struct kit kit = kit_new_with(bytes, phase, NULL);
            assert_int_equal((uintptr_t)kit.core % 64, 0);
            assert_true((uintptr_t)kit.core - (uintptr_t)kit.region.base < 64);
            struct ft_core_figures figures = ft_core_figures(kit.core);
            assert_in_range(figures.region_bytes, bytes - 64 - 256, bytes);
            for (size_t each = 1; ft_core_figures(kit.core).longest_bytes > 2 * each; each *= 2) {
                kit_alloc(&kit, each);
            }
            while (ft_core_alloc(&kit.heap, 16) != NULL) {
            }
            kit_delete(&kit);
        }
    }
}

static void what_lay_in_the_region_does_not_matter(void **state)
{
    (void)state;
    struct region one = kit_dirty_region(20000, 0);
    struct region other = region_new(20000, 65536, 0);
    for (size_t at = 0; at < other.bytes; at++) {
        other.base[at] = (unsigned char)(at * 31 >> 3);
    }
    struct ft_core_heap heaps[2];
    assert_true(ft_core_open(&heaps[0], ft_core_create(one.base, one.bytes, NULL), NULL));
    assert_true(ft_core_open(&heaps[1], ft_core_create(other.base, other.bytes, NULL), NULL));
    for (size_t bytes = 0; bytes < 1500; bytes += 7) {
        unsigned char *first = ft_core_alloc(&heaps[0], bytes);
        unsigned char *second = ft_core_alloc(&heaps[1], bytes);
        assert_int_equal(first == NULL, second == NULL);
        assert_true(first == NULL || first - one.base == second - other.base);
    }
    region_delete(&one);
    region_delete(&other);
}

static void zeroed_chunks_are_zero_in_a_dirty_region_and_after_use(void **state)
{
    (void)state;
    struct kit kit = kit_new(1 << 20);
    for (unsigned round = 0; round < 3; round++) {
        for (size_t bytes = 1; bytes < 100000; bytes = bytes * 2 + round) {
            unsigned char *ptr = ft_core_alloc_zeroed(&kit.heap, bytes, 1);
            assert_non_null(ptr);
            assert_true(bytes_are(ptr, bytes, 0));
            memset(ptr, 0xEE, bytes);
            assert_int_equal(ft_core_free(&kit.heap, ptr), FT_CORE_OK);
        }
    }
    kit_delete(&kit);
}

static void a_region_said_to_be_zero_is_not_cleared_again(void **state)
{
    (void)state;
    const struct ft_core_options options = {.is_zero = true};
    struct kit kit = kit_new_with(1 << 20, 0, &options);
    // The test lies to see it: a byte of a chunk that nobody had is not written.
    unsigned char *last = kit.region.base + kit.region.bytes / 2;
    kit_poke(last, 1, 1);
    unsigned char *ptr = ft_core_alloc_zeroed(&kit.heap, 1, 700000);
    assert_true(ptr < last && last < ptr + 700000);
    assert_int_equal(*last, 1);
    // What was used is cleared.
    memset(ptr, 0xEE, 700000);
    assert_int_equal(ft_core_free(&kit.heap, ptr), FT_CORE_OK);
    ptr = ft_core_alloc_zeroed(&kit.heap, 700, 1000);
    assert_true(bytes_are(ptr, 700000, 0));
    kit_delete(&kit);
}

static void each_unit_from_the_least_to_64_kib_works(void **state)
{
    (void)state;
    for (size_t unit = 32; unit <= 65536; unit *= 2) {
        const struct ft_core_options options = {.unit_bytes = unit, .zone_bytes_max = SIZE_MAX};
        struct kit kit = kit_new_with(16 << 20, 48, &options);
        for (size_t bytes = 0; bytes < 1000; bytes += 5) {
            kit_alloc(&kit, bytes);
        }
        void *large = kit_alloc(&kit, 40000);
        assert_int_equal((uintptr_t)large % unit, 0);
        assert_int_equal(ft_core_locate(kit.core, large).capacity,
                         (40000 + unit - 1) & ~(unit - 1));
        kit_delete(&kit);
    }
}

static void every_unit_serves_until_its_region_is_full(void **state)
{
    (void)state;
    for (size_t unit = 32; unit <= 4096; unit *= 2) {
        for (size_t bytes = 2048; bytes <= 1 << 18; bytes *= 2) {
            const struct ft_core_options options = {.unit_bytes = unit, .zone_bytes_max = SIZE_MAX};
            struct region region = kit_dirty_region(bytes, 16);
            struct ft_core *core = ft_core_create(region.base, bytes, &options);
            struct ft_core_heap heap;
            bool is_open = core != NULL && ft_core_open(&heap, core, NULL);
            for (size_t each = 1; is_open && each < 400; each += 24) {
                for (unsigned count = 0; count < 120; count++) {
                    (void)ft_core_alloc(&heap, each);
                }
            }
            assert_true(core == NULL || ft_core_check(core));
            assert_true(core == NULL || bytes < 65536 || is_open);
            region_delete(&region);
        }
    }
}

static void units_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    const size_t nonsense[] = {1, 2, 16, 24, 33, 63, 65, 100, 65535, 65537, 131072, SIZE_MAX};
    struct region region = kit_dirty_region(1 << 20, 0);
    for (unsigned index = 0; index < sizeof(nonsense) / sizeof(nonsense[0]); index++) {
        const struct ft_core_options options = {.unit_bytes = nonsense[index]};
        assert_null(ft_core_create(region.base, region.bytes, &options));
    }
    region_delete(&region);
}

static void a_small_unit_on_a_large_region_makes_several_sections_of_it(void **state)
{
    (void)state;
    const struct ft_core_options options = {.unit_bytes = 64};
    struct kit kit = kit_new_with(10 << 20, 0, &options);
    struct ft_core_figures figures = ft_core_figures(kit.core);
    assert_true(figures.free_bytes > 8 << 20);
    assert_true(figures.longest_bytes > 3 << 20 && figures.longest_bytes <= 65535 * 64);
    for (unsigned count = 0; count < 8; count++) {
        kit_alloc(&kit, 1000000);
    }
    kit_delete(&kit);
}

static void the_longest_zone_is_as_long_as_the_option_says(void **state)
{
    (void)state;
    for (size_t most = 1; most <= 4 << 20; most *= 3) {
        const struct ft_core_options options = {.zone_bytes_max = most, .unit_bytes = 256};
        struct kit kit = kit_new_with(8 << 20, 0, &options);
        for (size_t bytes = 16; bytes <= 4096; bytes *= 2) {
            size_t before = ft_core_figures(kit.core).zone_count;
            // By then a zone takes no more than as many runs do.
            for (unsigned count = 0; count <= 100; count++) {
                kit_alloc(&kit, bytes);
            }
            size_t zones = ft_core_figures(kit.core).zone_count - before;
            assert_int_equal(zones != 0, ((100 * bytes + 255) & ~(size_t)255) <= most);
        }
        kit_delete(&kit);
    }
}

static void a_heap_can_be_opened_whatever_its_stacks_may_hold(void **state)
{
    (void)state;
    for (size_t most = 1; most != 0; most <<= 1) {
        const struct ft_core_options options = {.stack_bytes_max = most};
        struct kit kit = kit_new_with(1 << 20, 0, &options);
        kit_alloc(&kit, 100);
        kit_delete(&kit);
    }
}

static void arenas_share_nothing(void **state)
{
    (void)state;
    struct kit kits[4];
    void *chunks[4][50];
    for (unsigned each = 0; each < 4; each++) {
        kits[each] = kit_new_with(30000 + 10000 * each, 16 * each, NULL);
    }
    for (unsigned round = 0; round < 50; round++) {
        for (unsigned each = 0; each < 4; each++) {
            chunks[each][round] = kit_alloc(&kits[each], 10 * round);
        }
    }
    struct picture picture = picture_of(&kits[0].region);
    for (unsigned round = 0; round < 50; round++) {
        assert_int_equal(ft_core_free(&kits[1].heap, chunks[0][round]), FT_CORE_FOREIGN);
        kit_free(&kits[1], chunks[1][round], 10 * round);
        kit_free(&kits[2], chunks[2][round], 10 * round);
    }
    kit_delete(&kits[3]);
    ft_core_reset(kits[2].core);
    assert_true(picture_is_still(&picture, &kits[0].region));
    for (unsigned each = 0; each < 3; each++) {
        kit_delete(&kits[each]);
    }
}

// What a function that is called next finds on the stack.
__attribute__((noinline)) static void soil_stack(unsigned char byte)
{
    volatile unsigned char soil[8192];
    for (size_t at = 0; at < sizeof(soil); at++) {
        soil[at] = byte;
    }
}

static void no_byte_of_an_arena_is_what_lay_on_a_stack(void **state)
{
    (void)state;
    struct region region = kit_dirty_region(1 << 20, 0);
    soil_stack(0x55);
    struct ft_core *core = ft_core_create(region.base, 1 << 20, NULL);
    assert_non_null(core);
    struct picture picture = picture_of(&region);
    ft_core_destroy(core);
    soil_stack(0xAA);
    assert_ptr_equal(ft_core_create(region.base, 1 << 20, NULL), core);
    assert_true(picture_is_still(&picture, &region));
    ft_core_destroy(core);
    region_delete(&region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_region_holds_a_chunk_of_256_bytes_at_every_address),
        cmocka_unit_test(the_smallest_region_is_hardly_larger_than_it_must_be),
        cmocka_unit_test(any_smaller_region_is_refused_or_serves),
        cmocka_unit_test(sizes_that_no_memory_has_are_refused),
        cmocka_unit_test(every_size_and_phase_makes_an_arena_within_its_region),
        cmocka_unit_test(what_lay_in_the_region_does_not_matter),
        cmocka_unit_test(zeroed_chunks_are_zero_in_a_dirty_region_and_after_use),
        cmocka_unit_test(a_region_said_to_be_zero_is_not_cleared_again),
        cmocka_unit_test(each_unit_from_the_least_to_64_kib_works),
        cmocka_unit_test(every_unit_serves_until_its_region_is_full),
        cmocka_unit_test(units_that_make_no_sense_are_refused),
        cmocka_unit_test(a_small_unit_on_a_large_region_makes_several_sections_of_it),
        cmocka_unit_test(the_longest_zone_is_as_long_as_the_option_says),
        cmocka_unit_test(a_heap_can_be_opened_whatever_its_stacks_may_hold),
        cmocka_unit_test(arenas_share_nothing),
        cmocka_unit_test(no_byte_of_an_arena_is_what_lay_on_a_stack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
