// SPDX-License-Identifier: MIT
#include "core/section.h"

#include "core/offset.h"
#include "tests/core/random.h"
#include "tests/core/region.h"
#include "tests/core/test.h"

#include <string.h>

// Sections lie at addresses that suit a struct section, and need suit nothing else.
enum { ALIGN = 64 };

static void expect_shape(uintptr_t base, size_t bytes, unsigned shift, unsigned kinds)
{
    struct section_shape shape = section_shape_of(base, bytes, shift, kinds);
    if (shape.unit_count == 0) {
        return;
    }
    size_t unit = (size_t)1 << shift;
    size_t lists = offsetof(struct section, classes) + kinds * sizeof(struct section_class);
    assert_true(shape.table >= lists && shape.table < lists + 8);
    assert_int_equal(shape.table % _Alignof(struct unit), 0);
    assert_true(shape.records >= shape.table + run_table_bytes(shape.unit_count));
    assert_int_equal((base + shape.records) % 64, 0);
    size_t area = kinds != 0 ? shape.unit_count * unit / SECTION_RECORD_SHARE : 0;
    area = area < SECTION_AREA_MAX ? area : SECTION_AREA_MAX;
    assert_in_range(shape.units - shape.records, area, area + unit);
    assert_true(shape.unit_count <= RUN_UNITS_MAX);
    assert_int_equal((base + shape.units) % unit, 0);
    assert_int_equal(shape.end, shape.units + shape.unit_count * unit);
    assert_true(shape.end <= bytes);
    // What one section takes of a region is a section of as many units.
    assert_int_equal(section_shape_of(base, shape.end, shift, kinds).unit_count, shape.unit_count);
}

static void the_parts_of_every_region_fit_and_are_aligned(void **state)
{
    (void)state;
    struct random random = random_seeded(13);
    for (unsigned shift = 5; shift <= 16; shift++) {
        for (unsigned round = 0; round < 400; round++) {
            uintptr_t base = (uintptr_t)(random_next(&random) >> 17) & ~(uintptr_t)(ALIGN - 1);
            expect_shape(base, random_size(&random, (size_t)1 << 34), shift,
                         round % (SECTION_RECORD_KINDS + 1));
        }
    }
    for (size_t bytes = 0; bytes < 20000; bytes++) {
        expect_shape((uintptr_t)1 << 30, bytes, 8, SECTION_RECORD_KINDS);
        expect_shape(((uintptr_t)1 << 30) + ALIGN, bytes, 10, 0);
    }
}

static void a_larger_region_never_has_fewer_units(void **state)
{
    (void)state;
    uintptr_t base = ((uintptr_t)1 << 30) + 192;
    for (unsigned shift = 8; shift <= 16; shift += 4) {
        uint32_t before = 0;
        for (size_t bytes = 0; bytes < (size_t)200 << shift; bytes += ALIGN) {
            uint32_t count = section_shape_of(base, bytes, shift, SECTION_RECORD_KINDS).unit_count;
            assert_true(count >= before);
            before = count;
        }
        assert_true(before > 100);
    }
}

static void little_of_a_region_goes_to_metadata(void **state)
{
    (void)state;
    for (unsigned shift = 8; shift <= 16; shift++) {
        size_t bytes = (size_t)1000 << shift;
        struct section_shape shape =
            section_shape_of((uintptr_t)1 << 30, bytes, shift, SECTION_RECORD_KINDS);
        // The header, a sixty-fourth for records, an entry in each of two tables, and a unit to align.
        size_t per_unit = 16 + 8 + ((size_t)1 << shift) / 64;
        size_t rest = sizeof(struct section) + 1024 + 1000 * per_unit + ((size_t)2 << shift);
        assert_true(((size_t)shape.unit_count << shift) + rest >= bytes);
    }
}

static void regions_that_are_too_small_are_refused(void **state)
{
    (void)state;
    for (unsigned shift = 8; shift <= 20; shift++) {
        for (size_t bytes = 0; bytes < sizeof(struct section) + ((size_t)1 << shift); bytes += 61) {
            assert_int_equal(
                section_shape_of((uintptr_t)1 << 30, bytes, shift, SECTION_RECORD_KINDS).unit_count,
                0);
        }
    }
}

static struct section *section_new(struct region *region, unsigned shift, size_t bytes,
                                   size_t phase)
{
    *region = region_new(bytes, (size_t)1 << shift, phase);
    uintptr_t base = (uintptr_t)region->base;
    struct section_shape shape = section_shape_of(base, bytes, shift, SECTION_RECORD_KINDS);
    if (shape.unit_count == 0) {
        return NULL;
    }
    struct section *section = (struct section *)region->base;
    section_init(section, &shape, shift, shape.units);
    section_runs(section)->committed = shape.unit_count;
    assert_true(section_is_valid(section));
    return section;
}

static void a_section_stays_inside_its_region(void **state)
{
    (void)state;
    struct random random = random_seeded(14);
    unsigned refused = 0;
    for (unsigned round = 0; round < 600; round++) {
        unsigned shift = 8 + 4 * random_below(&random, 3);
        size_t phase = ALIGN * (size_t)random_below(&random, 1U << (shift - 6));
        struct region region;
        size_t bytes = random_size(&random, (size_t)4 << 20);
        struct section *section = section_new(&region, shift, bytes, phase);
        refused += section == NULL;
        if (section != NULL) {
            bool clean = false;
            uint32_t count = section_runs(section)->unit_count;
            struct run_shape all = section_run_shape(section, count, 1);
            assert_int_equal(run_take_fresh(section_runs(section), all, &clean), 0);
            memset(section_unit_at(section, 0), 0xFF, (size_t)count << shift);
            assert_true(section_is_valid(section));
        } else {
            assert_true(bytes_are(region.base, region.bytes, 0));
        }
        region_delete(&region);
    }
    assert_in_range(refused, 1, 599);
}

static void every_address_leads_to_its_unit(void **state)
{
    (void)state;
    struct region region;
    struct section *section = section_new(&region, 8, 40000, 64 * 3);
    uint32_t count = section_runs(section)->unit_count;
    assert_true(count > 100);
    unsigned char *unit_0 = section_unit_at(section, 0);
    for (size_t offset = 0; offset < count * (size_t)256; offset++) {
        assert_int_equal(section_unit_of(section, unit_0 + offset), offset / 256);
        assert_true(section_holds(section, unit_0 + offset));
    }
    assert_false(section_holds(section, unit_0 - 1));
    assert_false(section_holds(section, unit_0 + count * (size_t)256));
    assert_false(section_holds(section, section));
    assert_false(section_holds(section, NULL));
    assert_false(section_holds(section, (const void *)UINTPTR_MAX));
    region_delete(&region);
}

static void aligned_runs_are_aligned_by_their_address(void **state)
{
    (void)state;
    for (size_t phase = 0; phase < 16; phase++) {
        struct region region = region_new(100000, 256 * 16, phase * 256 + 64);
        struct section_shape shape =
            section_shape_of((uintptr_t)region.base, region.bytes, 8, SECTION_RECORD_KINDS);
        struct section *section = (struct section *)region.base;
        section_init(section, &shape, 8, shape.units);
        section_runs(section)->committed = shape.unit_count;
        for (uint32_t align = 1; align <= 16; align *= 2) {
            bool clean = false;
            uint32_t first =
                run_take_fresh(section_runs(section), section_run_shape(section, 3, align), &clean);
            assert_int_not_equal(first, RUN_NONE);
            assert_int_equal((uintptr_t)section_unit_at(section, first) % (256 * (size_t)align), 0);
        }
        region_delete(&region);
    }
}

static void records_lie_side_by_side_and_do_not_overlap(void **state)
{
    (void)state;
    struct region region;
    struct section *section = section_new(&region, 12, 1 << 20, 0);
    uintptr_t end = section->record_next;
    unsigned taken = 0;
    for (unsigned kind = 0;; kind = (kind + 7) % SECTION_RECORD_KINDS, taken++) {
        bool recycled = true;
        size_t bytes = section_record_bytes(section, kind);
        uintptr_t left = section->record_end - section->record_next;
        struct zone *zone = section_take_record(section, kind, &recycled);
        if (zone == NULL) {
            assert_true(left < bytes);
            break;
        }
        size_t header_at = kind < SIZE_CLASS_COUNT ? zone_layout_of(kind, 4096).header_at : 0;
        assert_false(recycled);
        assert_int_equal((uintptr_t)zone - header_at, (uintptr_t)section + end);
        assert_int_equal((uintptr_t)zone % 64, 0);
        assert_true(bytes_are((unsigned char *)zone - header_at, bytes, 0));
        memset((unsigned char *)zone - header_at, 0xFF, bytes);
        end += bytes;
        assert_true(section_is_valid(section));
    }
    assert_true(taken > 10);
    region_delete(&region);
}

static void a_record_given_back_serves_its_own_class_again(void **state)
{
    (void)state;
    struct region region;
    struct section *section = section_new(&region, 12, 1 << 20, 0);
    bool recycled = true;
    struct zone *first = section_take_record(section, 3, &recycled);
    struct zone *second = section_take_record(section, 3, &recycled);
    section_give_record(section, first, 3);
    section_give_record(section, second, 3);
    struct zone *other = section_take_record(section, 4, &recycled);
    assert_false(recycled);
    assert_true(other != first && other != second);
    assert_ptr_equal(section_take_record(section, 3, &recycled), second);
    assert_true(recycled);
    assert_ptr_equal(section_take_record(section, 3, &recycled), first);
    assert_true(recycled);
    struct zone *third = section_take_record(section, 3, &recycled);
    assert_false(recycled);
    assert_true(third != first && third != second);
    region_delete(&region);
}

static void a_run_of_records_takes_over_when_the_area_is_full(void **state)
{
    (void)state;
    struct region region;
    struct section *section = section_new(&region, 12, 1 << 20, 0);
    bool flag = true;
    while (section_take_record(section, 0, &flag) != NULL) {
    }
    struct run_shape shape = section_run_shape(section, 2, 1);
    uint32_t first = run_take_fresh(section_runs(section), shape, &flag);
    run_mark(section_runs(section), first, RUN_RECORDS, 0);
    section_add_records(section, first, 2);
    struct zone *zone = section_take_record(section, 0, &flag);
    assert_non_null(zone);
    assert_int_equal(section_unit_of(section, zone), first);
    assert_false(flag);
    assert_true(section_is_valid(section));
    region_delete(&region);
}

static void expect_tail(const struct section *section, uintptr_t base, uintptr_t end)
{
    struct range tail = section_tail(section);
    assert_int_equal(tail.bytes, end - base);
    assert_int_equal(tail.base, (uintptr_t)section + base);
}

static void a_sections_tail_is_that_of_its_records_and_then_its_own(void **state)
{
    (void)state;
    struct region region;
    struct section *section = section_new(&region, 12, 4 << 20, 0);
    struct run_table *runs = section_runs(section);
    bool clean = false;
    assert_int_equal(run_take_fresh(runs, section_run_shape(section, 20, 1), &clean), 0);
    assert_int_equal(run_take_fresh(runs, section_run_shape(section, 30, 1), &clean), 20);
    runs->committed = 60;
    uintptr_t area_end = section->area_end;
    section->area_committed -= 4096;
    section->record_end = section->area_committed;
    uintptr_t unit_20 = section->units + 20 * 4096;
    uintptr_t unit_50 = section->units + 50 * 4096;
    expect_tail(section, area_end - 4096, area_end);
    section_cut_tail(section);
    assert_true(section_is_valid(section));
    assert_int_equal(section->area_end, area_end - 4096);
    expect_tail(section, unit_50, section->end);
    section_cut_tail(section);
    assert_true(section_is_valid(section));
    assert_int_equal(runs->unit_count, 50);
    assert_int_equal(section->end, unit_50);
    assert_false(section_holds(section, section_unit_at(section, 50)));
    assert_true(section_holds(section, section_unit_at(section, 49)));
    assert_int_equal(section_tail(section).bytes, 0);
    // What is freed at its end is the next.
    run_give(runs, 20, false);
    expect_tail(section, unit_20, unit_50);
    section_cut_tail(section);
    assert_true(section_is_valid(section));
    assert_int_equal(runs->unit_count, 20);
    assert_int_equal(section_tail(section).bytes, 0);
    // Records that the area has no room for are made in a run, as ever.
    bool recycled;
    while (section_take_record(section, 0, &recycled) != NULL) {
    }
    assert_true(section->record_next <= section->area_end);
    region_delete(&region);
}

static void section_is_valid_checks_its_parts(void **state)
{
    (void)state;
    struct region region;
    struct section *section = section_new(&region, 12, 1 << 20, 0);
    uintptr_t *const words[] = {
        &section->table,    &section->units,          &section->end,
        &section->area_end, &section->area_committed,
    };
    for (unsigned word = 0; word < 5; word++) {
        uintptr_t right = *words[word];
        *words[word] = word == 0 ? sizeof(struct section) - 64 : section->end + 2 * 4096;
        if (word != 0) { // the table cannot be looked at elsewhere
            assert_false(section_is_valid(section));
        }
        *words[word] = right;
        assert_true(section_is_valid(section));
    }
    section->record_next = section->record_end + 64;
    assert_false(section_is_valid(section));
    section->record_next = section->record_end;
    section->marker.kind = ZONE_TINY;
    assert_false(section_is_valid(section));
    section->marker.kind = ZONE_LARGE;
    section->marker.bound = 1;
    assert_false(section_is_valid(section));
    section->marker.bound = 0;
    section_runs(section)->free_count++;
    assert_false(section_is_valid(section));
    region_delete(&region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_parts_of_every_region_fit_and_are_aligned),
        cmocka_unit_test(a_larger_region_never_has_fewer_units),
        cmocka_unit_test(little_of_a_region_goes_to_metadata),
        cmocka_unit_test(regions_that_are_too_small_are_refused),
        cmocka_unit_test(a_section_stays_inside_its_region),
        cmocka_unit_test(every_address_leads_to_its_unit),
        cmocka_unit_test(aligned_runs_are_aligned_by_their_address),
        cmocka_unit_test(records_lie_side_by_side_and_do_not_overlap),
        cmocka_unit_test(a_record_given_back_serves_its_own_class_again),
        cmocka_unit_test(a_run_of_records_takes_over_when_the_area_is_full),
        cmocka_unit_test(a_sections_tail_is_that_of_its_records_and_then_its_own),
        cmocka_unit_test(section_is_valid_checks_its_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
