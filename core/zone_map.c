// SPDX-License-Identifier: MIT
#include "core/zone_map.h"

#include "core/check.h"
#include "core/offset.h"

static struct zone_map_wide *wide_of(const struct zone_map *map)
{
    return (struct zone_map_wide *)map - 1;
}

// Out of the way of zone_map_find(), which a server calls for its own kind.
__attribute__((noinline)) static struct zone *find_narrow(const struct zone_map *map,
                                                          const void *ptr)
{
    return zone_map_find_narrow(map, ptr);
}

struct zone *zone_map_find(const struct zone_map *map, const void *ptr)
{
    if (!map->wide) {
        return find_narrow(map, ptr);
    }
    return zone_map_is_within(ptr) ? zone_map_find_wide(map, ptr) : (struct zone *)&map->nothing;
}

// The entry of a unit in its leaf, which is there.
static _Atomic uintptr_t *entry_of(struct zone_map_wide *wide, uintptr_t address)
{
    uintptr_t leaf = atomic_load_explicit(&wide->root[(uint64_t)address >> ZONE_MAP_LEAF_SHIFT],
                                          memory_order_relaxed);
    CHECK(leaf != 0);
    _Atomic uintptr_t *entries = (_Atomic uintptr_t *)(leaf << ZONE_MAP_WIDE_UNIT_SHIFT);
    return &entries[zone_map_leaf_index(address)];
}

// Writes the entry of `near` if it is the unit's, which had `old`, or nobody's, and does not rest.
static void set_near(struct zone_map *map, uintptr_t address, uintptr_t old, uintptr_t entry)
{
    if (zone_map_near_rests_at(map, address)) {
        return; // nor is it read: that would be a page fault
    }
    _Atomic uintptr_t *near = &wide_of(map)->near[zone_map_near_index(address)];
    uintptr_t near_entry = atomic_load_explicit(near, memory_order_relaxed);
    if (near_entry == 0 || near_entry == old) {
        atomic_store_explicit(near, entry, memory_order_release);
    }
}

static void set_wide(struct zone_map *map, uintptr_t address, uint32_t count,
                     const struct zone *zone)
{
    uintptr_t entry = offset_of(map, zone);
    for (uint32_t each = 0; each < count; each++) {
        _Atomic uintptr_t *at = entry_of(wide_of(map), address);
        set_near(map, address, atomic_load_explicit(at, memory_order_relaxed), entry);
        atomic_store_explicit(at, entry, memory_order_release);
        address += (uintptr_t)1 << map->unit_shift;
    }
}

void zone_map_rest_near(struct zone_map *map)
{
    for (unsigned word = 0; word < ZONE_MAP_NEAR_PARTS / 32; word++) {
        atomic_store_explicit(&wide_of(map)->near_rests[word], UINT32_MAX, memory_order_relaxed);
    }
}

// Enters the zones of a section in the parts of `near` that can be written, where nobody is entered.
static void enter_near(struct zone_map *map, const struct section *section)
{
    const struct run_table *runs = section_runs(section);
    for (uint32_t unit = 0; unit < runs->fresh; unit++) {
        uintptr_t address = (uintptr_t)section_unit_at(section, unit);
        const struct zone *zone = zone_map_find_wide(map, (const void *)address);
        if (zone->chunk_count != 0) { // no LARGE chunk is near
            set_near(map, address, 0, offset_of(map, zone));
        }
    }
}

void zone_map_wake_near(struct zone_map *map, uintptr_t address, uint32_t count)
{
    for (uint32_t each = 0; each < count; each++) {
        uint32_t part = zone_map_near_index(address) / ZONE_MAP_NEAR_PART;
        _Atomic uint32_t *word = &wide_of(map)->near_rests[part / 32];
        // Relaxed: nobody else writes it, and what is entered is published by itself.
        uint32_t rests = atomic_load_explicit(word, memory_order_relaxed);
        atomic_store_explicit(word, rests & ~((uint32_t)1 << part % 32), memory_order_relaxed);
        address += (uintptr_t)1 << map->unit_shift;
    }
    for (const struct section *section = zone_map_first_section(map); section != NULL;
         section = zone_map_next_section(map, section)) {
        enter_near(map, section);
    }
}

void zone_map_set_large(struct zone_map *map, const void *base, const struct section *section,
                        bool is_there)
{
    // In a narrow map the run's kind says it. In a wide one `near` never leads to a LARGE chunk.
    if (map->wide) {
        atomic_store_explicit(entry_of(wide_of(map), (uintptr_t)base),
                              is_there ? offset_of(map, &section->marker) : 0,
                              memory_order_release);
    }
}

bool zone_map_near_is_valid(const struct zone_map *map, uintptr_t address)
{
    if (!map->wide) {
        return true;
    }
    const struct zone *zone = zone_map_find_near(map, (const void *)address);
    // The first address of the zone, or above, that has the same lower half. A zone has less than 4 GiB.
    uintptr_t base = (uintptr_t)zone_base(zone) >> map->unit_shift << map->unit_shift;
    return zone == &map->nothing ||
           zone_map_find(map, (const void *)(base + (uint32_t)(address - base))) == zone;
}

void zone_map_set(struct zone_map *map, const void *base, uint32_t count, const struct zone *zone)
{
    if (map->wide) {
        set_wide(map, (uintptr_t)base, count, zone);
        return;
    }
    struct section *section = zone_map_section_of(map, base);
    uintptr_t note = offset_of(section, zone) / ZONE_MAP_NOTE_BYTES;
    CHECK(offset_of(section, zone) % ZONE_MAP_NOTE_BYTES == 0 && note <= UINT32_MAX);
    struct unit *units = run_unit(section_runs(section), section_unit_of(section, base));
    for (uint32_t each = 0; each < count; each++) {
        run_set_note(&units[each], (uint32_t)note);
    }
}

// Before which section another one comes: by their units, because in the end of a section's area for records that went
// back to the system another section may lie whole.
static bool is_below(const struct section *section, const struct section *other)
{
    return (uintptr_t)section_unit_at(section, 0) < (uintptr_t)section_unit_at(other, 0);
}

// The link that leads to the first section whose units are not below another's.
static _Atomic uintptr_t *link_above(struct zone_map *map, const struct section *section)
{
    _Atomic uintptr_t *link = &map->sections;
    struct section *next = zone_map_first_section(map);
    while (next != NULL && is_below(next, section)) {
        link = &next->next;
        next = zone_map_next_section(map, next);
    }
    return link;
}

void zone_map_add_section(struct zone_map *map, struct section *section)
{
    _Atomic uintptr_t *link = link_above(map, section);
    uintptr_t next = atomic_load_explicit(link, memory_order_relaxed);
    atomic_store_explicit(&section->next, next, memory_order_relaxed);
    atomic_store_explicit(link, offset_of(map, section), memory_order_release);
}

void zone_map_remove_section(struct zone_map *map, struct section *section)
{
    _Atomic uintptr_t *link = link_above(map, section);
    CHECK(atomic_load_explicit(link, memory_order_relaxed) == offset_of(map, section));
    atomic_store_explicit(link, atomic_load_explicit(&section->next, memory_order_relaxed),
                          memory_order_relaxed);
}

uintptr_t zone_map_leaf_missing(const struct zone_map *map, uintptr_t base, size_t bytes)
{
    if (!map->wide || bytes == 0) {
        return 0;
    }
    uint64_t last = ((uint64_t)base + bytes - 1) >> ZONE_MAP_LEAF_SHIFT;
    for (uint64_t root = (uint64_t)base >> ZONE_MAP_LEAF_SHIFT; root <= last; root++) {
        if (atomic_load_explicit(&wide_of(map)->root[root], memory_order_relaxed) == 0) {
            uint64_t start = root << ZONE_MAP_LEAF_SHIFT;
            return start > base ? (uintptr_t)start : base;
        }
    }
    return 0;
}

void zone_map_add_leaf(struct zone_map *map, uintptr_t address, void *memory)
{
    uintptr_t leaf = (uintptr_t)memory >> ZONE_MAP_WIDE_UNIT_SHIFT;
    CHECK(leaf << ZONE_MAP_WIDE_UNIT_SHIFT == (uintptr_t)memory && leaf <= UINT32_MAX);
    atomic_store_explicit(&wide_of(map)->root[(uint64_t)address >> ZONE_MAP_LEAF_SHIFT],
                          (uint32_t)leaf, memory_order_release);
}
