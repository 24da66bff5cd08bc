// SPDX-License-Identifier: MIT
// What ft_core tells of an arena: places, walks, reports, figures; and that a breach is seen.
#include "core/ft_core_state.h"
#include "tests/core/ft_core_kit.h"

#include <stdio.h>
#include <string.h>

enum { COUNT = 260, TEXT_BYTES = 1 << 16 };

struct content {
    struct kit kit;
    unsigned char *chunks[COUNT]; // NULL: freed
    size_t sizes[COUNT];
    size_t total;
    size_t live_count;
};

// Chunks of all kinds, a third of them freed again.
static void fill(struct content *content)
{
    *content = (struct content){.kit = kit_new(4 << 20)};
    for (size_t each = 0; each < COUNT; each++) {
        size_t bytes = each < 130 ? each % 48 : each * each % 50000;
        content->sizes[each] = bytes;
        content->chunks[each] = kit_alloc(&content->kit, bytes);
    }
    for (size_t each = 0; each < COUNT; each++) {
        if (each % 3 == 0) {
            kit_free(&content->kit, content->chunks[each], content->sizes[each]);
            content->chunks[each] = NULL;
            continue;
        }
        content->total += content->sizes[each];
        content->live_count++;
    }
}

static size_t index_of(const struct content *content, const void *base)
{
    size_t each = 0;
    while (each < COUNT && content->chunks[each] != base) {
        each++;
    }
    return each;
}

static void a_place_is_told_of_every_byte_of_a_chunk(void **state)
{
    (void)state;
    static struct content content;
    fill(&content);
    for (size_t each = 0; each < COUNT; each++) {
        unsigned char *ptr = content.chunks[each];
        if (ptr == NULL) {
            continue;
        }
        size_t capacity = ft_core_locate(content.kit.core, ptr).capacity;
        for (size_t at = 0; at < capacity; at += at < 64 ? 1 : 61) {
            struct ft_core_place place = ft_core_locate(content.kit.core, ptr + at);
            assert_int_equal(place.status, FT_CORE_LIVE);
            assert_ptr_equal(place.base, ptr);
            assert_int_equal(place.bytes, content.sizes[each]);
            assert_int_equal(place.capacity, capacity);
        }
        struct ft_core_place next = ft_core_locate(content.kit.core, ptr + capacity);
        assert_true(next.status == FT_CORE_NOT_OURS || next.base != ptr);
    }
    kit_delete(&content.kit);
}

static void a_place_that_is_free_tells_what_it_could_hold(void **state)
{
    (void)state;
    struct kit kit = kit_new(4 << 20);
    unsigned char *ptr = NULL;
    for (unsigned each = 0; each < 150; each++) {
        ptr = kit_alloc(&kit, 100);
    }
    kit_free(&kit, ptr, 100);
    struct ft_core_place place = ft_core_locate(kit.core, ptr + 5);
    assert_int_equal(place.status, FT_CORE_FREE);
    assert_ptr_equal(place.base, ptr);
    assert_int_equal(place.capacity, 112);
    unsigned char *end = kit.region.base + kit.region.bytes;
    assert_int_equal(ft_core_locate(kit.core, end - 70000).status, FT_CORE_UNUSED);
    assert_int_equal(ft_core_locate(kit.core, kit.heap.heap).status, FT_CORE_UNUSED);
    assert_int_equal(ft_core_locate(kit.core, end).status, FT_CORE_NOT_OURS);
    kit_delete(&kit);
}

static void a_walk_tells_every_chunk_in_use_once_by_address(void **state)
{
    (void)state;
    static struct content content;
    fill(&content);
    struct ft_core_walk walk = {.cursor = {0}};
    struct ft_core_item item = {.base = NULL};
    struct ft_core_item zone = {.base = NULL};
    uintptr_t last = 0;
    size_t chunks = 0;
    size_t zones = 0;
    size_t larges = 0;
    while (ft_core_next(&content.kit.heap, &walk, &item)) {
        if (item.is_zone) {
            assert_true((uintptr_t)item.base >= (uintptr_t)zone.base + zone.bytes);
            zones += item.kind != FT_CORE_LARGE;
            larges += item.kind == FT_CORE_LARGE;
            zone = item;
            continue;
        }
        size_t each = index_of(&content, item.base);
        assert_true(each < COUNT);
        assert_int_equal(item.bytes, content.sizes[each]);
        assert_int_equal(item.kind, zone.kind);
        assert_true(item.base >= zone.base);
        assert_true((uintptr_t)item.base + item.bytes <= (uintptr_t)zone.base + zone.bytes);
        assert_true((uintptr_t)item.base > last);
        last = (uintptr_t)item.base;
        chunks++;
    }
    assert_int_equal(chunks, content.live_count);
    struct ft_core_figures figures = ft_core_figures(content.kit.core);
    assert_int_equal(zones, figures.zone_count);
    assert_int_equal(larges, figures.large_count);
    assert_false(ft_core_next(&content.kit.heap, &walk, &item)); // the end is the end
    kit_delete(&content.kit);
}

static void a_walk_tells_what_stays_whatever_happens_between_its_steps(void **state)
{
    (void)state;
    for (unsigned rhythm = 1; rhythm < 9; rhythm++) {
        static struct content content;
        fill(&content);
        struct ft_core_walk walk = {.cursor = {0}};
        struct ft_core_item item;
        unsigned told[COUNT] = {0};
        void *passing[600];
        unsigned steps = 0;
        while (ft_core_next(&content.kit.heap, &walk, &item)) {
            size_t each = item.is_zone ? COUNT : index_of(&content, item.base);
            if (each < COUNT) {
                assert_int_equal(item.bytes, content.sizes[each]);
                told[each]++;
            }
            assert_true(steps < 5000);
            if (steps < 600) {
                passing[steps] = ft_core_alloc(&content.kit.heap, steps * 97 % 3000);
            }
            if (steps % rhythm == 0 && steps / 2 < 600) {
                (void)ft_core_free(&content.kit.heap, passing[steps / 2]);
                ft_core_trim(&content.kit.heap);
            }
            steps++;
        }
        for (size_t each = 0; each < COUNT; each++) {
            assert_true(content.chunks[each] == NULL || told[each] == 1);
        }
        kit_delete(&content.kit);
    }
}

struct paper {
    char text[TEXT_BYTES];
    size_t bytes;
};

static void write_down(void *context, const char *text, size_t bytes)
{
    struct paper *paper = context;
    assert_true(paper->bytes + bytes < TEXT_BYTES);
    memcpy(paper->text + paper->bytes, text, bytes);
    paper->bytes += bytes;
}

static void a_report_has_the_lines_of_a_walk_and_their_total(void **state)
{
    (void)state;
    static struct content content;
    static struct paper paper;
    static struct paper expected;
    fill(&content);
    ft_core_report(&content.kit.heap, write_down, &paper);
    const char *const names[] = {"TINY", "SMALL", "LARGE"};
    struct ft_core_walk walk = {.cursor = {0}};
    struct ft_core_item item;
    char line[128];
    while (ft_core_next(&content.kit.heap, &walk, &item)) {
        unsigned long long base = (uintptr_t)item.base;
        int count = item.is_zone
                        ? snprintf(line, sizeof(line), "%s : 0x%llX\n", names[item.kind], base)
                        : snprintf(line, sizeof(line), "0x%llX - 0x%llX : %zu bytes\n", base,
                                   base + item.bytes, item.bytes);
        write_down(&expected, line, (size_t)count);
    }
    write_down(&expected, line,
               (size_t)snprintf(line, sizeof(line), "Total : %zu bytes\n", content.total));
    assert_int_equal(paper.bytes, expected.bytes);
    assert_memory_equal(paper.text, expected.text, paper.bytes);
    kit_delete(&content.kit);
}

static void an_empty_arena_reports_nothing_but_a_total(void **state)
{
    (void)state;
    struct kit kit = kit_new(8192);
    static struct paper paper;
    ft_core_report(&kit.heap, write_down, &paper);
    assert_string_equal(paper.text, "Total : 0 bytes\n");
    kit_delete(&kit);
}

static void figures_add_up(void **state)
{
    (void)state;
    static struct content content;
    fill(&content);
    struct ft_core_figures figures = ft_core_figures(content.kit.core);
    assert_int_equal(figures.metadata_bytes + figures.used_bytes + figures.free_bytes,
                     figures.region_bytes);
    assert_in_range(figures.region_bytes, (4 << 20) - 1024, 4 << 20);
    assert_true(figures.used_bytes >= content.total);
    assert_true(figures.longest_bytes <= figures.free_bytes);
    assert_true(figures.free_bytes_min <= figures.free_bytes);
    assert_int_equal(figures.heap_count, 1);
    assert_int_equal(figures.failure_count, 0);
    kit_delete(&content.kit);
}

// A census whose parts add up to what the figures say.
static struct ft_core_census census_of(const struct ft_core *core)
{
    struct ft_core_census census = ft_core_census(core);
    struct ft_core_figures figures = ft_core_figures(core);
    assert_int_equal(census.live_bytes + census.rounding_bytes + census.zone_bytes +
                         census.stack_bytes + census.home_bytes,
                     figures.used_bytes);
    assert_int_equal(census.free_bytes, figures.free_bytes);
    assert_int_equal(census.metadata_bytes, figures.metadata_bytes);
    return census;
}

static void a_census_has_what_was_requested_to_the_byte(void **state)
{
    (void)state;
    static struct content content;
    fill(&content);
    struct ft_core_census census = census_of(content.kit.core);
    assert_int_equal(census.live_bytes, content.total);
    assert_int_equal(census.live_count, content.live_count);
    assert_true(census.rounding_bytes != 0 && census.free_count != 0);
    assert_true(census.stack_bytes != 0);
    assert_int_equal(census.home_bytes, 0);
    ft_core_trim(&content.kit.heap);
    struct ft_core_census trimmed = census_of(content.kit.core);
    assert_int_equal(trimmed.live_bytes, content.total);
    assert_int_equal(trimmed.stack_bytes, 0);
    assert_true(trimmed.free_count <= census.free_count);
    kit_delete(&content.kit);
}

static void a_census_adds_up_in_regions_of_any_size(void **state)
{
    (void)state;
    for (size_t bytes = 2500; bytes < 3 << 20; bytes += bytes / 3 + 7) {
        struct kit kit = kit_new(bytes);
        struct ft_core_census census = census_of(kit.core);
        assert_int_equal(census.live_bytes + census.live_count + census.rounding_bytes, 0);
        size_t requested = 0;
        size_t count = 0;
        for (void *ptr; (ptr = ft_core_alloc(&kit.heap, count % 100)) != NULL; count++) {
            requested += count % 100;
            assert_true(ptr != NULL && (count % 64 != 0 || census_of(kit.core).live_count != 0));
        }
        census = census_of(kit.core);
        assert_int_equal(census.live_bytes, requested);
        assert_int_equal(census.live_count, count);
        kit_delete(&kit);
    }
}

static void a_census_tells_of_chunks_on_their_way_home(void **state)
{
    (void)state;
    enum { CHUNKS = 8, BYTES = 48 };
    struct kit kit = kit_new(1 << 20);
    struct counting_lock counting = {.is_held = false};
    struct ft_core_lock lock = counting_lock(&counting);
    struct ft_core_heap owner;
    struct ft_core_heap other;
    assert_true(ft_core_open(&owner, kit.core, &lock) && ft_core_open(&other, kit.core, &lock));
    void *chunks[CHUNKS];
    for (size_t each = 0; each < CHUNKS; each++) {
        chunks[each] = ft_core_alloc(&owner, BYTES);
    }
    // A zone of its own, not chunks that are runs.
    assert_true(ft_core_figures(kit.core).zone_count != 0);
    size_t free_count = census_of(kit.core).free_count;
    for (size_t each = 0; each < CHUNKS; each++) {
        assert_int_equal(ft_core_free(&other, chunks[each]), FT_CORE_OK);
    }
    struct ft_core_census census = census_of(kit.core);
    assert_int_equal(census.home_bytes, CHUNKS * BYTES);
    assert_int_equal(census.free_count, free_count + CHUNKS);
    assert_int_equal(census.live_count, 0);
    ft_core_close(&other);
    ft_core_close(&owner);
    assert_int_equal(counting.acquire_count, counting.release_count);
    kit_delete(&kit);
}

static void metadata_takes_a_small_part_of_each_region(void **state)
{
    (void)state;
    for (size_t bytes = 4096; bytes <= 64 << 20; bytes *= 2) {
        struct region region = kit_dirty_region(bytes, 0);
        struct ft_core *core = ft_core_create(region.base, bytes, NULL);
        size_t metadata = ft_core_figures(core).metadata_bytes;
        assert_true(metadata * 100 <= bytes * (bytes < 65536 ? 40 : 15));
        struct ft_core_heap heap;
        assert_true(ft_core_open(&heap, core, NULL));
        print_message("%zu bytes: %zu of metadata, %zu with a heap\n", bytes, metadata,
                      ft_core_figures(core).metadata_bytes);
        region_delete(&region);
    }
}

// What an arena of one region and one heap takes of it, and the bound of core/README.md.
static size_t own_bytes(size_t bytes, size_t *bound)
{
    struct region region = kit_dirty_region(bytes, 0);
    struct ft_core *core = ft_core_create(region.base, bytes, NULL);
    struct ft_core_heap heap;
    assert_true(core != NULL && ft_core_open(&heap, core, NULL));
    struct ft_core_figures figures = ft_core_figures(core);
    size_t unit = arena_unit_bytes(&core->arena);
    size_t units = core->arena.unit_count;
    size_t classes = core->arena.class_count;
    size_t lists = 8 * (bits_highest(units) + (size_t)1);
    *bound = 704 + 256 + 24 * classes + 2 * lists + 8 * units +
             (classes != 0 ? units * unit / 64 : 0) + 160 + 208 * classes +
             core->arena.config.stack_bytes_max / 8 + 3 * unit + 128;
    region_delete(&region);
    return bytes - figures.used_bytes - figures.free_bytes;
}

// When one of these changes, core/README.md wants the new figure.
static void an_arena_takes_for_itself_what_the_readme_says(void **state)
{
    (void)state;
    static const struct {
        size_t bytes;
        size_t own;
    } rows[] = {
        {2048, 1344},  {4096, 1600},     {16384, 3008},
        {65536, 9600}, {1 << 20, 82432}, {64 << 20, 1561600},
    };
    // Of 64 bits; with 32 there is a bound alone.
    bool is_told = sizeof(void *) == 8;
    size_t bound;
    for (size_t row = 0; is_told && row < sizeof(rows) / sizeof(rows[0]); row++) {
        assert_int_equal(own_bytes(rows[row].bytes, &bound), rows[row].own);
    }
    for (size_t bytes = 2048; bytes <= 64 << 20; bytes += bytes / 5) {
        size_t own = own_bytes(bytes, &bound);
        assert_true(own <= bound);
    }
    assert_true(!is_told || ft_core_bytes_min() == 1812);
}

static void the_low_water_mark_stays_at_the_lowest(void **state)
{
    (void)state;
    struct kit kit = kit_new(1 << 20);
    size_t before = ft_core_figures(kit.core).free_bytes;
    assert_int_equal(ft_core_figures(kit.core).free_bytes_min, before);
    void *ptr = kit_alloc(&kit, 500000);
    size_t lowest = ft_core_figures(kit.core).free_bytes;
    assert_true(lowest <= before - 500000);
    assert_int_equal(ft_core_figures(kit.core).free_bytes_min, lowest);
    kit_free(&kit, ptr, 500000);
    kit_free(&kit, kit_alloc(&kit, 300000), 300000);
    assert_int_equal(ft_core_figures(kit.core).free_bytes, before);
    assert_int_equal(ft_core_figures(kit.core).free_bytes_min, lowest);
    ptr = kit_alloc(&kit, 100);
    unsigned char *more = ft_core_realloc(&kit.heap, ptr, 700000);
    assert_non_null(more);
    assert_true(ft_core_figures(kit.core).free_bytes_min <= before - 700000);
    kit_delete(&kit);
}

static void the_longest_chunk_that_is_told_can_be_had(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed < 40; seed++) {
        struct kit kit = kit_new(20000 * seed);
        // Holes of many lengths.
        void *chunks[300];
        unsigned count = 0;
        size_t refused = 0;
        for (; count < 300; count++) {
            chunks[count] = ft_core_alloc(&kit.heap, (count * seed * 131) % 2500);
            refused += chunks[count] == NULL;
        }
        for (unsigned each = 0; each < count; each++) {
            if (each * seed % 7 < 3) {
                (void)ft_core_free(&kit.heap, chunks[each]);
            }
        }
        size_t longest = ft_core_figures(kit.core).longest_bytes;
        while (longest != 0) {
            size_t free_bytes = ft_core_figures(kit.core).free_bytes;
            unsigned char *ptr = ft_core_alloc(&kit.heap, longest);
            assert_non_null(ptr);
            memset(ptr, 0x33, longest);
            assert_true(ft_core_figures(kit.core).free_bytes < free_bytes || free_bytes == 0);
            longest = ft_core_figures(kit.core).longest_bytes;
        }
        assert_int_equal(ft_core_figures(kit.core).failure_count, refused);
        kit_delete(&kit);
    }
}

static void a_damaged_arena_is_not_valid(void **state)
{
    (void)state;
    static struct content content;
    fill(&content);
    unsigned char *base = (unsigned char *)content.kit.core;
    // The magic, and somewhere in it all the rest: many bits are part of an invariant.
    base[0] ^= 1;
    assert_false(ft_core_check(content.kit.core));
    assert_null(ft_core_attach(base));
    base[0] ^= 1;
    assert_true(ft_core_check(content.kit.core));
    content.kit.core->arena.used_unit_count++;
    assert_false(ft_core_check(content.kit.core));
    content.kit.core->arena.used_unit_count--;
    assert_true(ft_core_check(content.kit.core));
    kit_delete(&content.kit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_is_told_of_every_byte_of_a_chunk),
        cmocka_unit_test(a_place_that_is_free_tells_what_it_could_hold),
        cmocka_unit_test(a_walk_tells_every_chunk_in_use_once_by_address),
        cmocka_unit_test(a_walk_tells_what_stays_whatever_happens_between_its_steps),
        cmocka_unit_test(a_report_has_the_lines_of_a_walk_and_their_total),
        cmocka_unit_test(an_empty_arena_reports_nothing_but_a_total),
        cmocka_unit_test(figures_add_up),
        cmocka_unit_test(a_census_has_what_was_requested_to_the_byte),
        cmocka_unit_test(a_census_adds_up_in_regions_of_any_size),
        cmocka_unit_test(a_census_tells_of_chunks_on_their_way_home),
        cmocka_unit_test(metadata_takes_a_small_part_of_each_region),
        cmocka_unit_test(an_arena_takes_for_itself_what_the_readme_says),
        cmocka_unit_test(the_low_water_mark_stays_at_the_lowest),
        cmocka_unit_test(the_longest_chunk_that_is_told_can_be_had),
        cmocka_unit_test(a_damaged_arena_is_not_valid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
