// SPDX-License-Identifier: MIT
// The state of a chunk, kept out of line in its zone's record: one byte in a TINY zone, two in a SMALL
// one.
//
//   0  fresh   never handed out since its memory was last zero: its bytes still are
//   1  freed   free, and its bytes are whatever the program left
//   2  home    freed by a thread that does not own the zone, on its way home
//   3+ live    handed out; the value less 3 is the slack: class size less requested size
//
// A state is written by whoever has the chunk: while it is live the program's thread that holds it, while it is in a
// stack that stack's owner, while it is in the zone the zone's owner. All accesses are relaxed: a state orders
// nothing but itself, and a thread that may free a chunk has already synchronised with the one that allocated it, by
// whatever handed it the pointer. Of two frees of one chunk at the same time one at most is by the zone's owner,
// which tests and writes in two steps; every other claims the chunk in one (live -> home), so that two of those
// never both succeed, and one against the owner's leaves a home bit that is one too many (zone.h).
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

// OWNER. Writes the state of a TINY chunk.
static inline void state_write_tiny(void *at, uint8_t state)
{
    atomic_store_explicit((_Atomic uint8_t *)at, state, memory_order_relaxed);
}

// ANY. The state of a SMALL chunk.
static inline unsigned state_read_small(const void *at)
{
    return atomic_load_explicit((const _Atomic uint16_t *)at, memory_order_relaxed);
}

// OWNER. Writes the state of a SMALL chunk.
static inline void state_write_small(void *at, unsigned state)
{
    atomic_store_explicit((_Atomic uint16_t *)at, (uint16_t)state, memory_order_relaxed);
}

// ANY. Live -> home, in one step. False if the state is not live, or changed meanwhile: then the chunk has been freed.
static inline bool state_claim_tiny(void *at)
{
    uint8_t state = atomic_load_explicit((_Atomic uint8_t *)at, memory_order_relaxed);
    return state_is_live(state) &&
           atomic_compare_exchange_strong_explicit((_Atomic uint8_t *)at, &state, STATE_HOME,
                                                   memory_order_relaxed, memory_order_relaxed);
}

// ANY. The same for a SMALL chunk.
static inline bool state_claim_small(void *at)
{
    uint16_t state = atomic_load_explicit((_Atomic uint16_t *)at, memory_order_relaxed);
    return state_is_live(state) &&
           atomic_compare_exchange_strong_explicit((_Atomic uint16_t *)at, &state, STATE_HOME,
                                                   memory_order_relaxed, memory_order_relaxed);
}

#endif
