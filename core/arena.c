// SPDX-License-Identifier: MIT
#include "core/arena.h"

#include "core/check.h"

#include <string.h>

enum {
    COMMIT_STEP_MIN =
        2 << 20, // bytes committed at once, at least: as much as is committed already,
    COMMIT_STEP_MAX = 64 << 20,   // in between, so that a growing program asks rarely
    COMMIT_AREA_STEP = 512 << 10, // bytes of the area for records committed at once
    PURGE_BYTES_MIN = 1 << 20,    // shorter runs are not worth a system call,
    PURGE_EVERY_BYTES = 8 << 20,  // and so much must have been given back since the last one
};

static size_t page_up(const struct arena *arena, size_t bytes)
{
    return bits_align_up(bytes, arena->config.page_bytes);
}

static size_t unit_bytes(const struct arena *arena)
{
    return (size_t)1 << arena->unit_shift;
}

static uint32_t units_for(const struct arena *arena, size_t bytes)
{
    return (uint32_t)bits_divide_up(bytes, unit_bytes(arena));
}

void arena_init(struct arena *arena, const struct arena_config *config)
{
    arena->config = *config;
    arena->unit_shift = bits_highest(config->unit_bytes);
    arena->map.unit_shift = arena->unit_shift;
    arena->map.wide = config->wide;
    CHECK(bits_is_power_of_two(config->unit_bytes) && bits_is_power_of_two(config->page_bytes));
    CHECK(!config->wide || arena->unit_shift == ZONE_MAP_WIDE_UNIT_SHIFT);
}

// Units of runs that the arena itself needs in a new section: leaves for the addresses it covers.
static uint32_t leaf_units_for(const struct arena *arena, uintptr_t base, size_t bytes)
{
    uint32_t count = 0;
    uintptr_t end = base + bytes;
    uintptr_t missing = zone_map_leaf_missing(&arena->map, base, bytes);
    while (missing != 0) {
        count += units_for(arena, ZONE_MAP_LEAF_ENTRIES * sizeof(uintptr_t));
        uint64_t next = (((uint64_t)missing >> ZONE_MAP_LEAF_SHIFT) + 1) << ZONE_MAP_LEAF_SHIFT;
        missing = next < end
                      ? zone_map_leaf_missing(&arena->map, (uintptr_t)next, end - (uintptr_t)next)
                      : 0;
    }
    return count;
}

size_t arena_region_bytes_for(const struct arena *arena, size_t bytes, size_t align)
{
    size_t leaves = arena->map.wide ? 2 * ZONE_MAP_LEAF_ENTRIES * sizeof(uintptr_t) : 0;
    size_t units = bytes + align + leaves + 4 * unit_bytes(arena);
    // Metadata: the records' share, the run table, and a page for each part.
    return units + units / (SECTION_RECORD_SHARE / 2) + 4 * arena->config.page_bytes +
           sizeof(struct section) + run_table_bytes(units_for(arena, units));
}

// How many units to commit so that at least `least` of them are, in a section that has `committed`.
static uint32_t commit_target(const struct arena *arena, uint32_t committed, uint32_t least,
                              uint32_t unit_count)
{
    size_t step = (size_t)committed << arena->unit_shift;
    step = step < COMMIT_STEP_MIN ? COMMIT_STEP_MIN : step;
    step = step > COMMIT_STEP_MAX ? COMMIT_STEP_MAX : step;
    uint64_t target = (uint64_t)committed + units_for(arena, step);
    target = target < (uint64_t)least + 1 ? (uint64_t)least + 1 : target;
    return target < unit_count ? (uint32_t)target : unit_count;
}

// The part of the area for records that goes with this many of the section's units.
static size_t area_for(const struct arena *arena, size_t records, size_t area_end, uint32_t units,
                       uint32_t unit_count)
{
    size_t share = (size_t)((uint64_t)(area_end - records) * units / unit_count);
    size_t area = page_up(arena, records + share + COMMIT_AREA_STEP);
    return area < area_end ? area : area_end;
}

struct need arena_plan_section(const struct arena *arena, uintptr_t base, size_t bytes,
                               size_t least)
{
    struct section_shape shape = section_shape_of(base, bytes, arena->unit_shift, !arena->map.wide);
    uint64_t least_units = (uint64_t)units_for(arena, least) +
                           leaf_units_for(arena, base + shape.units, shape.end - shape.units);
    if (shape.unit_count == 0 || least_units > shape.unit_count) {
        return (struct need){.kind = NEED_NOTHING};
    }
    uint32_t units = commit_target(arena, 0, (uint32_t)least_units, shape.unit_count);
    size_t area = area_for(arena, shape.records, shape.units, units, shape.unit_count);
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
    struct section_shape shape = section_shape_of(base, bytes, arena->unit_shift, !arena->map.wide);
    uint32_t leaf_units = leaf_units_for(arena, base + shape.units, shape.end - shape.units);
    uint32_t committed = plan != NULL ? plan->units : shape.unit_count;
    if (shape.unit_count == 0 || leaf_units > committed) {
        return false;
    }
    struct section *section = (struct section *)base;
    section_init(section, &shape, arena->unit_shift,
                 plan != NULL ? plan->commit[0].bytes : shape.units);
    section->marker.section = offset_of(arena, section);
    section_runs(section)->committed = committed;
    uint32_t leaf_each = units_for(arena, ZONE_MAP_LEAF_ENTRIES * sizeof(uintptr_t));
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
    arena->used_unit_count += leaf_units;
    return true;
}

// The ranges that take a section from what is committed to `units`.
static void fill_commit(const struct arena *arena, const struct section *section, uint32_t units,
                        struct need *need)
{
    const struct run_table *runs = section_runs(section);
    size_t records = section->table; // where the area begins matters little: it is a share
    size_t area = area_for(arena, records, section->area_end, units, runs->unit_count);
    // What is left of the last step serves until it is half used up.
    if (area < section->area_committed + COMMIT_AREA_STEP / 2 && area != section->area_end) {
        area = section->area_committed;
    }
    need->kind = NEED_COMMIT;
    need->units = units;
    need->section = offset_of(arena, section);
    need->commit[0] = (struct range){
        .base = (uintptr_t)section + section->area_committed,
        .bytes = area - section->area_committed,
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

// Takes a run from one section, of free units or of virgin ones.
static struct run take_from(struct section *section, uint32_t count, uint32_t align_units,
                            bool fresh)
{
    struct run_shape shape = section_run_shape(section, count, align_units);
    struct run run = {.section = section, .count = count};
    run.first = fresh ? run_take_fresh(section_runs(section), shape, &run.clean)
                      : run_take(section_runs(section), shape, &run.clean);
    if (run.first == RUN_NONE) {
        run.section = NULL;
    }
    return run;
}

// What would let arena_take_run() succeed.
static void need_for_run(const struct arena *arena, uint32_t count, uint32_t align_units,
                         struct need *need)
{
    *need = (struct need){.kind = NEED_NOTHING};
    for (struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        const struct run_table *runs = section_runs(section);
        uint32_t least = run_commitment_for(runs, section_run_shape(section, count, align_units));
        if (least != RUN_NONE) {
            *need = arena_need_units(arena, section, least);
            return;
        }
    }
    need->kind = NEED_SECTION;
    need->run_bytes = (size_t)(count + align_units) << arena->unit_shift;
    need->bytes = arena_region_bytes_for(arena, (size_t)count << arena->unit_shift,
                                         (size_t)align_units << arena->unit_shift);
}

struct run arena_take_run(struct arena *arena, size_t bytes, size_t align, struct need *need)
{
    struct run run = {.section = NULL};
    size_t units = bits_divide_up(bytes, unit_bytes(arena));
    size_t align_units = align > unit_bytes(arena) ? align >> arena->unit_shift : 1;
    if (units + align_units > RUN_NONE / 4) {
        *need = (struct need){.kind = NEED_NOTHING};
        return run;
    }
    for (unsigned fresh = 0; fresh < 2 && run.section == NULL; fresh++) {
        struct section *section = arena_first_section(arena);
        for (; section != NULL && run.section == NULL;
             section = arena_next_section(arena, section)) {
            run = take_from(section, (uint32_t)units, (uint32_t)align_units, fresh != 0);
        }
    }
    if (run.section == NULL) {
        need_for_run(arena, (uint32_t)units, (uint32_t)align_units, need);
        return run;
    }
    arena->used_unit_count += run.count;
    return run;
}

// Whether more free memory is kept than the configuration allows.
static bool keeps_too_much(const struct arena *arena)
{
    size_t dirty = 0;
    for (struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        dirty += section_runs(section)->dirty_count;
    }
    size_t allowed = arena->config.dirty_bytes_max >> arena->unit_shift;
    return dirty > allowed && dirty - allowed > arena->used_unit_count / 4;
}

void arena_give_run(struct arena *arena, struct section *section, uint32_t first,
                    struct leaving *leaving)
{
    struct run_table *runs = section_runs(section);
    arena->used_unit_count -= run_unit(runs, first)->length;
    arena->given_count += run_unit(runs, first)->length;
    first = run_give(runs, first, false);
    size_t bytes = (size_t)run_unit(runs, first)->length << arena->unit_shift;
    bool is_due = arena->given_count << arena->unit_shift >= PURGE_EVERY_BYTES;
    if (leaving != NULL && bytes >= PURGE_BYTES_MIN && is_due && keeps_too_much(arena)) {
        run_leave(runs, first);
        arena->leaving_count++;
        arena->given_count = 0;
        *leaving = (struct leaving){
            .kind = LEAVING_PURGE,
            .range = {.base = (uintptr_t)section_unit_at(section, first), .bytes = bytes},
        };
    }
}

void arena_left(struct arena *arena, const struct leaving *leaving, bool done)
{
    CHECK(leaving->kind == LEAVING_PURGE && arena->leaving_count != 0);
    struct section *section = arena_section_of(arena, (const void *)leaving->range.base);
    uint32_t first = section_unit_of(section, (const void *)leaving->range.base);
    CHECK(run_unit(section_runs(section), first)->kind == RUN_LEAVING);
    arena->leaving_count--;
    run_give(section_runs(section), first, done);
}

// A record from this section, if need be in a new run of it.
static struct zone *record_from(struct arena *arena, struct section *section, unsigned record_class,
                                bool *recycled)
{
    struct zone *zone = section_take_record(section, record_class, recycled);
    if (zone != NULL || section->area_committed != section->area_end) {
        return zone;
    }
    uint32_t count = units_for(arena, section_record_bytes(section, record_class));
    struct run run = take_from(section, count, 1, false);
    if (run.section == NULL) {
        run = take_from(section, count, 1, true);
    }
    if (run.section == NULL) {
        return NULL;
    }
    if (!run.clean) {
        memset(section_unit_at(section, run.first), 0, (size_t)count << arena->unit_shift);
    }
    arena->used_unit_count += count;
    section_add_record_run(section, run.first);
    return section_take_record(section, record_class, recycled);
}

struct zone *arena_take_record(struct arena *arena, struct section *section, unsigned record_class,
                               bool *recycled, struct need *need)
{
    bool any = section == NULL;
    if (any) {
        section = arena_first_section(arena);
    }
    for (; section != NULL; section = any ? arena_next_section(arena, section) : NULL) {
        struct zone *zone = record_from(arena, section, record_class, recycled);
        if (zone != NULL) {
            zone->section = offset_of(arena, section);
            return zone;
        }
        if (section->area_committed != section->area_end) {
            // The area still has room, without access so far.
            const struct run_table *runs = section_runs(section);
            *need = (struct need){.units_least = runs->committed};
            fill_commit(arena, section, runs->committed, need);
            size_t more = section_record_bytes(section, record_class) + COMMIT_STEP_MIN / 16;
            size_t left = section->area_end - section->area_committed;
            more = page_up(arena, more);
            need->commit[0].bytes = more < left ? more : left;
            return NULL;
        }
    }
    need_for_run(arena, 1, 1, need);
    return NULL;
}

bool arena_serves_zones_of(const struct arena *arena, unsigned size_class)
{
    struct zone_layout layout = zone_layout_of(size_class, unit_bytes(arena));
    return (size_t)layout.unit_count << arena->unit_shift <= arena->config.zone_bytes_max;
}

struct zone *arena_new_zone(struct arena *arena, unsigned size_class, uint32_t owner,
                            uintptr_t heap, struct need *need)
{
    struct zone_layout layout = zone_layout_of(size_class, unit_bytes(arena));
    struct run run = arena_take_run(arena, (size_t)layout.unit_count << arena->unit_shift, 1, need);
    if (run.section == NULL) {
        return NULL;
    }
    bool recycled = false;
    struct zone *zone = arena_take_record(arena, run.section, size_class, &recycled, need);
    if (zone == NULL) {
        arena->used_unit_count -= run.count;
        run_give(section_runs(run.section), run.first, run.clean);
        return NULL;
    }
    void *base = section_unit_at(run.section, run.first);
    zone_cut(zone, &layout, size_class, base, run.clean, recycled);
    zone->heap = heap;
    atomic_store_explicit(&zone->owner, owner, memory_order_relaxed);
    run_mark(section_runs(run.section), run.first, RUN_ZONE, 0);
    zone_map_set(&arena->map, base, layout.unit_count, zone);
    arena->zone_count++;
    return zone;
}

void arena_delete_zone(struct arena *arena, struct zone *zone, struct leaving *leaving)
{
    CHECK(zone_is_empty(zone) && zone->home_count == 0 && zone->fill == ZONE_UNLISTED);
    struct section *section = offset_to(arena, zone->section);
    void *base = zone_base(zone);
    zone_map_set(&arena->map, base, zone->unit_count, NULL);
    section_give_record(section, zone, zone->size_class);
    arena->zone_count--;
    arena_give_run(arena, section, section_unit_of(section, base), leaving);
}

struct section *arena_section_of(const struct arena *arena, const void *ptr)
{
    struct section *section = arena_first_section(arena);
    while (section != NULL && !section_holds(section, ptr)) {
        section = arena_next_section(arena, section);
    }
    return section;
}

bool arena_is_valid(const struct arena *arena)
{
    size_t used = 0;
    size_t sections = 0;
    uintptr_t end = 0;
    for (const struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        if ((uintptr_t)section < end || !section_is_valid(section)) {
            return false;
        }
        end = (uintptr_t)section + section->end;
        used += section_runs(section)->fresh - section_runs(section)->free_count;
        sections++;
    }
    const struct zone *nothing = &arena->map.nothing;
    // Units on their way to the system are neither free nor used.
    bool used_is_right = arena->leaving_count != 0 || used == arena->used_unit_count;
    return sections == arena->section_count && used_is_right && nothing->kind == ZONE_NONE &&
           nothing->fast_bound == 0 && nothing->reciprocal == 0;
}
