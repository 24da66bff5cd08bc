// SPDX-License-Identifier: MIT
#include "core/section.h"

#include "core/check.h"
#include "core/offset.h"

// Where each part lies if the section has this many units; unit 0 is aligned by its address.
static struct section_shape shape_for(uintptr_t base, uint32_t unit_count, unsigned unit_shift,
                                      unsigned record_kinds)
{
    struct section_shape shape = {.unit_count = unit_count};
    size_t unit_bytes = (size_t)1 << unit_shift;
    shape.table = bits_align_up(offsetof(struct section, classes) +
                                    record_kinds * sizeof(struct section_class),
                                _Alignof(struct unit));
    shape.records = bits_align_up(base + shape.table + run_table_bytes(unit_count), 64) - base;
    size_t area = record_kinds != 0 ? unit_count * unit_bytes / SECTION_RECORD_SHARE : 0;
    area = area < SECTION_AREA_MAX ? area : SECTION_AREA_MAX;
    shape.units = bits_align_up(base + shape.records + area, unit_bytes) - base;
    shape.end = shape.units + unit_count * unit_bytes;
    return shape;
}

struct section_shape section_shape_of(uintptr_t base, size_t bytes, unsigned unit_shift,
                                      unsigned record_kinds)
{
    size_t per_unit = ((size_t)1 << unit_shift) + sizeof(struct unit);
    size_t guess = bytes / per_unit;
    if (guess > RUN_UNITS_MAX) {
        guess = RUN_UNITS_MAX;
    }
    // Metadata takes a few percent, so a few steps down find the most units that fit. No step is so long that it
    // passes them: one unit less makes a section shorter by a unit and the alignment of its parts at most.
    while (guess != 0) {
        struct section_shape shape = shape_for(base, (uint32_t)guess, unit_shift, record_kinds);
        if (shape.end <= bytes) {
            return shape;
        }
        size_t over = bits_divide_up(shape.end - bytes, 4 * per_unit);
        guess = over < guess ? guess - over : 0;
    }
    return (struct section_shape){.unit_count = 0};
}

void section_init(struct section *section, const struct section_shape *shape, unsigned unit_shift,
                  uintptr_t area_committed)
{
    section->marker.kind = ZONE_LARGE;
    section->marker.base = shape->units;
    section->end = shape->end;
    section->table = shape->table;
    section->units = shape->units;
    section->unit_shift = unit_shift;
    section->record_next = shape->records;
    section->area_end = shape->units;
    section->area_committed = area_committed < shape->units ? area_committed : shape->units;
    section->record_end = section->area_committed;
    run_table_init(section_runs(section), shape->unit_count);
}

struct run_shape section_run_shape(const struct section *section, uint32_t count,
                                   uint32_t align_units)
{
    if (align_units == 1) {
        return (struct run_shape){.count = count, .align = 1};
    }
    uintptr_t zero = ((uintptr_t)section + section->units) >> section->unit_shift;
    return (struct run_shape){
        .count = count,
        .align = align_units,
        .phase = (uint32_t)(zero & (align_units - 1)),
    };
}

static struct zone_layout layout_of(const struct section *section, unsigned record_class)
{
    if (record_class == SECTION_RECORD_MAPPED) {
        return (struct zone_layout){.header_at = 0, .record_bytes = sizeof(struct zone)};
    }
    return zone_layout_of(record_class, (size_t)1 << section->unit_shift);
}

size_t section_record_bytes(const struct section *section, unsigned record_class)
{
    return layout_of(section, record_class).record_bytes;
}

struct zone *section_take_record(struct section *section, unsigned record_class, bool *recycled)
{
    uintptr_t free_record = section->classes[record_class].records;
    if (free_record != 0) {
        struct zone *zone = offset_to(section, free_record);
        section->classes[record_class].records = zone->next;
        *recycled = true;
        return zone;
    }
    struct zone_layout layout = layout_of(section, record_class);
    if (section->record_end - section->record_next < layout.record_bytes) {
        return NULL;
    }
    struct zone *zone = offset_to(section, section->record_next + layout.header_at);
    section->record_next += layout.record_bytes;
    *recycled = false;
    return zone;
}

void section_give_record(struct section *section, struct zone *zone, unsigned record_class)
{
    zone->next = section->classes[record_class].records;
    section->classes[record_class].records = offset_of(section, zone);
}

void section_add_records(struct section *section, uint32_t first, uint32_t count)
{
    section->record_next = offset_of(section, section_unit_at(section, first));
    section->record_end = section->record_next + ((uintptr_t)count << section->unit_shift);
}

struct range section_tail(const struct section *section)
{
    struct range range = {
        .base = (uintptr_t)section + section->area_committed,
        .bytes = section->area_end - section->area_committed,
    };
    if (range.bytes == 0) {
        const struct run_table *runs = section_runs(section);
        range.base = (uintptr_t)section_unit_at(section, runs->unit_count - run_frontier(runs));
        range.bytes = (uintptr_t)section + section->end - range.base;
    }
    return range;
}

void section_cut_tail(struct section *section)
{
    if (section->area_end != section->area_committed) {
        section->area_end = section->area_committed;
    } else {
        run_cut_tail(section_runs(section));
        section->end =
            offset_of(section, section_unit_at(section, section_runs(section)->unit_count));
    }
}

bool section_is_valid(const struct section *section)
{
    size_t unit_bytes = (size_t)1 << section->unit_shift;
    const struct run_table *runs = section_runs(section);
    // A region leaves less than a unit over, and what aligns the parts.
    uintptr_t end = section->units + (runs->unit_count + section->cut_count) * unit_bytes;
    return section->marker.kind == ZONE_LARGE && section->marker.bound == 0 &&
           section->table >= offsetof(struct section, classes) &&
           section->units >= section->table && section->area_committed <= section->area_end &&
           section->area_end <= section->units && section->end - end < 2 * unit_bytes &&
           section->record_next <= section->record_end && run_table_is_valid(runs);
}
