// SPDX-License-Identifier: MIT
// A table from numbers to numbers, in memory of the system's own.
#ifndef FT_REPLAY_MAP_H
#define FT_REPLAY_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_entry {
    uint64_t key;
    uint64_t value;
    bool is_used;
};

struct map {
    struct map_entry *entries; // all zero: an empty table
    size_t bytes;
    size_t count;
};

// The value of a key, to be changed; a new key has 0.
uint64_t *map_at(struct map *map, uint64_t key);

// The value of a key, NULL if it is none of the table's.
uint64_t *map_find(const struct map *map, uint64_t key);

void map_clear(struct map *map);

#endif
