// SPDX-License-Identifier: MIT
#include "core/address_map.h"

#include "core/bits.h"
#include "core/check.h"

static size_t place_of(const struct address_map *map, uintptr_t address)
{
    uint64_t hash = (uint64_t)address * 0x9E3779B97F4A7C15U;
    return (size_t)(hash >> 32) & map->mask;
}

void address_map_init(struct address_map *map, void *region, size_t bytes)
{
    size_t room = bytes / sizeof(struct address_map_entry);
    ASSERT(room >= 4);
    *map = (struct address_map){
        .entries = region,
        .mask = ((size_t)1 << bits_highest(room)) - 1,
    };
}

// Where an address is, or where it would be: the map is never full.
static size_t find(const struct address_map *map, uintptr_t address)
{
    size_t index = place_of(map, address);
    while (map->entries[index].address != 0 && map->entries[index].address != address) {
        index = (index + 1) & map->mask;
    }
    return index;
}

uintptr_t *address_map_find(const struct address_map *map, uintptr_t address)
{
    struct address_map_entry *entry = &map->entries[find(map, address)];
    return entry->address != 0 ? &entry->number : NULL;
}

bool address_map_set(struct address_map *map, uintptr_t address, uintptr_t number)
{
    struct address_map_entry *entry = &map->entries[find(map, address)];
    if (entry->address == 0) {
        // Beyond three quarters, what is not there takes long to look for.
        if (map->count >= (map->mask + 1) / 4 * 3) {
            return false;
        }
        map->count++;
    }
    *entry = (struct address_map_entry){.address = address, .number = number};
    return true;
}

// What lies behind the place that was left, up to the next empty one, moves up if it is looked for from there or before:
//
//   place of b ──► | a | b | c |   drop a:   | b | c |   |      c stays where it is, if its place is there
void address_map_drop(struct address_map *map, uintptr_t address)
{
    size_t hole = find(map, address);
    if (map->entries[hole].address == 0) {
        return;
    }
    map->count--;
    for (size_t index = (hole + 1) & map->mask; map->entries[index].address != 0;
         index = (index + 1) & map->mask) {
        size_t place = place_of(map, map->entries[index].address);
        if (((index - place) & map->mask) >= ((index - hole) & map->mask)) {
            map->entries[hole] = map->entries[index];
            hole = index;
        }
    }
    map->entries[hole].address = 0;
}

void address_map_move(struct address_map *to, const struct address_map *from)
{
    for (size_t index = 0; index <= from->mask; index++) {
        if (from->entries[index].address != 0) {
            bool is_set =
                address_map_set(to, from->entries[index].address, from->entries[index].number);
            CHECK(is_set);
        }
    }
}
