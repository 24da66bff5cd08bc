// SPDX-License-Identifier: MIT
// A map from addresses to numbers, in a region of memory of the caller's that is zero at first: a table that is open, in
// which an address lies at the place that its hash says, or a little behind it. It does not grow: who wants it larger
// makes another and moves what is in it. Nothing here locks.
#ifndef FT_CORE_ADDRESS_MAP_H
#define FT_CORE_ADDRESS_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address_map_entry {
    uintptr_t address; // 0: none
    uintptr_t number;
};

struct address_map {
    struct address_map_entry *entries;
    size_t mask;  // their number less one
    size_t count; // that are in use
};

// ANY. Makes an empty map of a region: of as many entries as fit, a power of two.
void address_map_init(struct address_map *map, void *region, size_t bytes);

// LOCKED. Sets the number of an address, which is not 0. False if the map is so full that it should be larger: then
// nothing has changed.
bool address_map_set(struct address_map *map, uintptr_t address, uintptr_t number);

// LOCKED. The place of an address's number, to be read or changed; NULL if it has none.
uintptr_t *address_map_find(const struct address_map *map, uintptr_t address);

// LOCKED. Forgets an address, if it is there.
void address_map_drop(struct address_map *map, uintptr_t address);

// LOCKED. Sets in a map that has room for it all that is in another one.
void address_map_move(struct address_map *to, const struct address_map *from);

#endif
