// SPDX-License-Identifier: MIT
#include "core/arena.h"

#include "core/check.h"
#include "core/poison.h"
#include "core/zone_home.h"

#include <string.h>

static bool serves_zones_of(const struct arena *arena, unsigned size_class)
{
    struct zone_layout layout = zone_layout_of(size_class, arena_unit_bytes(arena));
    return (size_t)layout.unit_count << arena->unit_shift <= arena->config.zone_bytes_max;
}

void arena_init(struct arena *arena, const struct arena_config *config)
{
    arena->config = *config;
    arena->unit_shift = bits_highest(config->unit_bytes);
    arena->map.unit_shift = arena->unit_shift;
    arena->map.wide = config->wide;
    CHECK(bits_is_power_of_two(config->unit_bytes) && bits_is_power_of_two(config->page_bytes));
    CHECK(config->unit_bytes >= ARENA_UNIT_BYTES_MIN && config->unit_bytes <= ARENA_UNIT_BYTES_MAX);
    while (arena->class_count < SIZE_CLASS_COUNT && serves_zones_of(arena, arena->class_count)) {
        arena->class_count++;
    }
    arena->class_bytes_max = arena->class_count != 0 ? size_class_bytes(arena->class_count - 1) : 0;
    unsigned record_kinds = config->wide ? SECTION_RECORD_KINDS : arena->class_count;
    arena->record_kind_count = (uint8_t)record_kinds;
    // Mappings may lie anywhere, which only a wide map can tell.
    CHECK(config->wide || config->run_bytes_max == SIZE_MAX);
    CHECK(!config->wide || arena->unit_shift == ZONE_MAP_WIDE_UNIT_SHIFT);
    CHECK(config->wide || config->limit_bytes == 0);
}

// Takes a run from one section, of free units or of virgin ones.
static struct run take_from(struct section *section, uint32_t count, uint32_t align_units,
                            bool fresh)
{
    struct run_shape shape = section_run_shape(section, count, align_units);
    struct run run = {.section = section, .count = count};
    uint32_t dirty_before = section_runs(section)->dirty_count;
    run.first = fresh ? run_take_fresh(section_runs(section), shape, &run.clean)
                      : run_take(section_runs(section), shape, &run.clean);
    // What stays was rounded up, and may say as much as there was.
    uint32_t dirty_after = section_runs(section)->dirty_count;
    run.dirty_count = dirty_before > dirty_after ? dirty_before - dirty_after : 0;
    if (run.first == RUN_NONE) {
        run.section = NULL;
    }
    return run;
}

// The same, of free units if there are such, else of virgin ones.
static struct run take_either(struct section *section, uint32_t count, uint32_t align_units)
{
    struct run run = take_from(section, count, align_units, false);
    return run.section != NULL ? run : take_from(section, count, align_units, true);
}

// Clears units that become the arena's own for good.
static void clear_own(const struct section *section, uint32_t first, uint32_t count, bool clean)
{
    size_t bytes = (size_t)count << section->unit_shift;
    void *base = section_unit_at(section, first);
    poison_lift(base, bytes);
    if (!clean) {
        memset(base, 0, bytes);
    }
}

static void make_meta(struct arena *arena, const struct run *run)
{
    clear_own(run->section, run->first, run->count, run->clean);
    arena->meta_unit_count += run->count;
}

struct run arena_take_run(struct arena *arena, size_t bytes, size_t align, struct need *need)
{
    struct run run = {.section = NULL};
    size_t units = bits_divide_up(bytes, arena_unit_bytes(arena));
    size_t align_units = align > arena_unit_bytes(arena) ? align >> arena->unit_shift : 1;
    if (units + align_units > RUN_NONE / 4 || !arena_allows(arena, units << arena->unit_shift)) {
        *need = (struct need){.kind = NEED_NOTHING};
        return run;
    }
    struct section *first = arena_first_section(arena);
    for (struct section *section = first; section != NULL && run.section == NULL;
         section = arena_next_section(arena, section)) {
        run = take_from(section, (uint32_t)units, (uint32_t)align_units, false);
    }
    bool is_grown = run.section == NULL;
    for (struct section *section = first; section != NULL && run.section == NULL;
         section = arena_next_section(arena, section)) {
        run = take_from(section, (uint32_t)units, (uint32_t)align_units, true);
    }
    if (run.section == NULL) {
        arena_need_run(arena, (uint32_t)units, (uint32_t)align_units, need);
        return run;
    }
    arena_count_used(arena, run.count);
    if (is_grown) {
        arena_note_growth(arena, run.count);
    }
    return run;
}

bool arena_has_free_run(const struct arena *arena, size_t units)
{
    struct section *section = arena_first_section(arena);
    while (section != NULL && run_longest_free(section_runs(section)) < units) {
        section = arena_next_section(arena, section);
    }
    return section != NULL;
}

struct run arena_take_meta(struct arena *arena, size_t bytes, struct need *need)
{
    uint32_t count = arena_units_for(arena, bytes);
    struct run run = {.section = NULL};
    struct section *first = offset_to(arena, arena->first);
    if (first != NULL) {
        run = take_either(first, count, 1);
    }
    for (struct section *section = arena_first_section(arena);
         section != NULL && run.section == NULL; section = arena_next_section(arena, section)) {
        run = take_either(section, count, 1);
    }
    if (run.section == NULL) {
        arena_need_run(arena, count, 1, need);
        return run;
    }
    arena_count_used(arena, count);
    make_meta(arena, &run);
    return run;
}

void arena_give_run(struct arena *arena, struct section *section, uint32_t first)
{
    struct run_table *runs = section_runs(section);
    arena_count_unused(arena, run_unit(runs, first)->length);
    run_give(runs, first, false);
}

void arena_give_meta(struct arena *arena, const void *base)
{
    struct section *section = arena_section_of(arena, base);
    uint32_t first = section_unit_of(section, base);
    arena->meta_unit_count -= run_unit(section_runs(section), first)->length;
    arena_give_run(arena, section, first);
}

// Memory for records at the end of a section of a buffer, where it parts nothing that is free: the section has
// these units no more. False if they are in use.
static bool take_end(struct arena *arena, struct section *section, uint32_t count, uint32_t align)
{
    struct run_table *runs = section_runs(section);
    struct run_shape shape = section_run_shape(section, count, align);
    if (arena->map.wide || runs->unit_count < count) {
        return false;
    }
    count += (runs->unit_count - count + shape.phase) & (align - 1);
    bool clean = false;
    uint32_t first = run_cut_end(runs, count, &clean);
    if (first == RUN_NONE) {
        return false;
    }
    clear_own(section, first, count, clean);
    section_add_records(section, first, count);
    section->cut_count += count;
    arena->unit_count -= count;
    // So many less are free: the lowest that was stays what it was.
    size_t most = arena->used_unit_max > count ? arena->used_unit_max - count : 0;
    arena->used_unit_max = most > arena->used_unit_count ? most : arena->used_unit_count;
    return true;
}

// A run for records, which never comes back. Where addresses are plenty it is a long one of virgin units, so that few such
// lie between what is free.
static struct run take_for_records(const struct arena *arena, struct section *section,
                                   uint32_t count, uint32_t align)
{
    uint32_t many = arena_units_for(arena, SECTION_AREA_MAX);
    struct run run = {.section = NULL};
    if (arena->config.space_mib == 0) {
        run = take_from(section, many, align, true);
    }
    return run.section != NULL ? run : take_either(section, count, align);
}

// A record from this section, if need be in a new run of it.
static struct zone *record_from(struct arena *arena, struct section *section, unsigned record_class,
                                bool *recycled)
{
    struct zone *zone = section_take_record(section, record_class, recycled);
    if (zone != NULL || section->area_committed != section->area_end) {
        return zone;
    }
    uint32_t count = arena_units_for(arena, section_record_bytes(section, record_class));
    // Headers want their alignment, and ways to them are counted in it.
    uint32_t align = arena->unit_shift < 6 ? 64U >> arena->unit_shift : 1;
    if (!take_end(arena, section, count, align)) {
        struct run run = take_for_records(arena, section, count, align);
        if (run.section == NULL) {
            return NULL;
        }
        arena_count_used(arena, run.count);
        make_meta(arena, &run);
        run_mark(section_runs(section), run.first, RUN_RECORDS, 0);
        section_add_records(section, run.first, run.count);
    }
    return section_take_record(section, record_class, recycled);
}

// A record is of one section for ever; a thread that comes late to it may be reading which.
static void note_section(const struct arena *arena, struct zone *zone,
                         const struct section *section, bool recycled)
{
    if (!recycled) {
        zone->section = offset_of(arena, section);
    }
}

struct zone *arena_take_record(struct arena *arena, struct section *section, unsigned record_class,
                               bool *recycled, struct need *need)
{
    struct zone *zone = NULL;
    if (section != NULL) {
        zone = record_from(arena, section, record_class, recycled);
    }
    if (zone == NULL && section != NULL && section->area_committed != section->area_end) {
        *need = arena_need_record_area(arena, section, record_class);
        return NULL;
    }
    struct section *growing = NULL;
    uint32_t count = arena_units_for(arena, sizeof(struct zone));
    for (struct section *other = arena_first_section(arena); zone == NULL && other != NULL;
         other = arena_next_section(arena, other)) {
        zone = record_from(arena, other, record_class, recycled);
        section = other;
        growing = other->area_committed != other->area_end ? other : growing;
        count = arena_units_for(arena, section_record_bytes(other, record_class));
    }
    if (zone != NULL) {
        note_section(arena, zone, section, *recycled);
    } else if (growing != NULL) {
        *need = arena_need_record_area(arena, growing, record_class);
    } else {
        arena_need_run(arena, count, 1, need);
    }
    return zone;
}

// A record for a zone on this run, wherever there is one. NULL and *need on failure: then the run is free again.
static struct zone *record_for(struct arena *arena, unsigned size_class, const struct run *run,
                               bool *recycled, struct need *need)
{
    struct zone *zone = arena_take_record(arena, run->section, size_class, recycled, need);
    if (zone == NULL) {
        arena_count_unused(arena, run->count);
        run_give(section_runs(run->section), run->first, run->clean);
    }
    return zone;
}

// A run for a zone, and a record. NULL and *need on failure.
static struct zone *take_zone(struct arena *arena, unsigned size_class, uint32_t count,
                              struct run *run, bool *recycled, struct need *need)
{
    *run = arena_take_run(arena, (size_t)count << arena->unit_shift, 1, need);
    return run->section != NULL ? record_for(arena, size_class, run, recycled, need) : NULL;
}

// The same of virgin units that are committed. NULL if there are not so many.
static struct zone *take_zone_virgin(struct arena *arena, unsigned size_class, uint32_t count,
                                     struct run *run, bool *recycled)
{
    *run = (struct run){.count = count, .first = RUN_NONE, .clean = true};
    if (!arena_allows(arena, (size_t)count << arena->unit_shift)) {
        return NULL;
    }
    for (struct section *section = arena_first_section(arena);
         section != NULL && run->section == NULL; section = arena_next_section(arena, section)) {
        run->first = run_take_virgin(section_runs(section), count);
        run->section = run->first != RUN_NONE ? section : NULL;
    }
    if (run->section == NULL) {
        return NULL;
    }
    struct need need;
    arena_count_used(arena, count);
    return record_for(arena, size_class, run, recycled, &need);
}

// The same in a narrow arena: its map notes the way from the section to the record, so both are of one.
static struct zone *take_zone_narrow(struct arena *arena, unsigned size_class, uint32_t count,
                                     struct run *run, bool *recycled, struct need *need)
{
    for (struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        *run = take_either(section, count, 1);
        if (run->section == NULL) {
            continue;
        }
        struct zone *zone = record_from(arena, section, size_class, recycled);
        if (zone != NULL) {
            note_section(arena, zone, section, *recycled);
            arena_count_used(arena, count);
            return zone;
        }
        run_give(section_runs(section), run->first, run->clean);
        if (section->area_committed != section->area_end) {
            *need = arena_need_record_area(arena, section, size_class);
            return NULL;
        }
    }
    arena_need_run(arena, count, 1, need);
    return NULL;
}

// Cuts a run into a zone of this record.
static void make_zone(struct arena *arena, struct zone *zone, unsigned size_class, struct run run,
                      bool recycled, uint32_t owner, uintptr_t heap)
{
    struct zone_layout layout = zone_layout_of(size_class, arena_unit_bytes(arena));
    void *base = section_unit_at(run.section, run.first);
    void *twice = recycled ? zone_drain_dead(zone) : NULL;
    if (twice != NULL) {
        arena_note_twice(arena, twice);
    }
    zone_cut(zone, &layout, size_class, base, run.clean, recycled);
    zone_note_dirt(zone, (size_t)run.dirty_count << arena->unit_shift);
    // A thread that comes late to the record reads the owner, and if that is a heap, which one.
    atomic_store_explicit(&zone->heap, heap, memory_order_relaxed);
    atomic_store_explicit(&zone->owner, owner, memory_order_release);
    run_mark(section_runs(run.section), run.first, RUN_ZONE, 0);
    zone_map_set(&arena->map, base, layout.unit_count, zone);
    arena->zone_count++;
}

struct zone *arena_new_zone(struct arena *arena, unsigned size_class, uint32_t owner,
                            uintptr_t heap, struct need *need)
{
    uint32_t count = zone_layout_of(size_class, arena_unit_bytes(arena)).unit_count;
    struct run run;
    bool recycled = false;
    struct zone *zone = arena->map.wide
                            ? take_zone(arena, size_class, count, &run, &recycled, need)
                            : take_zone_narrow(arena, size_class, count, &run, &recycled, need);
    if (zone != NULL) {
        make_zone(arena, zone, size_class, run, recycled, owner, heap);
    }
    return zone;
}

struct zone *arena_new_virgin_zone(struct arena *arena, unsigned size_class, uint32_t owner,
                                   uintptr_t heap, struct need *need)
{
    uint32_t count = zone_layout_of(size_class, arena_unit_bytes(arena)).unit_count;
    struct run run;
    bool recycled = false;
    struct zone *zone = take_zone_virgin(arena, size_class, count, &run, &recycled);
    *need = (struct need){.kind = NEED_NOTHING};
    if (zone != NULL) {
        make_zone(arena, zone, size_class, run, recycled, owner, heap);
    } else if (run.section == NULL && arena_allows(arena, (size_t)count << arena->unit_shift)) {
        arena_need_run(arena, count, 1, need);
    }
    return zone;
}

// What is known of old bytes in an empty zone: behind the chunks that were handed out lies what did when it was cut.
static struct run_dirt dirt_of(const struct arena *arena, const struct zone *zone)
{
    size_t dirty_chunks = zone->fresh_index + (size_t)zone_virgin_dirty_count(zone);
    uint32_t dirty = arena_units_for(arena, dirty_chunks * zone->chunk_bytes);
    return (struct run_dirt){.count = dirty, .end = zone->is_cut_dirty ? zone->unit_count : dirty};
}

void arena_delete_zone(struct arena *arena, struct zone *zone)
{
    CHECK(zone_is_empty(zone) && zone->fill == ZONE_UNLISTED);
    void *base = zone_base(zone);
    atomic_store_explicit(&zone->owner, ZONE_OWNER_DEAD, memory_order_relaxed);
    struct section *section = arena_section_of(arena, base);
    zone_map_set(&arena->map, base, zone->unit_count, NULL);
    section_give_record(offset_to(arena, zone->section), zone, zone->size_class);
    arena->zone_count--;
    arena_count_unused(arena, zone->unit_count);
    (void)run_give_known(section_runs(section), section_unit_of(section, base),
                         dirt_of(arena, zone));
}

struct section *arena_section_of(const struct arena *arena, const void *ptr)
{
    return zone_map_section_of(&arena->map, ptr);
}
