// SPDX-License-Identifier: MIT
// The state of a chunk: one byte, kept out of line in its zone's record.
//
//   0  fresh   never handed out since its zone was cut, and its bytes are zero
//   1  clean   freed, and its bytes are zero again: their pages went back to the system
//   2  freed   free, and its bytes are whatever the program left
//   3  home    freed by a thread that does not own the zone, on its way home
//   4+ live    handed out; the value less 4 is the slack: class size less requested size
//
// The slack of a SMALL chunk may be too much for that. From 128 on, its state less 128 is what is left of the slack when
// it is divided by 128, and how often it has 128 is told by another byte, that of its excess: who frees need not know it.
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
#include <stddef.h>
#include <stdint.h>

enum {
    STATE_FRESH = 0,
    STATE_CLEAN = 1,
    STATE_FREED = 2,
    STATE_HOME = 3,
    STATE_LIVE = 4,
    STATE_EXCEEDS = 128, // SMALL: from this state on, live with an excess
    STATE_EXCESS = 128,  // bytes of slack that count one there
    STATE_SLACK_ANY = STATE_EXCEEDS - STATE_LIVE - 1, // of any chunk, with the state alone
    STATE_SLACK_TINY = UINT8_MAX - STATE_LIVE,        // at most
    STATE_SLACK_SMALL = UINT8_MAX * STATE_EXCESS + STATE_EXCESS - 1,
};

// ANY. Whether a state says that the program holds the chunk.
static inline bool state_is_live(unsigned state)
{
    return state >= STATE_LIVE;
}

// ANY. Whether a state says that the chunk is free and its bytes are zero.
static inline bool state_is_zero(unsigned state)
{
    return state <= STATE_CLEAN;
}

// ANY. The state of a chunk.
static inline unsigned state_read(const void *at)
{
    return atomic_load_explicit((const _Atomic uint8_t *)at, memory_order_relaxed);
}

// OWNER. Writes a state, or an excess.
static inline void state_write(void *at, uint8_t state)
{
    atomic_store_explicit((_Atomic uint8_t *)at, state, memory_order_relaxed);
}

// ANY. The slack of a live SMALL chunk.
static inline size_t state_small_slack(unsigned state, unsigned excess)
{
    return state < STATE_EXCEEDS ? state - STATE_LIVE
                                 : state - STATE_EXCEEDS + (size_t)excess * STATE_EXCESS;
}

// OWNER. Notes that a SMALL chunk is live, with a slack that is at most STATE_SLACK_SMALL.
static inline void state_write_small(void *at, void *excess_at, size_t slack)
{
    state_write(at, (uint8_t)(STATE_EXCEEDS + slack % STATE_EXCESS));
    state_write(excess_at, (uint8_t)(slack / STATE_EXCESS));
}

// ANY. Live -> home, in one step. False if the state is not live, or changed meanwhile: then the chunk has been freed.
static inline bool state_claim(void *at)
{
    uint8_t state = atomic_load_explicit((_Atomic uint8_t *)at, memory_order_relaxed);
    return state_is_live(state) &&
           atomic_compare_exchange_strong_explicit((_Atomic uint8_t *)at, &state, STATE_HOME,
                                                   memory_order_relaxed, memory_order_relaxed);
}

#endif
