// SPDX-License-Identifier: MIT
// Between the core's asking and the platform's giving: meets needs.
#ifndef FT_API_MEMORY_H
#define FT_API_MEMORY_H

#include "core/need.h"

#include <stdbool.h>
#include <stddef.h>

// With the lock held. Meets a need for sections or commitments. False if the system refuses, or if the
// need is of another kind; then nothing has changed.
bool memory_meet(const struct need *need);

// With the lock held. The same for what nobody has to have: if the system refuses, nothing else is given up for it.
bool memory_try(const struct need *need);

// With the lock held. Whether a LARGE chunk is better off as a mapping of its own, because a limit of address space is near:
// a section would leave much of itself unused. need: what a run would take.
bool memory_prefers_mapping(const struct need *need);

// With the lock held. Notes what the process may have in all, which may have changed.
void memory_note_space(void);

// With the lock held. Meets a NEED_MAPPING with the chunk of `bytes` that it was for. NULL if the
// system refuses.
void *memory_meet_mapping(const struct need *need, size_t bytes);

#endif
