// SPDX-License-Identifier: MIT
// Regions that are longer than one section can be: with units of 32 bytes, 2 MiB is more than enough.
#include "core/ft_core_state.h"

#include "tests/core/region.h"
#include "tests/core/test.h"

#include <string.h>

enum { BYTES = 7 << 20, CHUNKS_MAX = 1 << 18 };

static struct region regions[2];
static struct ft_core *core;
static struct ft_core_heap heap;
static void *chunks[CHUNKS_MAX];
static size_t count;

static void begin(void)
{
    const struct ft_core_options options = {.unit_bytes = 32, .zone_bytes_max = 1};
    for (unsigned index = 0; index < 2; index++) {
        regions[index] = region_new(BYTES, 4096, 8);
        memset(regions[index].base, 0xEE, BYTES);
    }
    count = 0;
    core = ft_core_create(regions[0].base, BYTES, &options);
    assert_non_null(core);
    assert_true(ft_core_open(&heap, core, NULL));
}

static void end(void)
{
    assert_true(ft_core_check(core));
    region_delete(&regions[0]);
    region_delete(&regions[1]);
}

static void fill(size_t bytes)
{
    while (count < CHUNKS_MAX && (chunks[count] = ft_core_alloc(&heap, bytes)) != NULL) {
        memset(chunks[count], (int)(count & 0x7F), bytes);
        count++;
    }
}

static void free_all(size_t bytes)
{
    for (size_t index = 0; index < count; index++) {
        assert_true(bytes_are(chunks[index], bytes, (unsigned char)(index & 0x7F)));
        assert_int_equal(ft_core_free(&heap, chunks[index]), FT_CORE_OK);
        assert_int_equal(ft_core_free(&heap, chunks[index]), FT_CORE_DOUBLE_FREE);
    }
    count = 0;
}

static void a_long_region_is_used_whole(void **state)
{
    (void)state;
    begin();
    assert_int_equal(core->arena.section_count, 3);
    size_t free_bytes = ft_core_figures(core).free_bytes;
    assert_true(free_bytes > BYTES / 40 * 30);
    fill(1000);
    assert_true(count * 1024 + 5 * 1024 > free_bytes);
    assert_true(ft_core_check(core));
    free_all(1000);
    assert_int_equal(ft_core_figures(core).free_bytes, free_bytes);
    // The longest chunk is as long as one section.
    assert_null(ft_core_alloc(&heap, 3 << 20));
    assert_non_null(ft_core_alloc(&heap, ft_core_figures(core).longest_bytes));
    end();
}

static void a_reset_keeps_every_part(void **state)
{
    (void)state;
    begin();
    struct ft_core_figures before = ft_core_figures(core);
    fill(100);
    count = 0;
    ft_core_reset(core);
    assert_true(ft_core_open(&heap, core, NULL));
    struct ft_core_figures after = ft_core_figures(core);
    assert_int_equal(before.free_bytes, after.free_bytes);
    assert_int_equal(before.region_bytes, after.region_bytes);
    assert_true(ft_core_add_region(&heap, regions[1].base, BYTES));
    size_t section_count = core->arena.section_count;
    ft_core_reset(core);
    assert_true(ft_core_open(&heap, core, NULL));
    assert_int_equal(core->arena.section_count, section_count);
    // It is still known which of them are one region.
    assert_true(ft_core_remove_region(&heap, regions[1].base));
    assert_int_equal(ft_core_figures(core).region_bytes, before.region_bytes);
    end();
}

static void a_long_region_goes_as_it_came(void **state)
{
    (void)state;
    begin();
    struct ft_core_figures before = ft_core_figures(core);
    assert_true(ft_core_add_region(&heap, regions[1].base, BYTES));
    assert_false(ft_core_add_region(&heap, regions[1].base + BYTES / 2, BYTES / 4));
    assert_true(ft_core_figures(core).region_bytes > before.region_bytes + BYTES - 4096);
    fill(5000);
    // A chunk in any of its parts keeps all of them.
    unsigned char *last = NULL;
    for (size_t index = 0; index < count; index++) {
        unsigned char *chunk = chunks[index];
        bool is_there = chunk >= regions[1].base && chunk < regions[1].base + BYTES;
        last = is_there && (last == NULL || chunk > last) ? chunk : last;
    }
    assert_non_null(last);
    for (size_t index = 0; index < count; index++) {
        if (chunks[index] != last) {
            assert_int_equal(ft_core_free(&heap, chunks[index]), FT_CORE_OK);
        }
    }
    assert_false(ft_core_remove_region(&heap, regions[1].base));
    assert_int_equal(ft_core_free(&heap, last), FT_CORE_OK);
    // Nor is a part of it a region.
    assert_false(ft_core_remove_region(&heap, regions[1].base + 4096));
    assert_true(ft_core_remove_region(&heap, regions[1].base));
    memset(regions[1].base, 0x55, BYTES);
    assert_int_equal(ft_core_figures(core).free_bytes, before.free_bytes);
    assert_int_equal(ft_core_free(&heap, last), FT_CORE_FOREIGN);
    assert_false(ft_core_remove_region(&heap, regions[1].base));
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_long_region_is_used_whole),
        cmocka_unit_test(a_reset_keeps_every_part),
        cmocka_unit_test(a_long_region_goes_as_it_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
