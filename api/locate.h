// SPDX-License-Identifier: MIT
// What a pointer that the program hands in is to the process's arena.
#ifndef FT_API_LOCATE_H
#define FT_API_LOCATE_H

#include "core/chunk.h"

// What ptr is. Takes the lock if the map does not tell, which it does of every chunk that is held. Keeps errno.
struct chunk locate_chunk(const void *ptr);

#endif
