// SPDX-License-Identifier: MIT
// What a chunk holds, copied to where the chunk moves. Of a large run that moves into memory that was never used the end
// goes back as soon as it was copied, so that not all of it is in memory twice.
#ifndef FT_API_MOVE_H
#define FT_API_MOVE_H

#include "core/chunk.h"

#include <stddef.h>

// Without the lock, before the chunk's new place is taken. What move_bytes() wants to know of that moment.
size_t move_begin(const struct chunk *chunk);

// Without the lock, by the thread that moves the chunk. Copies its first bytes; it may have become shorter afterwards, down
// to a few MiB, and is still to be freed.
void move_bytes(const struct chunk *chunk, void *to, size_t bytes, size_t begun);

#endif
