// SPDX-License-Identifier: MIT
// The state of a chunk, kept out of line in its zone's record: one byte in a TINY zone, two in a SMALL
// one.
//
//   0  fresh   never handed out since its memory was last zero: its bytes still are
//   1  freed   free, and its bytes are whatever the program left
//   2  home    freed by a thread that does not own the zone, on its way home
//   3+ live    handed out; the value less 3 is the slack: class size less requested size
//
// A state is written by the owner of its zone, and while it is live by whoever holds the chunk: to
// change the slack, or to free it from afar (live -> home). All
// accesses are relaxed: a state orders nothing but itself, and a thread that may free a chunk has
// already synchronised with the one that allocated it, by whatever handed it the pointer.
#ifndef FT_CORE_STATE_H
#define FT_CORE_STATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { STATE_FRESH = 0, STATE_FREED = 1, STATE_HOME = 2, STATE_LIVE = 3 };

// ANY. Whether a state says that the program holds the chunk.
static inline bool state_is_live(unsigned state)
{
    return state >= STATE_LIVE;
}

// ANY. The state of a TINY chunk.
static inline unsigned state_read_tiny(const void *at)
{
    return atomic_load_explicit((const _Atomic uint8_t *)at, memory_order_relaxed);
}

// OWNER, or LOCKED for live -> home. Writes the state of a TINY chunk.
static inline void state_write_tiny(void *at, uint8_t state)
{
    atomic_store_explicit((_Atomic uint8_t *)at, state, memory_order_relaxed);
}

// ANY. The state of a SMALL chunk.
static inline unsigned state_read_small(const void *at)
{
    return atomic_load_explicit((const _Atomic uint16_t *)at, memory_order_relaxed);
}

// OWNER, or LOCKED for live -> home. Writes the state of a SMALL chunk.
static inline void state_write_small(void *at, unsigned state)
{
    atomic_store_explicit((_Atomic uint16_t *)at, (uint16_t)state, memory_order_relaxed);
}

#endif
