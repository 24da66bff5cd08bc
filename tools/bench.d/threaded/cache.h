// SPDX-License-Identifier: MIT
// Small objects that are written many times: what costs is whether two threads' objects lie in the same
// line of the cache. The work is counted in objects.
#ifndef CACHE_H
#define CACHE_H

#include "threads.h"

#include <stdlib.h>

enum { OBJECT_BYTES = 8, OBJECT_WRITES = 500 };

// Every byte of the object, again and again.
static inline void cache_write(void *object)
{
    volatile unsigned char *bytes = object;
    for (unsigned i = 0; i < OBJECT_WRITES; i++) {
        for (unsigned j = 0; j < OBJECT_BYTES; j++) {
            bytes[j] = (unsigned char)(bytes[j] + 1);
        }
    }
}

// One object after the other: made, written, freed.
static inline void cache_use_objects(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        void *object = chunk_new(OBJECT_BYTES);
        cache_write(object);
        free(object);
    }
}

#endif
