// SPDX-License-Identifier: MIT
// How an arena grows: what it asks for, in which steps, and how what it was given becomes part of it.
#include "core/arena.h"
#include "core/check.h"

#include <string.h>

enum {
    COMMIT_STEP_MIN = 256 << 10, // bytes committed at once while little is in use: a system may
    COMMIT_STEP_MAX = 64 << 20,  // charge for them. Later as many as are in use, up to these, and
    COMMIT_TWICE_FROM = 8 << 20, // twice as many where so many are
    COMMIT_ROOM_SHARE = 8,       // of what is wanted at once, so much is committed beside
    COMMIT_AREA_STEP = 16 << 10, // and beside a record. What is not committed can go back
};

// Whether address space is little, so that records get what they need of their area and no more.
static bool is_bounded(const struct arena *arena)
{
    return arena->config.space_mib != 0;
}

static size_t page_up(const struct arena *arena, size_t bytes)
{
    return bits_align_up(bytes, arena->config.page_bytes);
}

// Units of runs that the arena itself needs in a new section: leaves for the addresses it covers.
static uint32_t leaf_units_for(const struct arena *arena, uintptr_t base, size_t bytes)
{
    uint32_t count = 0;
    uintptr_t end = base + bytes;
    uintptr_t missing = zone_map_leaf_missing(&arena->map, base, bytes);
    while (missing != 0) {
        count += arena_units_for(arena, ZONE_MAP_LEAF_ENTRIES * sizeof(uintptr_t));
        uint64_t next = (((uint64_t)missing >> ZONE_MAP_LEAF_SHIFT) + 1) << ZONE_MAP_LEAF_SHIFT;
        missing = next < end
                      ? zone_map_leaf_missing(&arena->map, (uintptr_t)next, end - (uintptr_t)next)
                      : 0;
    }
    return count;
}

size_t arena_region_bytes_for(const struct arena *arena, size_t bytes, size_t align)
{
    size_t leaf_count =
        arena->map.wide ? (bytes + align) / ((size_t)1 << ZONE_MAP_LEAF_SHIFT) + 3 : 0;
    size_t leaves = leaf_count * ZONE_MAP_LEAF_ENTRIES * sizeof(uintptr_t);
    size_t units = bytes + align + leaves + 4 * arena_unit_bytes(arena);
    // Metadata: the records' share, the run table, and a page for each part.
    return units + units / (SECTION_RECORD_SHARE / 2) + 4 * arena->config.page_bytes +
           sizeof(struct section) + SECTION_RECORD_KINDS * sizeof(uintptr_t) +
           run_table_bytes(arena_units_for(arena, units));
}

size_t arena_section_bytes(const struct arena *arena)
{
    size_t bytes = 0;
    for (const struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        bytes += section_committed_bytes(section);
    }
    return bytes;
}

size_t arena_committed_bytes(const struct arena *arena)
{
    size_t bytes = arena_section_bytes(arena) + arena->mapping_bytes;
    for (const struct zone *zone = offset_to(arena, arena->departing); zone != NULL;
         zone = offset_to(arena, zone->next)) {
        bytes += zone->mapped;
    }
    return bytes;
}

void arena_note_committed(struct arena *arena)
{
    size_t in_sections = arena_section_bytes(arena);
    size_t in_all = arena_committed_bytes(arena);
    if (in_sections > arena->section_bytes_max) {
        arena->section_bytes_max = in_sections;
    }
    if (in_all > arena->committed_bytes_max) {
        arena->committed_bytes_max = in_all;
    }
}

// How many units to commit so that at least `least` of them are, in a section that has `committed`.
static uint32_t commit_target(const struct arena *arena, uint32_t committed, uint32_t least,
                              uint32_t unit_count)
{
    size_t bytes = arena->used_unit_count << arena->unit_shift;
    bytes = bytes < COMMIT_TWICE_FROM ? bytes : 2 * bytes;
    bytes = bytes < COMMIT_STEP_MIN ? COMMIT_STEP_MIN : bytes;
    bytes = bytes > COMMIT_STEP_MAX ? COMMIT_STEP_MAX : bytes;
    uint32_t step = arena_units_for(arena, bytes);
    uint64_t target = (uint64_t)committed + step;
    // Who wants more at once often wants a little more the next time.
    uint64_t room = least > committed ? (least - committed) / COMMIT_ROOM_SHARE : 0;
    target = target < least + room + 1 ? least + room + 1 : target;
    // What would be left for two more steps at most comes with this one.
    return target + 2 * (uint64_t)step < unit_count ? (uint32_t)target : unit_count;
}

// A section begins where its header may lie.
static void align_region(uintptr_t *base, size_t *bytes)
{
    size_t skip = (size_t)(0 - *base) % _Alignof(struct section);
    *bytes -= skip < *bytes ? skip : *bytes;
    *base += skip;
}

struct need arena_plan_section(const struct arena *arena, uintptr_t base, size_t bytes,
                               size_t least)
{
    align_region(&base, &bytes);
    struct section_shape shape =
        section_shape_of(base, bytes, arena->unit_shift, arena->record_kind_count);
    uint64_t least_units = (uint64_t)arena_units_for(arena, least) +
                           leaf_units_for(arena, base + shape.units, shape.end - shape.units);
    if (shape.unit_count == 0 || least_units > shape.unit_count) {
        return (struct need){.kind = NEED_NOTHING};
    }
    uint32_t units = commit_target(arena, 0, (uint32_t)least_units, shape.unit_count);
    // All of the area for records, and the first units behind it: one range.
    size_t area = page_up(arena, shape.records + COMMIT_AREA_STEP);
    area = is_bounded(arena) && area < shape.units ? area : shape.units;
    return (struct need){
        .kind = NEED_COMMIT,
        .commit = {{.base = base, .bytes = area},
                   {.base = base + shape.units, .bytes = (size_t)units << arena->unit_shift}},
        .units = units,
        .units_least = units,
    };
}

bool arena_add_section(struct arena *arena, uintptr_t base, size_t bytes, const struct need *plan)
{
    align_region(&base, &bytes);
    struct section_shape shape =
        section_shape_of(base, bytes, arena->unit_shift, arena->record_kind_count);
    uint32_t leaf_units = leaf_units_for(arena, base + shape.units, shape.end - shape.units);
    uint32_t committed = plan != NULL ? plan->units : shape.unit_count;
    if (shape.unit_count == 0 || leaf_units > committed) {
        return false;
    }
    struct section *section = (struct section *)base;
    if (arena->config.is_dirty) {
        memset(section, 0, shape.units);
    }
    section_init(section, &shape, arena->unit_shift,
                 plan != NULL ? plan->commit[0].bytes : shape.units);
    section->marker.section = offset_of(arena, section);
    section->keeps_end = plan == NULL;
    if (plan != NULL) {
        section->end = bytes; // the rest that makes no unit goes back with the end
    }
    section_runs(section)->committed = committed;
    section_runs(section)->fresh_is_zero = !arena->config.is_dirty;
    uint32_t leaf_each = arena_units_for(arena, ZONE_MAP_LEAF_ENTRIES * sizeof(uintptr_t));
    for (uint32_t taken = 0; taken < leaf_units; taken += leaf_each) {
        bool clean = true;
        uint32_t first =
            run_take_fresh(section_runs(section), section_run_shape(section, leaf_each, 1), &clean);
        CHECK(first != RUN_NONE && clean);
        uintptr_t missing =
            zone_map_leaf_missing(&arena->map, base + shape.units, shape.end - shape.units);
        zone_map_add_leaf(&arena->map, missing, section_unit_at(section, first));
    }
    zone_map_add_section(&arena->map, section);
    arena->section_count++;
    arena->unit_count += shape.unit_count;
    arena_count_used(arena, leaf_units);
    arena->meta_unit_count += leaf_units;
    arena->used_unit_max = arena->used_unit_count;
    arena_note_committed(arena);
    return true;
}

bool arena_section_is_unused(const struct section *section)
{
    const struct run_table *runs = section_runs(section);
    for (uint32_t first = 0; first < runs->fresh; first += run_unit(runs, first)->length) {
        enum run_kind kind = run_unit(runs, first)->kind;
        if (kind != RUN_FREE && kind != RUN_RECORDS) {
            return false;
        }
    }
    return true;
}

void arena_remove_section(struct arena *arena, struct section *section)
{
    CHECK(arena_section_is_unused(section));
    const struct run_table *runs = section_runs(section);
    size_t records = runs->fresh - runs->free_count;
    zone_map_remove_section(&arena->map, section);
    arena->section_count--;
    arena->unit_count -= runs->unit_count;
    arena_count_unused(arena, records);
    arena->meta_unit_count -= records;
    arena->used_unit_max = arena->used_unit_count;
}

// The ranges that take a section from what is committed to `units`.
static void fill_commit(const struct arena *arena, const struct section *section, uint32_t units,
                        struct need *need)
{
    const struct run_table *runs = section_runs(section);
    // There may have been a bound.
    size_t left = section->area_end - section->area_committed;
    need->kind = NEED_COMMIT;
    need->units = units;
    need->section = offset_of(arena, section);
    need->commit[0] = (struct range){
        .base = (uintptr_t)section + section->area_committed,
        .bytes = is_bounded(arena) ? 0 : left,
    };
    need->commit[1] = (struct range){
        .base = (uintptr_t)section_unit_at(section, runs->committed),
        .bytes = (size_t)(units - runs->committed) << arena->unit_shift,
    };
}

bool arena_need_least(const struct arena *arena, struct need *need)
{
    if (need->kind != NEED_COMMIT || need->section == 0 || need->units == need->units_least) {
        return false;
    }
    fill_commit(arena, offset_to(arena, need->section), need->units_least, need);
    return true;
}

void arena_committed(struct arena *arena, const struct need *need)
{
    struct section *section = offset_to(arena, need->section);
    bool in_area = section->record_end == section->area_committed;
    section->area_committed += need->commit[0].bytes;
    if (in_area) {
        section->record_end = section->area_committed;
    }
    section_runs(section)->committed = need->units;
    arena_note_committed(arena);
}

struct need arena_need_units(const struct arena *arena, const struct section *section,
                             uint32_t least)
{
    const struct run_table *runs = section_runs(section);
    struct need need = {.units_least = least < runs->unit_count ? least + 1 : least};
    fill_commit(arena, section, commit_target(arena, runs->committed, least, runs->unit_count),
                &need);
    return need;
}

// What would let arena_take_run() succeed.
void arena_need_run(const struct arena *arena, uint32_t count, uint32_t align_units,
                    struct need *need)
{
    *need = (struct need){.kind = NEED_NOTHING};
    if (count + align_units > RUN_UNITS_MAX) {
        return; // no section is that long
    }
    for (struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        const struct run_table *runs = section_runs(section);
        uint32_t least = run_commitment_for(runs, section_run_shape(section, count, align_units));
        if (least != RUN_NONE && least > runs->committed) {
            *need = arena_need_units(arena, section, least);
            return;
        }
    }
    need->kind = NEED_SECTION;
    need->run_bytes = (size_t)(count + align_units) << arena->unit_shift;
    need->bytes = arena_region_bytes_for(arena, (size_t)count << arena->unit_shift,
                                         (size_t)align_units << arena->unit_shift);
}

struct need arena_need_record_area(const struct arena *arena, const struct section *section,
                                   unsigned record_class)
{
    const struct run_table *runs = section_runs(section);
    struct need need = {.units_least = runs->committed};
    fill_commit(arena, section, runs->committed, &need);
    size_t more = page_up(arena, section_record_bytes(section, record_class) + COMMIT_AREA_STEP);
    size_t left = section->area_end - section->area_committed;
    need.commit[0].bytes = is_bounded(arena) && more < left ? more : left;
    return need;
}
