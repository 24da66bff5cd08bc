// SPDX-License-Identifier: MIT
#include "core/misuse.h"

#include "core/size_class.h"

enum misuse_kind misuse_of(const struct chunk *chunk, const void *ptr)
{
    switch (chunk->status) {
    case CHUNK_FOREIGN: return MISUSE_FOREIGN;
    case CHUNK_FRESH: return MISUSE_NEVER_ALLOCATED;
    case CHUNK_LIVE: return chunk->base == ptr ? MISUSE_NONE : MISUSE_INTERIOR;
    case CHUNK_NEVER: return MISUSE_NEVER_ALLOCATED;
    case CHUNK_UNUSED:
    case CHUNK_FREED:
    case CHUNK_HOME:
    default: return MISUSE_DOUBLE_FREE;
    }
}

enum misuse_kind misuse_of_size(const struct arena *arena, const struct chunk *chunk, size_t bytes)
{
    if (bytes == chunk->requested) {
        return MISUSE_NONE;
    }
    if (chunk->zone->chunk_bytes == 0) {
        // A mapping ends with a page, not with a unit.
        bool same = bytes <= chunk->capacity &&
                    arena_units_for(arena, bytes) == arena_units_for(arena, chunk->capacity);
        return same && bytes > SIZE_CLASS_SMALL_MAX ? MISUSE_NONE : MISUSE_WRONG_SIZE;
    }
    bool same = bytes <= SIZE_CLASS_SMALL_MAX && size_class_of(bytes) == chunk->zone->size_class;
    return same ? MISUSE_NONE : MISUSE_WRONG_SIZE;
}
