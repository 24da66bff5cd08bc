// SPDX-License-Identifier: MIT
// LARGE zones: one chunk that is a run of its own, or, where no section would hold it, a mapping.
//
// A LARGE chunk begins where its run or mapping begins, so it is aligned to the arena's unit at least. It grows in
// place while the units after it are free, and shrinks in place always.
//
// Everything here is LOCKED, but for large_need_for_mapping() and large_wastes_unit().
#ifndef FT_CORE_LARGE_H
#define FT_CORE_LARGE_H

#include "core/arena.h"
#include "core/chunk.h"

#include <stdbool.h>
#include <stddef.h>

// A chunk that was handed out, and whether all its bytes are known to be zero.
struct grant {
    void *ptr; // NULL: none
    bool is_zero;
};

// LOCKED. The way of nearly every LARGE chunk: a run that is free already, at any unit. ptr is NULL if there is
// none.
struct grant large_take_free(struct arena *arena, size_t bytes);

// LOCKED. Takes a chunk of `bytes` at a multiple of `align`, a power of two. ptr is NULL on failure, and
// *need then says what would help.
struct grant large_take(struct arena *arena, size_t bytes, size_t align, struct need *need);

// ANY. Whether a run for a chunk leaves much of its last unit unused, of which a mapping has none. bytes is at most
// PTRDIFF_MAX.
bool large_wastes_unit(const struct arena *arena, size_t bytes);

// ANY. The need for a mapping that holds `bytes` at a multiple of `align`; NEED_NOTHING if none can.
struct need large_need_for_mapping(const struct arena *arena, size_t bytes, size_t align);

// LOCKED. Makes memory that met a NEED_MAPPING, zeroed and mapped for this purpose, the chunk of `bytes`
// that was asked for. NULL, and then the memory is the caller's, if there was no record for it; *need
// then says what would help.
void *large_adopt(struct arena *arena, struct range mapping, size_t bytes, struct need *need);

// LOCKED. Gives a LARGE chunk back that chunk_locate() found. *leaving says what goes back to the
// system: after a LEAVING_UNMAP, large_unmapped() says how it went.
void large_give(struct arena *arena, const struct chunk *chunk, struct leaving *leaving);

// LOCKED. What became of a mapping: done tells whether the system has taken it. If not, its range is
// kept and serves later requests that fit it.
void large_unmapped(struct arena *arena, const struct leaving *leaving, bool done);

// LOCKED. Makes a LARGE chunk larger or smaller where it is. False if it cannot be, and then nothing has
// changed; *need then says what would help, if anything.
bool large_resize(struct arena *arena, const struct chunk *chunk, size_t bytes, struct need *need);

// LOCKED, by whoever holds the chunk. The pages at a mapping's end that its chunk does not want any more, if they are more
// than half of it; else none. Once the system has them, large_cut() is told how many bytes they were.
struct range large_surplus(const struct arena *arena, const struct chunk *chunk);
void large_cut(struct arena *arena, const struct chunk *chunk, size_t surplus_bytes);

#endif
