// SPDX-License-Identifier: MIT
// The leak report: what was not freed when the process ends, of what the process itself has allocated since somebody watches.
// What libc holds to the end without ever freeing it, the buffers of the three standard streams, is left out. Where call
// stacks are kept, those that have one are told by these, in groups.
#ifndef FT_API_LEAKS_H
#define FT_API_LEAKS_H

#include "core/walk.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LEAKS_STATUS = 23 }; // that a process ends with which has leaks, if the option says so

// The chunks that there were before anybody watched: the loader's, and those of libraries that were there first; in a
// forked child its parent's.
struct leaks {
    _Atomic uintptr_t *early; // their addresses in order; the lowest bit is set once one was freed
    size_t early_count;
    size_t early_bytes; // of their mapping
};

// Notes which chunks there are, while one thread alone watches: at the start, and in a forked child.
void leaks_begin(void);

// A chunk is about to be freed.
void leaks_note_end(const void *ptr);

// With the arena's lock held. Whether a step of a walk tells a chunk that was not freed and should have been.
bool leaks_has(const struct walk_step *step);

// Writes the report to a descriptor. Whether there are any.
bool leaks_report(int descriptor);

#endif
