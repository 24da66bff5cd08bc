// SPDX-License-Identifier: MIT
// The zone map: from any address to the zone that holds it, or to `nothing`, without touching the
// address's own memory. It has an entry for each unit: the offset of a zone's header from the map; 0
// leads to the map's own start, where a zone lies that is nobody's and refuses every pointer.
//
//   wide: a server's arena, all addresses of a process
//
//     address  | 46 .. 30 | 29 .. 16 | 15 .. 0 |
//                   |           |
//                 root ──► leaf of 16384 entries ──► struct zone
//                 no leaf ──► nothing
//
//   A leaf takes two units, and the root is large: it costs address space alone if its pages become memory as they are
//   written.
//
//     near: a table for bits 31 .. 16 alone, whatever the bits above; of units that share them the
//     first has the entry. So it leads to the address's zone, or to some other one, which is what a free asks
//     first: one load, and the zone itself refuses what is not the start of a chunk of its own. While the units
//     in use span less than 4 GiB, nobody shares. Parts of it may rest: they can be read alone, their entries are 0,
//     and frees find their zones by the root.
//
//   narrow: an arena on buffers of its caller: the few sections are searched, and a unit's entry in the
//   run table is the map's as well. Where a zone lies, its note is the way from the section to the zone's
//   header, in steps of ZONE_MAP_NOTE_BYTES; LARGE runs are known by their kind.
//
// Invariant, checked by arena_is_valid():
//   M1  Each unit of a zone's run leads to that zone, the first unit of a LARGE run to its section's marker,
//       and every other unit of a section to `nothing`.
//   M2  An entry of `near` leads to a zone, not LARGE, that a unit with these bits leads to, or is 0.
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
    ZONE_MAP_LEAF_SHIFT = 30,
    ZONE_MAP_LEAF_ENTRIES = 1 << (ZONE_MAP_LEAF_SHIFT - ZONE_MAP_WIDE_UNIT_SHIFT),
    ZONE_MAP_NEAR_ENTRIES = 1 << (32 - ZONE_MAP_WIDE_UNIT_SHIFT),
    ZONE_MAP_ADDRESS_BITS = sizeof(uintptr_t) == 8 ? 47 : 32, // that a system gives unasked
    ZONE_MAP_ROOT_ENTRIES = 1 << (ZONE_MAP_ADDRESS_BITS - ZONE_MAP_LEAF_SHIFT),
    ZONE_MAP_NOTE_BYTES = 64,
    ZONE_MAP_NEAR_PART = 512, // entries of `near` that rest together: a small page of them
    ZONE_MAP_NEAR_PARTS = ZONE_MAP_NEAR_ENTRIES / ZONE_MAP_NEAR_PART,
};

// What lies directly below a wide map, zeroed, and never written but through the map. Of the root only the entries of
// addresses that get a leaf are, of `near` the parts that do not rest: what else there is may be memory that can be read
// alone.
struct zone_map_wide {
    _Atomic uintptr_t near[ZONE_MAP_NEAR_ENTRIES]; // by the lower half of an address
    _Atomic uint32_t root[ZONE_MAP_ROOT_ENTRIES];  // leaves' addresses, in units; 0: none
    // LOCKED. Never at rest: a bit for each part of `near` that is, and the bytes of both tables that are, by who makes
    // them so.
    _Alignas(64) _Atomic uint32_t near_rests[ZONE_MAP_NEAR_PARTS / 32];
    size_t resting_bytes;
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

// ANY. The place of a unit's entry in its leaf.
static inline uint32_t zone_map_leaf_index(uintptr_t address)
{
    return (uint32_t)(address >> ZONE_MAP_WIDE_UNIT_SHIFT) % ZONE_MAP_LEAF_ENTRIES;
}

// ANY. The place of a unit's entry in `near`.
static inline uint32_t zone_map_near_index(uintptr_t address)
{
    return (uint32_t)address >> ZONE_MAP_WIDE_UNIT_SHIFT;
}

// ANY. Whether the part of a wide map's `near` rests that has the entry of an address.
static inline bool zone_map_near_rests_at(const struct zone_map *map, uintptr_t address)
{
    uint32_t part = zone_map_near_index(address) / ZONE_MAP_NEAR_PART;
    const struct zone_map_wide *wide = (const struct zone_map_wide *)map - 1;
    // Relaxed: written under the lock. Who reads it without asks again there.
    uint32_t word = atomic_load_explicit(&wide->near_rests[part / 32], memory_order_relaxed);
    return (word >> part % 32 & 1) != 0;
}

// ANY. A zone of a unit whose address has the lower half of ptr's, in a wide map, or the map's `nothing`: the zone that
// holds ptr, unless another had the entry first.
static inline struct zone *zone_map_find_near(const struct zone_map *map, const void *ptr)
{
    // Hidden from the compiler, so that both sums begin with one register.
    const _Atomic uintptr_t *near = ((const struct zone_map_wide *)map - 1)->near;
    __asm__("" : "+r"(near));
    // Acquire: pairs with the release that entered the zone. Whoever holds a chunk of it is synchronised with that anyway, but
    // this zone may be none that the caller ever heard of.
    uintptr_t entry =
        atomic_load_explicit(&near[zone_map_near_index((uintptr_t)ptr)], memory_order_acquire);
    return (struct zone *)((uintptr_t)near + sizeof(struct zone_map_wide) + entry);
}

// ANY. The zone that a wide map holds for the unit of ptr, or the map's `nothing`. ptr is within the map.
static inline struct zone *zone_map_find_wide(const struct zone_map *map, const void *ptr)
{
    // Hidden from the compiler, which would add what lies before the root to the index.
    const _Atomic uint32_t *root = ((const struct zone_map_wide *)map - 1)->root;
    __asm__("" : "+r"(root));
    uintptr_t leaf = atomic_load_explicit(&root[(uint64_t)(uintptr_t)ptr >> ZONE_MAP_LEAF_SHIFT],
                                          memory_order_relaxed);
    if (leaf == 0) {
        return (struct zone *)&map->nothing;
    }
    const _Atomic uintptr_t *entries =
        (const _Atomic uintptr_t *)(leaf << ZONE_MAP_WIDE_UNIT_SHIFT);
    uintptr_t entry =
        atomic_load_explicit(&entries[zone_map_leaf_index((uintptr_t)ptr)], memory_order_relaxed);
    return (struct zone *)((uintptr_t)map + entry);
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

// ANY, while nobody writes to it. Whether M2 holds for the unit of this address.
bool zone_map_near_is_valid(const struct zone_map *map, uintptr_t address);

// LOCKED. Writes the entries of `count` units from `base` on; zone NULL erases them. Every unit's leaf
// is there.
void zone_map_set(struct zone_map *map, const void *base, uint32_t count, const struct zone *zone);

// LOCKED. Enters the first unit of a LARGE run of this section, or erases it.
void zone_map_set_large(struct zone_map *map, const void *base, const struct section *section,
                        bool is_there);

// LOCKED, while a wide map has no entry. All of `near` rests from now on.
void zone_map_rest_near(struct zone_map *map);

// LOCKED. The parts of `near` with the entries of `count` units from `address` on can be written from now on: enters the
// zones that are there.
void zone_map_wake_near(struct zone_map *map, uintptr_t address, uint32_t count);

// LOCKED. Puts a section in its place in the list.
void zone_map_add_section(struct zone_map *map, struct section *section);

// LOCKED, while nobody else uses the map at all. Takes a section out of the list.
void zone_map_remove_section(struct zone_map *map, struct section *section);

// LOCKED. The lowest address in [base, base + bytes) that has no leaf, or 0. A narrow map needs none.
uintptr_t zone_map_leaf_missing(const struct zone_map *map, uintptr_t base, size_t bytes);

// LOCKED. Gives the map zeroed memory, ZONE_MAP_LEAF_ENTRIES words at a multiple of a unit, as the leaf of this address.
void zone_map_add_leaf(struct zone_map *map, uintptr_t address, void *memory);

#endif
