// SPDX-License-Identifier: MIT
// The zone map: from any address to the zone that holds it, or to `nothing`, without touching the
// address's own memory. It has an entry for each unit: the offset of a zone's header from the map; 0
// leads to the map's own start, where a zone lies that is nobody's and refuses every pointer.
//
//   wide: a server's arena, all addresses of a process
//
//     address  | 46 .. 29 | 28 .. 16 | 15 .. 0 |
//                   |           |
//                 root ──► leaf of 8192 entries ──► struct zone
//                 no leaf ──► `nowhere`, a leaf that is always zero
//
//   A leaf takes one unit, and the root is large: it costs address space alone if its pages become memory as they are
//   written.
//
//   narrow: an arena on buffers of its caller: the few sections are searched, and a unit's entry in the
//   run table is the map's as well. Where a zone lies, its note is the way from the section to the zone's
//   header, in steps of ZONE_MAP_NOTE_BYTES; LARGE runs are known by their kind.
//
// Invariant, checked by arena_is_valid():
//   M1  Each unit of a zone's run leads to that zone, the first unit of a LARGE run to its section's marker,
//       and every other unit of a section to `nothing`.
//
// An entry is written before or after its zone is in use, never while; it is read without a lock, by
// any thread, with any pointer. A release store publishes the zone's header, and the dependent load
// through the entry pairs with it.
#ifndef FT_CORE_ZONE_MAP_H
#define FT_CORE_ZONE_MAP_H

#include "core/offset.h"
#include "core/section.h"
#include "core/zone.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    ZONE_MAP_WIDE_UNIT_SHIFT = 16,
    ZONE_MAP_LEAF_SHIFT = 29,
    ZONE_MAP_LEAF_ENTRIES = 1 << (ZONE_MAP_LEAF_SHIFT - ZONE_MAP_WIDE_UNIT_SHIFT),
    ZONE_MAP_ADDRESS_BITS = sizeof(uintptr_t) == 8 ? 47 : 32, // that a system gives unasked
    ZONE_MAP_ROOT_ENTRIES = 1 << (ZONE_MAP_ADDRESS_BITS - ZONE_MAP_LEAF_SHIFT),
    ZONE_MAP_NOTE_BYTES = 64,
};

// What lies directly below a wide map, zeroed, and never written but through the map. `nowhere` is not written at all, and
// of the root only the entries of addresses that get a leaf: what else there is may be memory that can be read alone.
struct zone_map_wide {
    _Atomic uintptr_t nowhere[ZONE_MAP_LEAF_ENTRIES]; // the leaf of addresses that have none
    _Atomic uintptr_t root[ZONE_MAP_ROOT_ENTRIES];    // leaves, from `nowhere`, in words
};

struct zone_map {
    struct zone nothing;        // all zero, at offset 0
    _Atomic uintptr_t sections; // the first section by address, from the map
    uint32_t unit_shift;
    bool wide;
};

// ANY. Whether a wide map can have an entry for this address.
static inline bool zone_map_is_within(const void *ptr)
{
    return (uint64_t)(uintptr_t)ptr >> ZONE_MAP_LEAF_SHIFT < ZONE_MAP_ROOT_ENTRIES;
}

// ANY. Which entry of its leaf an address has. Two shifts are cheaper than a shift and a mask, and compilers that know what
// is shifted make that of them.
static inline uint32_t zone_map_leaf_index(uint64_t address)
{
    uint32_t within = (uint32_t)address << (32 - ZONE_MAP_LEAF_SHIFT);
    __asm__("" : "+r"(within));
    return within >> (32 - ZONE_MAP_LEAF_SHIFT + ZONE_MAP_WIDE_UNIT_SHIFT);
}

// ANY. The zone that a wide map holds for the unit of ptr, or the map's `nothing`. ptr is within the map.
static inline struct zone *zone_map_find_wide(const struct zone_map *map, const void *ptr)
{
    uint64_t address = (uintptr_t)ptr;
    // Three tables from one base: hidden from the compiler, so that it uses the addressing modes that
    // its machine has instead of adding up constants, and written as a sum for the same reason.
    const struct zone_map_wide *wide = (const struct zone_map_wide *)map - 1;
    __asm__("" : "+r"(wide));
    uintptr_t at = (uintptr_t)wide + offsetof(struct zone_map_wide, root) +
                   (uintptr_t)(address >> ZONE_MAP_LEAF_SHIFT) * sizeof(uintptr_t);
    uintptr_t leaf = atomic_load_explicit((const _Atomic uintptr_t *)at, memory_order_relaxed);
    uint32_t unit = zone_map_leaf_index(address);
    at = (uintptr_t)wide + (leaf + unit) * sizeof(uintptr_t);
    uintptr_t entry = atomic_load_explicit((const _Atomic uintptr_t *)at, memory_order_relaxed);
    return (struct zone *)((uintptr_t)(wide + 1) + entry);
}

// ANY. The section whose units have the lowest addresses, or NULL. What the list leads to is ready: the release store in
// zone_map_add_section() publishes it, and the dependent loads through the offset pair with that.
static inline struct section *zone_map_first_section(const struct zone_map *map)
{
    return offset_to(map, atomic_load_explicit(&map->sections, memory_order_relaxed));
}

// ANY. The next section by address, or NULL.
static inline struct section *zone_map_next_section(const struct zone_map *map,
                                                    const struct section *section)
{
    return offset_to(map, atomic_load_explicit(&section->next, memory_order_relaxed));
}

// ANY. The section whose units an address lies in, or NULL.
static inline struct section *zone_map_section_of(const struct zone_map *map, const void *ptr)
{
    struct section *section = zone_map_first_section(map);
    while (section != NULL && !section_holds(section, ptr)) {
        section = zone_map_next_section(map, section);
    }
    return section;
}

// ANY. The zone that a narrow map holds for the unit of ptr, or the map's `nothing`.
static inline struct zone *zone_map_find_narrow(const struct zone_map *map, const void *ptr)
{
    struct zone *nothing = (struct zone *)&map->nothing;
    struct section *section = zone_map_section_of(map, ptr);
    if (section == NULL) {
        return nothing;
    }
    const struct unit *unit = run_unit(section_runs(section), section_unit_of(section, ptr));
    struct unit entry = run_unit_read(unit);
    if (entry.kind == RUN_LARGE) {
        return entry.note != RUN_TAIL ? &section->marker : nothing;
    }
    bool is_zone = (entry.kind == RUN_ZONE || entry.kind == RUN_INSIDE) && entry.note != 0;
    return is_zone ? offset_to(section, (uintptr_t)entry.note * ZONE_MAP_NOTE_BYTES) : nothing;
}

// ANY. The zone that holds ptr, or the map's `nothing`.
struct zone *zone_map_find(const struct zone_map *map, const void *ptr);

// LOCKED. Writes the entries of `count` units from `base` on; zone NULL erases them. Every unit's leaf
// is there.
void zone_map_set(struct zone_map *map, const void *base, uint32_t count, const struct zone *zone);

// LOCKED. Enters the first unit of a LARGE run of this section, or erases it.
static inline void zone_map_set_large(struct zone_map *map, const void *base,
                                      const struct section *section, bool is_there)
{
    // In a narrow map the run's kind says it.
    if (map->wide) {
        zone_map_set(map, base, 1, is_there ? &section->marker : NULL);
    }
}

// LOCKED. Puts a section in its place in the list.
void zone_map_add_section(struct zone_map *map, struct section *section);

// LOCKED, while nobody else uses the map at all. Takes a section out of the list.
void zone_map_remove_section(struct zone_map *map, struct section *section);

// LOCKED. The lowest address in [base, base + bytes) that has no leaf, or 0. A narrow map needs none.
uintptr_t zone_map_leaf_missing(const struct zone_map *map, uintptr_t base, size_t bytes);

// LOCKED. Gives the map zeroed memory, ZONE_MAP_LEAF_ENTRIES words, as the leaf of this address.
void zone_map_add_leaf(struct zone_map *map, uintptr_t address, void *memory);

#endif
