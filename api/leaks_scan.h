// SPDX-License-Identifier: MIT
// Which chunks a program can still reach when it ends, as far as that can be told from the words that it holds: a word that
// leads into a chunk is taken for a pointer. Looked at are all private mappings that can be read and written, so data, other
// threads' stacks and their variables, but for the allocator's own; the calling thread's stack from its last frame on and
// its registers; and what is in chunks that were reached. Other threads go on meanwhile: what they hold in registers alone
// is not seen.
#ifndef FT_API_LEAKS_SCAN_H
#define FT_API_LEAKS_SCAN_H

#include "core/reach.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct leaks_scan {
    struct reach reach;
    size_t bytes; // of its memory; 0: nothing is known
};

// Looks. False if there is no memory for it, or the system does not let the process look at itself: then everything counts
// as reached. Holds the arena's lock for as long as it takes.
bool leaks_scan_begin(struct leaks_scan *scan);

// Whether a chunk can be reached.
bool leaks_scan_has(const struct leaks_scan *scan, const void *chunk);

// Gives the memory back.
void leaks_scan_end(struct leaks_scan *scan);

#endif
