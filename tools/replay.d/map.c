// SPDX-License-Identifier: MIT
#include "tools/replay.d/map.h"

#include "tools/replay.d/pages.h"

enum { LEAST_COUNT = 1024 };

static size_t room_of(const struct map *map)
{
    return map->bytes / sizeof(struct map_entry);
}

// Where a key is, or would be.
static struct map_entry *place_of(const struct map *map, uint64_t key)
{
    size_t mask = room_of(map) - 1;
    size_t at = (size_t)((key * 0x9E3779B97F4A7C15U) >> 20) & mask;
    while (map->entries[at].is_used && map->entries[at].key != key) {
        at = (at + 1) & mask;
    }
    return &map->entries[at];
}

static void grow(struct map *map)
{
    struct map old = *map;
    size_t room = room_of(&old) != 0 ? room_of(&old) * 2 : LEAST_COUNT;
    map->bytes = room * sizeof(struct map_entry);
    map->entries = pages_take(map->bytes);
    for (size_t index = 0; index < room_of(&old); index++) {
        if (old.entries[index].is_used) {
            *place_of(map, old.entries[index].key) = old.entries[index];
        }
    }
    pages_give(old.entries, old.bytes);
}

uint64_t *map_at(struct map *map, uint64_t key)
{
    if (map->count * 2 >= room_of(map)) {
        grow(map);
    }
    struct map_entry *entry = place_of(map, key);
    if (!entry->is_used) {
        *entry = (struct map_entry){.key = key, .is_used = true};
        map->count++;
    }
    return &entry->value;
}

uint64_t *map_find(const struct map *map, uint64_t key)
{
    if (map->entries == NULL) {
        return NULL;
    }
    struct map_entry *entry = place_of(map, key);
    return entry->is_used ? &entry->value : NULL;
}

void map_clear(struct map *map)
{
    pages_give(map->entries, map->bytes);
    *map = (struct map){.entries = NULL};
}
