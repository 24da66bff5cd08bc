// SPDX-License-Identifier: MIT
// Whether an arena's invariants hold: its counters, the order of its sections, and its map (zone_map.h).
#include "core/arena.h"

// What the map must lead to from a unit of this run (M1).
static bool is_mapped_right(const struct arena *arena, const struct section *section,
                            uint32_t first, uint32_t unit)
{
    const struct zone *zone = zone_map_find(&arena->map, section_unit_at(section, unit));
    const struct unit *head = run_unit(section_runs(section), first);
    if (head->kind == RUN_ZONE) {
        return zone_base(zone) == section_unit_at(section, first) &&
               zone->unit_count == head->length && zone->chunk_count != 0;
    }
    if (head->kind == RUN_LARGE && unit == first) {
        return zone == &section->marker;
    }
    return zone == &arena->map.nothing;
}

static bool map_is_valid(const struct arena *arena, const struct section *section)
{
    const struct run_table *runs = section_runs(section);
    uint32_t first = 0;
    for (uint32_t unit = 0; unit < runs->fresh; unit++) {
        if (unit == first + run_unit(runs, first)->length) {
            first = unit;
        }
        if (!is_mapped_right(arena, section, first, unit)) {
            return false;
        }
    }
    for (uint32_t unit = runs->fresh; unit < runs->unit_count; unit++) {
        if (zone_map_find(&arena->map, section_unit_at(section, unit)) != &arena->map.nothing) {
            return false;
        }
    }
    bool near_is_right = true;
    for (uint32_t unit = 0; unit < runs->unit_count; unit++) {
        near_is_right =
            near_is_right &&
            zone_map_near_is_valid(&arena->map, (uintptr_t)section_unit_at(section, unit));
    }
    return near_is_right;
}

bool arena_is_valid(const struct arena *arena)
{
    size_t used = 0;
    size_t sections = 0;
    size_t units = 0;
    uintptr_t end = 0;
    for (const struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        if (!section_is_valid(section) || !map_is_valid(arena, section)) {
            return false;
        }
        // One that has lost all its units may lie anywhere, and another may have its first unit where that one's was.
        if (section_runs(section)->unit_count != 0) {
            if ((uintptr_t)section_unit_at(section, 0) < end) {
                return false;
            }
            end = (uintptr_t)section + section->end;
        }
        used += section_runs(section)->fresh - section_runs(section)->free_count;
        units += section_runs(section)->unit_count;
        sections++;
    }
    const struct zone *nothing = &arena->map.nothing;
    // Units on their way to the system are neither free nor used.
    bool used_is_right = arena->leaving_count != 0 || used == arena->used_unit_count;
    bool most_is_right = arena->section_bytes_max >= arena_section_bytes(arena) &&
                         arena->committed_bytes_max >= arena_committed_bytes(arena);
    return sections == arena->section_count && units == arena->unit_count && used_is_right &&
           most_is_right && nothing->kind == ZONE_NONE && nothing->bound == 0 &&
           nothing->reciprocal == 0;
}
