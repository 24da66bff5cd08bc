// SPDX-License-Identifier: MIT
// What of the zone map's root can be written. The root takes half a MiB of address space, of which a process writes a page
// or two: those of the addresses where it has memory. The system charges a process for all that it might write, so most
// of the root rests until an address wants it:
//
//   global |  first: committed  |   its end   |  root  | its last entries | near | arena ...
//                               '------- rests -------'
//
// The root's last entries are those of the addresses where systems put libraries and mappings, and so are left as they
// are. A program that has this library inside itself lies elsewhere: the pages of its own entries are left, too.
#ifndef FT_API_ROOT_H
#define FT_API_ROOT_H

#include "core/zone_map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ROOT_PAGE_BYTES_MIN = 4096, // no machine has smaller pages
    ROOT_PAGES_MAX = sizeof(((struct zone_map_wide *)0)->root) / ROOT_PAGE_BYTES_MIN + 1,
    ROOT_REST_WORDS = ROOT_PAGES_MAX / 64 + 1,
};

// With the lock held, once, and before the map has an entry. Makes everything rest from `from` on, which is not below the
// root, but for the entries of [base, base + bytes) and the last ones. False if the system refuses: then nothing rests.
bool root_rest(uintptr_t base, size_t bytes, uintptr_t from);

// With the lock held. Makes the entries of [base, base + bytes) writable. False if the system refuses.
bool root_commit(uintptr_t base, size_t bytes);

#endif
