// SPDX-License-Identifier: MIT
// Chunks that are freed by a thread that does not own their zone: claimed, sent home by a bit of the zone's record, and
// taken back there by whoever owns the zone by then.
#ifndef FT_CORE_ZONE_HOME_H
#define FT_CORE_ZONE_HOME_H

#include "core/zone.h"

// ANY. A thread that does not own the zone frees chunk `index`: from now on it is on its way home. False if it is not
// live, and then nothing has changed.
static inline bool zone_claim(struct zone *zone, uint32_t index)
{
    return state_claim(zone_state_at(zone, index));
}

// ANY. Sends chunks home that were claimed: these bits of a word. Returns those that were set already, each of which
// tells that its chunk was freed twice. The zone may be gone as soon as this returns, if not before.
static inline uintptr_t zone_send(struct zone *zone, uint32_t word, uintptr_t bits)
{
    // Release: what this thread did with the chunks happens before what their next holder does. Sequentially
    // consistent, against who takes the record off its list: either he sees the bits, or we see that it is no
    // longer announced.
    return atomic_fetch_or_explicit(zone_home_word(zone, word), bits, memory_order_seq_cst) & bits;
}

// ANY. Whether all chunks of the zone are on their way home, and sent; word: one to look at first.
bool zone_is_whole(const struct zone *zone, uint32_t word);

// ANY. How many home bits are set.
uint32_t zone_home_count(const struct zone *zone);

// ANY. Whether any home bit is set.
bool zone_has_home(const struct zone *zone);

// OWNER. Takes all chunks back that have been sent home. Returns how many. *twice, unless there was none, is a chunk
// whose home bit was set although it was not on its way: it was freed twice.
uint32_t zone_drain(struct zone *zone, void **twice);

// LOCKED, of a record without a zone: a chunk of the zone that was, whose home bit is set: it was freed twice. Clears
// all of them. NULL if there is none.
void *zone_drain_dead(struct zone *zone);

#endif
