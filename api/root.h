// SPDX-License-Identifier: MIT
// What of the zone map's tables can be written. They take a MiB and a half of address space, of which a process writes a
// few pages: those of the addresses where it has memory. The system charges a process for all that it might write, so most
// of them rests, that is, can be read alone, until an address wants it:
//
//   global |  first: committed  |   its end   |  near  |  root  | its last entries | arena ...
//                               '------- rests, with one call --------'
//
// The root's last entries are those of the addresses where systems put libraries and mappings, and so are left as they
// are. A program that has this library inside itself lies elsewhere: the pages of its own entries are left, too.
//
// As long as `near` rests, a free takes a few steps more to find its zone (heap_far_free). So what rests of it is made
// writable once many frees have missed it, for all of a section and, with the first one, for where the next will lie.
#ifndef FT_API_ROOT_H
#define FT_API_ROOT_H

#include "core/zone_map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ROOT_PAGE_BYTES_MIN = 4096, // no machine has smaller pages
    ROOT_PAGES_MAX = sizeof(struct zone_map_wide) / ROOT_PAGE_BYTES_MIN + 1,
    ROOT_REST_WORDS = ROOT_PAGES_MAX / 64 + 1,
};

// With the lock held, once, and before the map has an entry. Makes everything rest from `from` on, which is not above the
// tables, but for the root's entries of [base, base + bytes) and the last ones. False if the system refuses: then nothing
// rests.
bool root_rest(uintptr_t base, size_t bytes, uintptr_t from);

// With the lock held. Makes the root's entries of [base, base + bytes) writable. False if the system refuses.
bool root_commit(uintptr_t base, size_t bytes);

// Notes that a chunk's zone was not found `near`. If that is because it rests, and has happened often, ends it. Takes the
// lock; keeps errno.
void root_note_far(const void *ptr);

#endif
