// SPDX-License-Identifier: MIT
#include "core/zone_home.h"

#include "core/bits.h"

// The bits of a word that stand for chunks.
static uintptr_t chunks_of_word(const struct zone *zone, uint32_t word)
{
    uint32_t count = zone->chunk_count - word * (uint32_t)BITS_PER_WORD;
    return count < BITS_PER_WORD ? ((uintptr_t)1 << count) - 1 : ~(uintptr_t)0;
}

static bool is_whole_word(const struct zone *zone, uint32_t word)
{
    uintptr_t home = atomic_load_explicit(zone_home_word(zone, word), memory_order_seq_cst);
    return home == chunks_of_word(zone, word);
}

bool zone_is_whole(const struct zone *zone, uint32_t word)
{
    if (!is_whole_word(zone, word)) {
        return false;
    }
    // Of several who send the last words, the one whose word was last sees all of them: hence the order. The words whose
    // chunks were handed out last mostly come home last.
    for (uint32_t other = zone->word_count; other-- != 0;) {
        if (!is_whole_word(zone, other)) {
            return false;
        }
    }
    return true;
}

uint32_t zone_home_count(const struct zone *zone)
{
    uint32_t count = 0;
    for (uint32_t word = 0; word < zone->word_count; word++) {
        count += bits_count(atomic_load_explicit(zone_home_word(zone, word), memory_order_relaxed));
    }
    return count;
}

bool zone_has_home(const struct zone *zone)
{
    for (uint32_t word = 0; word < zone->word_count; word++) {
        if (atomic_load_explicit(zone_home_word(zone, word), memory_order_seq_cst) != 0) {
            return true;
        }
    }
    return false;
}

// Takes the bits of a word. Acquire: what was done with the chunks happened before. Sequentially consistent, after
// the record was taken off its list (zone_send()).
static uintptr_t take_home(const struct zone *zone, uint32_t word)
{
    _Atomic uintptr_t *at = zone_home_word(zone, word);
    if (atomic_load_explicit(at, memory_order_seq_cst) == 0) {
        return 0;
    }
    return atomic_exchange_explicit(at, 0, memory_order_seq_cst);
}

// Makes the chunks of a whole word free, if all of them were on their way. Then nobody else writes their states, which are
// read and written as many at a time as a word holds.
static bool arrived_together(unsigned char *states)
{
    enum { STEP = sizeof(uintptr_t) };
    const uintptr_t each = ~(uintptr_t)0 / UINT8_MAX;
    for (unsigned bit = 0; bit < BITS_PER_WORD; bit += STEP) {
        const _Atomic uintptr_t *some = (const _Atomic uintptr_t *)(states + bit);
        if (atomic_load_explicit(some, memory_order_relaxed) != each * STATE_HOME) {
            return false;
        }
    }
    for (unsigned bit = 0; bit < BITS_PER_WORD; bit += STEP) {
        _Atomic uintptr_t *some = (_Atomic uintptr_t *)(states + bit);
        atomic_store_explicit(some, each * STATE_FREED, memory_order_relaxed);
    }
    return true;
}

// Of the bits of a word those whose chunks were on their way; they are free from now on. *twice as in zone_drain().
static uintptr_t arrived(struct zone *zone, uint32_t word, uintptr_t home, void **twice)
{
    unsigned char *states = zone_state_at(zone, word * (uint32_t)BITS_PER_WORD);
    if (home == ~(uintptr_t)0 && arrived_together(states)) {
        return home;
    }
    for (uintptr_t left = home; left != 0; left &= left - 1) {
        unsigned bit = bits_lowest(left);
        if (state_read(states + bit) == STATE_HOME) {
            state_write(states + bit, STATE_FREED);
        } else {
            *twice = zone_chunk(zone, word * (uint32_t)BITS_PER_WORD + bit);
            home &= ~((uintptr_t)1 << bit);
        }
    }
    return home;
}

uint32_t zone_drain(struct zone *zone, void **twice)
{
    uint32_t before = zone->free_count;
    for (uint32_t word = 0; word < zone->word_count; word++) {
        uintptr_t home = take_home(zone, word);
        if (home == 0) {
            continue;
        }
        home = arrived(zone, word, home, twice);
        zone_give_bits(zone, word, home);
        zone->free_count += bits_count(home);
    }
    return zone->free_count - before;
}

void *zone_drain_dead(struct zone *zone)
{
    void *twice = NULL;
    for (uint32_t word = 0; word < zone->word_count; word++) {
        uintptr_t home = take_home(zone, word);
        if (home != 0) {
            twice = zone_chunk(zone, word * BITS_PER_WORD + bits_lowest(home));
        }
    }
    return twice;
}
