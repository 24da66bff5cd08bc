// SPDX-License-Identifier: MIT
#include "core/walk.h"

#include "core/check.h"
#include "core/chunk.h"

void walk_resume(struct walk *walk)
{
    walk->section = 0;
}

// The section that holds the first unit at or above an address, or NULL.
static struct section *section_from(const struct arena *arena, uintptr_t address)
{
    struct section *section = arena_first_section(arena);
    while (section != NULL && (uintptr_t)section + section->end <= address) {
        section = arena_next_section(arena, section);
    }
    return section;
}

// Sets the cursor on the first run that begins at or above walk->next.
static struct section *find_run(const struct arena *arena, struct walk *walk)
{
    struct section *section = section_from(arena, walk->next);
    if (section == NULL) {
        return NULL;
    }
    const struct run_table *runs = section_runs(section);
    walk->section = offset_of(arena, section);
    walk->unit = 0;
    while (walk->unit < runs->fresh &&
           (uintptr_t)section_unit_at(section, walk->unit) < walk->next) {
        walk->unit += run_unit(runs, walk->unit)->length;
    }
    return section;
}

// Goes on to the first run at or after the cursor that is a zone. NULL: there is none.
static struct section *find_zone_run(const struct arena *arena, struct walk *walk)
{
    struct section *section = offset_to(arena, walk->section);
    if (section == NULL) {
        section = find_run(arena, walk);
    }
    while (section != NULL) {
        const struct run_table *runs = section_runs(section);
        while (walk->unit < runs->fresh) {
            const struct unit *unit = run_unit(runs, walk->unit);
            if (unit->kind == RUN_ZONE || (unit->kind == RUN_LARGE && !run_is_in_hand(unit))) {
                return section;
            }
            walk->unit += unit->length;
        }
        section = arena_next_section(arena, section);
        walk->section = offset_of(arena, section);
        walk->unit = 0;
    }
    return NULL;
}

static struct zone *mapping_from(const struct arena *arena, uintptr_t address)
{
    struct zone *zone = offset_to(arena, arena->mappings);
    while (zone != NULL && (uintptr_t)zone_base(zone) < address) {
        zone = offset_to(arena, zone->next);
    }
    return zone;
}

static struct walk_step tell_zone(struct walk *walk, enum zone_kind kind, void *base, size_t bytes)
{
    walk->zone = (uintptr_t)base;
    walk->told = (uintptr_t)base;
    walk->index = 0;
    walk->next = (uintptr_t)base + bytes;
    return (struct walk_step){.what = WALK_ZONE, .kind = kind, .base = base, .bytes = bytes};
}

static struct walk_step next_zone(const struct arena *arena, struct walk *walk)
{
    struct zone *mapping = mapping_from(arena, walk->next);
    struct section *section = find_zone_run(arena, walk);
    void *base = section != NULL ? section_unit_at(section, walk->unit) : NULL;
    if (mapping != NULL && (base == NULL || zone_base(mapping) < base)) {
        return tell_zone(walk, ZONE_LARGE, zone_base(mapping), mapping->mapped);
    }
    if (base == NULL) {
        return (struct walk_step){.what = WALK_END};
    }
    const struct unit *unit = run_unit(section_runs(section), walk->unit);
    walk->unit += unit->length;
    enum zone_kind kind = zone_map_find(&arena->map, base)->kind;
    return tell_zone(walk, kind, base, (size_t)unit->length << arena->unit_shift);
}

// The next live chunk of the zone that the walk is in, or WALK_END if there is no more. If another zone begins there by
// now, its chunks are not those that were counted: what lies below the last thing told is passed over.
static struct walk_step next_chunk(const struct arena *arena, struct walk *walk)
{
    struct zone *zone = zone_map_find(&arena->map, (const void *)walk->zone);
    struct walk_step step = {.what = WALK_CHUNK, .kind = zone->kind};
    if (zone->chunk_bytes == 0) {
        struct chunk chunk = chunk_locate(arena, (const void *)walk->zone);
        bool is_there = chunk_is_held_at(&chunk, (const void *)walk->zone);
        step.what = walk->index++ == 0 && is_there ? WALK_CHUNK : WALK_END;
        step.kind = ZONE_LARGE;
        step.base = chunk.base;
        step.bytes = chunk.requested;
        return step;
    }
    bool is_same = (uintptr_t)zone_base(zone) == walk->zone;
    while (is_same && walk->index < zone->chunk_count) {
        uint32_t index = walk->index++;
        unsigned state = zone_state(zone, index);
        void *base = zone_chunk(zone, index);
        if (state_is_live(state) && (uintptr_t)base >= walk->told) {
            step.base = base;
            step.bytes = zone_requested(zone, index, state);
            return step;
        }
    }
    step.what = WALK_END;
    return step;
}

struct walk_step walk_next(const struct arena *arena, struct walk *walk)
{
    if (walk->zone != 0) {
        struct walk_step step = next_chunk(arena, walk);
        if (step.what == WALK_CHUNK) {
            walk->told = (uintptr_t)step.base + step.bytes;
            return step;
        }
        walk->zone = 0;
    }
    return next_zone(arena, walk);
}
