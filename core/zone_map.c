// SPDX-License-Identifier: MIT
#include "core/zone_map.h"

#include "core/check.h"
#include "core/offset.h"

static struct zone_map_wide *wide_of(const struct zone_map *map)
{
    return (struct zone_map_wide *)map - 1;
}

static struct zone *find_narrow(const struct zone_map *map, const void *ptr)
{
    const struct section *section = offset_to(map, map->sections);
    while (section != NULL && !section_holds(section, ptr)) {
        section = offset_to(map, section->next);
    }
    if (section == NULL) {
        return (struct zone *)&map->nothing;
    }
    const _Atomic uintptr_t *entries = offset_to(section, section->entries);
    uintptr_t entry =
        atomic_load_explicit(&entries[section_unit_of(section, ptr)], memory_order_relaxed);
    return (struct zone *)((uintptr_t)map + entry);
}

struct zone *zone_map_find(const struct zone_map *map, const void *ptr)
{
    if (!map->wide) {
        return find_narrow(map, ptr);
    }
    return zone_map_is_within(ptr) ? zone_map_find_wide(map, ptr) : (struct zone *)&map->nothing;
}

// The entry of the unit that holds `address`, whose leaf or section is there.
static _Atomic uintptr_t *entry_of(struct zone_map *map, uintptr_t address)
{
    if (map->wide) {
        struct zone_map_wide *wide = wide_of(map);
        uintptr_t leaf = atomic_load_explicit(&wide->root[(uint64_t)address >> ZONE_MAP_LEAF_SHIFT],
                                              memory_order_relaxed);
        CHECK(leaf != 0);
        uintptr_t unit = (uint32_t)address >> ZONE_MAP_WIDE_UNIT_SHIFT;
        return (_Atomic uintptr_t *)((uintptr_t)wide->nowhere + (leaf + unit) * sizeof(uintptr_t));
    }
    struct section *section = offset_to(map, map->sections);
    while (!section_holds(section, (const void *)address)) {
        section = offset_to(map, section->next);
    }
    return (_Atomic uintptr_t *)offset_to(section, section->entries) +
           section_unit_of(section, (const void *)address);
}

void zone_map_set(struct zone_map *map, const void *base, uint32_t count, const struct zone *zone)
{
    uintptr_t address = (uintptr_t)base;
    for (uint32_t unit = 0; unit < count; unit++) {
        atomic_store_explicit(entry_of(map, address), offset_of(map, zone), memory_order_release);
        address += (uintptr_t)1 << map->unit_shift;
    }
}

void zone_map_add_section(struct zone_map *map, struct section *section)
{
    uintptr_t *link = &map->sections;
    for (struct section *next = offset_to(map, *link); next != NULL && next < section;
         next = offset_to(map, *link)) {
        link = &next->next;
    }
    section->next = *link;
    *link = offset_of(map, section);
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
    struct zone_map_wide *wide = wide_of(map);
    atomic_store_explicit(&wide->root[(uint64_t)address >> ZONE_MAP_LEAF_SHIFT],
                          ((uintptr_t)memory - (uintptr_t)wide->nowhere) / sizeof(uintptr_t),
                          memory_order_release);
}
