// SPDX-License-Identifier: MIT
// The application's errors, as values. The core finds them before it writes anything; the api turns
// them into words.
#ifndef FT_CORE_MISUSE_H
#define FT_CORE_MISUSE_H

#include "core/chunk.h"

#include <stddef.h>

enum misuse_kind {
    MISUSE_NONE,
    MISUSE_FOREIGN,         // no memory of this arena
    MISUSE_DOUBLE_FREE,     // a chunk, or where one was, that is free
    MISUSE_NEVER_ALLOCATED, // a chunk that was never handed out, or the tail of a zone
    MISUSE_INTERIOR,        // inside a chunk that the program holds
    MISUSE_WRONG_SIZE,      // a sized free whose size has another class than the chunk's
    MISUSE_WRONG_ALIGNMENT, // an aligned free of a chunk that is not aligned so
    MISUSE_RACING_FREE,     // two threads freed a chunk at the same time, and it came out later
};

// ANY. What is wrong with handing ptr back, of which chunk_locate() said this.
enum misuse_kind misuse_of(const struct chunk *chunk, const void *ptr);

// ANY. What is wrong with freeing a chunk as one of `bytes` bytes: MISUSE_NONE if that size belongs to
// the chunk's class, for a LARGE chunk to its number of units.
enum misuse_kind misuse_of_size(const struct arena *arena, const struct chunk *chunk, size_t bytes);

#endif
