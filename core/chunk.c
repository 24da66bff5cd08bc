// SPDX-License-Identifier: MIT
#include "core/chunk.h"

#include "core/check.h"

enum chunk_status chunk_status_of(unsigned state)
{
    switch (state) {
    case STATE_FRESH: return CHUNK_FRESH;
    case STATE_CLEAN:
    case STATE_FREED: return CHUNK_FREED;
    case STATE_HOME: return CHUNK_HOME;
    default: return CHUNK_LIVE;
    }
}

static struct chunk locate_in_zone(struct zone *zone, const void *ptr)
{
    struct chunk chunk = {.zone = zone, .capacity = zone->chunk_bytes};
    if (zone_place_of(zone, ptr, &chunk.index) == ZONE_TAIL) {
        return (struct chunk){.status = CHUNK_NEVER, .zone = zone};
    }
    chunk.base = zone_chunk(zone, chunk.index);
    unsigned state = zone_state(zone, chunk.index);
    chunk.status = chunk_status_of(state);
    chunk.requested = state_is_live(state) ? zone_requested(zone, chunk.index, state) : 0;
    return chunk;
}

// The map leads to a section's marker from the first unit of a LARGE chunk; `first` is that unit.
static inline struct chunk chunk_of_run(const struct section *section, uint32_t first,
                                        struct unit unit)
{
    bool is_live = state_is_live(unit.state);
    return (struct chunk){
        .status = is_live ? CHUNK_LIVE : CHUNK_FREED,
        .zone = (struct zone *)&section->marker,
        .base = section_unit_at(section, first),
        .requested = is_live ? unit.note : 0,
        .capacity = (size_t)unit.length << section->unit_shift,
    };
}

static struct chunk locate_in_run(const struct section *section, uint32_t first)
{
    return chunk_of_run(section, first, run_unit_read(run_unit(section_runs(section), first)));
}

static struct chunk locate_in_mapping(struct zone *zone)
{
    return (struct chunk){
        .status = CHUNK_LIVE,
        .zone = zone,
        .base = zone_base(zone),
        .requested = zone->requested,
        .capacity = zone->mapped,
    };
}

// Whether a mapping began here that the system has taken, one of the last few.
static bool was_mapping(const struct arena *arena, const void *ptr)
{
    for (unsigned index = 0; index < ARENA_GONE_COUNT; index++) {
        uintptr_t gone = atomic_load_explicit(&arena->gone[index], memory_order_relaxed);
        if (gone != 0 && gone == (uintptr_t)ptr) {
            return true;
        }
    }
    return false;
}

// The map knows nothing of the unit: it may be any but the first of a LARGE run.
static struct chunk locate_in_section(const struct section *section, uint32_t unit)
{
    const struct run_table *runs = section_runs(section);
    if (unit >= runs->fresh) {
        return (struct chunk){.status = CHUNK_NEVER};
    }
    uint32_t first = run_large_holding(runs, unit);
    if (first != RUN_NONE) {
        return locate_in_run(section, first);
    }
    enum run_kind kind = run_kind_at(runs, unit);
    bool is_own = kind == RUN_META || kind == RUN_RECORDS;
    return (struct chunk){.status = is_own ? CHUNK_NEVER : CHUNK_UNUSED};
}

// The map does not tell: is the address in a LARGE chunk after its first unit, or in a mapping after its start?
static struct chunk locate_unmapped(const struct arena *arena, const void *ptr)
{
    const struct section *section = arena_section_of(arena, ptr);
    if (section != NULL) {
        return locate_in_section(section, section_unit_of(section, ptr));
    }
    for (struct zone *zone = offset_to(arena, arena->mappings); zone != NULL;
         zone = offset_to(arena, zone->next)) {
        if ((uintptr_t)ptr - (uintptr_t)zone_base(zone) < zone->mapped) {
            return locate_in_mapping(zone);
        }
    }
    return (struct chunk){.status = was_mapping(arena, ptr) ? CHUNK_UNUSED : CHUNK_FOREIGN};
}

struct chunk chunk_find(const struct arena *arena, const void *ptr)
{
    struct zone *zone = zone_map_find(&arena->map, ptr);
    switch (zone->kind) {
    case ZONE_TINY:
    case ZONE_SMALL: return locate_in_zone(zone, ptr);
    case ZONE_LARGE: {
        const struct section *section = (const struct section *)zone;
        return locate_in_run(section, section_unit_of(section, ptr));
    }
    // Its record may become another mapping's: who holds the chunk knows that it does not. And the unit that it begins in
    // may hold other things, mappings among them.
    case ZONE_MAPPED:
        return zone_base(zone) == ptr ? locate_in_mapping(zone)
                                      : (struct chunk){.status = CHUNK_UNTOLD};
    default: return (struct chunk){.status = CHUNK_UNTOLD};
    }
}

struct chunk chunk_locate(const struct arena *arena, const void *ptr)
{
    struct chunk chunk = chunk_find(arena, ptr);
    return chunk.status == CHUNK_UNTOLD ? locate_unmapped(arena, ptr) : chunk;
}

// Whether so much of a run is not wanted any more that it had better go: more than the room of one that has grown, and a quarter
// of the bytes beside.
static bool gives_much(const struct section *section, const struct chunk *chunk, size_t bytes)
{
    size_t surplus = chunk->capacity - bytes;
    size_t room = bytes / 2 < CHUNK_ROOM_BYTES ? bytes / 2 : CHUNK_ROOM_BYTES;
    return bytes < chunk->requested && surplus >> section->unit_shift != 0 &&
           surplus > bytes / 4 + room;
}

bool chunk_resize_run(const struct section *section, const void *ptr, size_t bytes)
{
    uint32_t first = section_unit_of(section, ptr);
    struct unit *unit = run_unit(section_runs(section), first);
    const struct unit seen = run_unit_read(unit);
    const struct chunk chunk = chunk_of_run(section, first, seen);
    if (!chunk_is_held_at(&chunk, ptr) || bytes > chunk.capacity ||
        chunk_shrinks_much(chunk.requested, bytes) || gives_much(section, &chunk, bytes)) {
        return false;
    }
    // Who frees it meanwhile, which is an error, leaves another note.
    return run_change_note(unit, seen.note, (uint32_t)bytes);
}

bool chunk_shrink(const struct chunk *chunk, size_t bytes)
{
    struct zone *zone = chunk->zone;
    size_t slack = zone->chunk_bytes - bytes;
    if (slack > size_class_slack_max(zone->size_class)) {
        return false;
    }
    zone_set_live(zone, zone_state_at(zone, chunk->index), bytes);
    return true;
}

bool chunk_resize(const struct chunk *chunk, size_t bytes)
{
    struct zone *zone = chunk->zone;
    if (zone->chunk_bytes == 0) {
        return zone->kind == ZONE_LARGE &&
               chunk_resize_run((const struct section *)zone, chunk->base, bytes);
    }
    if (!chunk_stays(zone, chunk->requested, bytes)) {
        return false;
    }
    zone_set_live(zone, zone_state_at(zone, chunk->index), bytes);
    return true;
}
