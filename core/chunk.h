// SPDX-License-Identifier: MIT
// What a pointer is to an arena: the one look-up behind every question about a pointer that is not on
// the fast path. It reads, and never touches the memory that the pointer leads to. What the map knows it tells without a
// lock: every chunk that is held is found so. Lists and runs are for who has the lock.
#ifndef FT_CORE_CHUNK_H
#define FT_CORE_CHUNK_H

#include "core/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum chunk_status {
    CHUNK_FOREIGN, // no memory of this arena
    CHUNK_NEVER, // memory of this arena where no chunk was: virgin units, a zone's tail, the arena's own
    CHUNK_UNUSED, // memory of this arena where one may have been: free units, a mapping that was
    CHUNK_FRESH,  // a free chunk that was never handed out
    CHUNK_FREED,  // a free chunk
    CHUNK_HOME,   // freed by another thread, on its way home
    CHUNK_LIVE,   // a chunk that the program holds
    CHUNK_UNTOLD, // chunk_find(): the map does not tell
};

enum { CHUNK_ROOM_BYTES = 1 << 20 }; // a run that grows takes half as much again, or this

struct chunk {
    enum chunk_status status;
    struct zone *zone; // NULL for FOREIGN, UNUSED, UNTOLD, and for NEVER but in the tail of a zone
    uint32_t index;    // TINY, SMALL: which chunk of the zone
    void *base;        // where the chunk starts
    size_t requested;  // LIVE: the bytes asked for
    size_t capacity;   // the bytes it could hold
};

// ANY. What ptr is, as far as the map knows: all but UNTOLD is what chunk_locate() would say, and a chunk that is held is
// found by its start. The answer holds for as long as nobody frees or allocates that very chunk.
struct chunk chunk_find(const struct arena *arena, const void *ptr);

// LOCKED, or ANY if ptr is the start of a chunk that is held. What ptr is.
struct chunk chunk_locate(const struct arena *arena, const void *ptr);

// ANY. Whether ptr may be freed: a chunk that the program holds, at its start.
static inline bool chunk_is_held_at(const struct chunk *chunk, const void *ptr)
{
    return chunk->status == CHUNK_LIVE && chunk->base == ptr;
}

// ANY. Whether a chunk that holds so many bytes would come to so few that it had better move to a zone of chunks as small, if it
// is not in one.
static inline bool chunk_shrinks_much(size_t held, size_t bytes)
{
    return bytes <= held / 2 && bytes <= SIZE_CLASS_SMALL_MAX;
}

// ANY, by whoever holds the chunk. Whether a chunk of this zone that holds so many bytes holds `bytes` where it is, and is not
// better off in a smaller class.
static inline bool chunk_stays(const struct zone *zone, size_t held, size_t bytes)
{
    return bytes <= zone->chunk_bytes &&
           zone->chunk_bytes - bytes <= size_class_slack_max(zone->size_class) &&
           (!chunk_shrinks_much(held, bytes) || size_class_of(bytes) == zone->size_class);
}

// ANY, by whoever holds the chunk. Changes the requested size of a live chunk where it is, as long as
// that takes nothing and gives nothing back. False if it does not fit, if it would leave much of a run unused, or if the
// chunk is better off in a smaller class; then nothing has changed.
bool chunk_resize(const struct chunk *chunk, size_t bytes);

// ANY, by whoever holds the chunk. The same for a LARGE one at ptr, to whose unit the map of this section's arena says that it
// begins one. False also if ptr is not its start, or it is not held.
bool chunk_resize_run(const struct section *section, const void *ptr, size_t bytes);

// ANY, by whoever holds the chunk. The same for a TINY or SMALL chunk and no more bytes than it has, even
// if another class were better. False if its state cannot note the slack.
bool chunk_shrink(const struct chunk *chunk, size_t bytes);

// ANY. What the state of a chunk says of it.
enum chunk_status chunk_status_of(unsigned state);

#endif
