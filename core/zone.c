// SPDX-License-Identifier: MIT
#include "core/zone.h"

#include "core/bits.h"
#include "core/check.h"
#include "core/size_class.h"

#include <string.h>

_Static_assert(sizeof(struct zone) % 64 == 0, "states begin on a cache line");
_Static_assert(sizeof(uintptr_t) != 8 || sizeof(struct zone) == 128, "two cache lines");

static uintptr_t bit_of(uint32_t index)
{
    return (uintptr_t)1 << (index % BITS_PER_WORD);
}

struct zone_layout zone_layout_of(unsigned size_class, size_t unit_bytes)
{
    size_t chunk_bytes = size_class_bytes(size_class);
    size_t unit_count = bits_divide_up(ZONE_CHUNKS_MIN * chunk_bytes, unit_bytes);
    size_t chunk_count = unit_count * unit_bytes / chunk_bytes;
    size_t word_count = bits_divide_up(chunk_count, BITS_PER_WORD);
    size_t header_at = bits_align_up(2 * word_count * sizeof(uintptr_t), 64);
    size_t state_bytes = chunk_count << (size_class >= SIZE_CLASS_TINY_COUNT);
    return (struct zone_layout){
        .unit_count = (uint32_t)unit_count,
        .chunk_count = (uint32_t)chunk_count,
        .word_count = (uint32_t)word_count,
        .header_at = (uint32_t)header_at,
        .record_bytes = (uint32_t)bits_align_up(header_at + sizeof(struct zone) + state_bytes, 64),
    };
}

void zone_cut(struct zone *zone, const struct zone_layout *layout, unsigned size_class, void *base,
              bool clean, bool recycled)
{
    size_t chunk_bytes = size_class_bytes(size_class);
    bool tiny = size_class < SIZE_CLASS_TINY_COUNT;
    zone->base = (uintptr_t)base - (uintptr_t)zone;
    zone->fast_start = (uintptr_t)base;
    if (!recycled) { // else a thread that comes late may be reading what is the same for all zones of the class
        zone->reciprocal = reciprocal_of(chunk_bytes);
        zone->fast_bound =
            tiny ? reciprocal_bound(zone->reciprocal, chunk_bytes, layout->chunk_count) : 0;
        zone->kind = tiny ? ZONE_TINY : ZONE_SMALL;
        zone->size_class = (uint8_t)size_class;
        zone->chunk_bytes = (uint32_t)chunk_bytes;
        zone->chunk_count = layout->chunk_count;
        zone->word_count = (uint16_t)layout->word_count;
        zone->unit_count = layout->unit_count;
    }
    zone->free_count = 0;
    zone->fresh_index = 0;
    zone->hint = layout->word_count;
    zone->fill = ZONE_UNLISTED;
    zone->clean_count = 0;
    zone->is_cut_dirty = !clean;
    zone->dirty_counted = 0;
    zone->held_counted = 0;
    if (recycled) {
        memset(zone_free_words(zone), 0, layout->word_count * sizeof(uintptr_t));
    }
    // States of a record that was never used are zero, that is fresh, and its pages untouched. A
    // chunk of memory that is not known to be zero must not be taken for fresh (Z3).
    if (recycled || !clean) {
        unsigned state = clean ? STATE_FRESH : STATE_FREED;
        for (uint32_t index = 0; index < zone->chunk_count; index++) {
            zone_set_state(zone, index, state);
        }
    }
}

uint32_t zone_entry_index(const struct zone *zone, const struct chunk_entry *entry)
{
    uintptr_t distance = (uintptr_t)entry->state - (uintptr_t)(zone + 1);
    uint32_t index = (uint32_t)(distance >> (zone->kind == ZONE_SMALL));
    CHECK(index < zone->chunk_count && zone_chunk(zone, index) == entry->chunk);
    return index;
}

// Moves chunk `index` into *entry.
static void fill_entry(const struct zone *zone, uint32_t index, struct chunk_entry *entry)
{
    *entry = (struct chunk_entry){
        .chunk = zone_chunk(zone, index),
        .state = zone_state_at(zone, index),
    };
}

// Chunks known to be zero have left the zone: these, from one on up to another.
static void count_clean_out(struct zone *zone, const struct chunk_entry *first,
                            const struct chunk_entry *end)
{
    for (; first != end && zone->clean_count != 0; first++) {
        unsigned state = zone->kind == ZONE_SMALL ? state_read_small(first->state)
                                                  : state_read_tiny(first->state);
        zone->clean_count -= state == STATE_FRESH;
    }
}

uint32_t zone_take(struct zone *zone, struct chunk_entry *entries, uint32_t want)
{
    uint32_t available = zone_available(zone);
    uint32_t count = want < available ? want : available;
    struct chunk_entry *next = entries + count; // filled downwards: the lowest address on top
    uintptr_t *words = zone_free_words(zone);
    while (next != entries && zone->free_count != 0) {
        ASSERT(zone->hint < zone->word_count);
        uintptr_t word = words[zone->hint];
        if (word == 0) {
            zone->hint++;
            continue;
        }
        uint32_t index = zone->hint * BITS_PER_WORD + bits_lowest(word);
        words[zone->hint] = word & (word - 1);
        zone->free_count--;
        fill_entry(zone, index, --next);
    }
    count_clean_out(zone, next, entries + count);
    while (next != entries) {
        fill_entry(zone, zone->fresh_index++, --next);
    }
    return count;
}

void zone_give(struct zone *zone, uint32_t index)
{
    uint32_t word = index / BITS_PER_WORD;
    CHECK(index < zone->fresh_index && (zone_free_words(zone)[word] & bit_of(index)) == 0);
    ASSERT(!state_is_live(zone_state(zone, index)));
    zone_free_words(zone)[word] |= bit_of(index);
    zone->free_count++;
    if (word < zone->hint) {
        zone->hint = word;
    }
}

bool zone_holds(const struct zone *zone, uint32_t index)
{
    return index >= zone->fresh_index ||
           (zone_free_words(zone)[index / BITS_PER_WORD] & bit_of(index)) != 0;
}

uint32_t zone_fill_of(const struct zone *zone)
{
    uint32_t available = zone_available(zone);
    if (available == 0) {
        return ZONE_UNLISTED;
    }
    // (available - 1) * ZONE_FILL_COUNT / chunk_count, without a division.
    uint32_t part = (available - 1) * ZONE_FILL_COUNT;
    uint32_t fill = 0;
    for (uint32_t more = 1; more < ZONE_FILL_COUNT; more++) {
        fill += part >= more * zone->chunk_count;
    }
    return fill;
}

// The bits of a word that stand for chunks.
static uintptr_t chunks_of_word(const struct zone *zone, uint32_t word)
{
    uint32_t count = zone->chunk_count - word * (uint32_t)BITS_PER_WORD;
    return count < BITS_PER_WORD ? bit_of(count) - 1 : ~(uintptr_t)0;
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
    // Of several who send the last words, the one whose word was last sees all of them: hence the order.
    for (uint32_t other = 0; other < zone->word_count; other++) {
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

// Of the bits of a word those whose chunks were on their way; they are free from now on. *twice as in zone_drain().
static uintptr_t arrived_tiny(struct zone *zone, uint32_t word, uintptr_t home, void **twice)
{
    unsigned char *states = zone_state_at(zone, word * (uint32_t)BITS_PER_WORD);
    for (uintptr_t left = home; left != 0; left &= left - 1) {
        unsigned bit = bits_lowest(left);
        if (state_read_tiny(states + bit) == STATE_HOME) {
            state_write_tiny(states + bit, STATE_FREED);
        } else {
            *twice = zone_chunk(zone, word * (uint32_t)BITS_PER_WORD + bit);
            home &= ~bit_of(bit);
        }
    }
    return home;
}

// The same in a SMALL zone.
static uintptr_t arrived_small(struct zone *zone, uint32_t word, uintptr_t home, void **twice)
{
    for (uintptr_t left = home; left != 0; left &= left - 1) {
        uint32_t index = word * (uint32_t)BITS_PER_WORD + bits_lowest(left);
        if (zone_state(zone, index) == STATE_HOME) {
            zone_set_state(zone, index, STATE_FREED);
        } else {
            *twice = zone_chunk(zone, index);
            home &= ~bit_of(index);
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
        home = zone->kind == ZONE_TINY ? arrived_tiny(zone, word, home, twice)
                                       : arrived_small(zone, word, home, twice);
        CHECK((zone_free_words(zone)[word] & home) == 0);
        zone_free_words(zone)[word] |= home;
        zone->free_count += bits_count(home);
        if (word < zone->hint && home != 0) {
            zone->hint = word;
        }
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

void zone_rebuild(struct zone *zone)
{
    zone->free_count = 0;
    zone->clean_count = 0;
    zone->dirty_counted = 0;
    zone->held_counted = 0;
    zone->hint = 0;
    for (uint32_t word = 0; word < zone->word_count; word++) {
        zone_free_words(zone)[word] = 0;
        atomic_store_explicit(zone_home_word(zone, word), 0, memory_order_relaxed);
    }
    for (uint32_t index = zone->chunk_count; index-- != 0;) {
        unsigned state = zone_state(zone, index);
        if (state_is_live(state) && index >= zone->fresh_index) {
            zone->fresh_index = index + 1;
        }
        if (!state_is_live(state) && index < zone->fresh_index) {
            zone_set_state(zone, index, state == STATE_HOME ? STATE_FREED : state);
            zone_give(zone, index);
            zone->clean_count += state == STATE_FRESH;
        }
    }
}

// Whether one chunk's bits and state agree (Z1 to Z4).
static bool chunk_is_valid(const struct zone *zone, uint32_t index)
{
    uint32_t word = index / BITS_PER_WORD;
    bool is_free = (zone_free_words(zone)[word] & bit_of(index)) != 0;
    uintptr_t home = atomic_load_explicit(zone_home_word(zone, word), memory_order_relaxed);
    unsigned state = zone_state(zone, index);
    if (is_free && (index >= zone->fresh_index || word < zone->hint || state > STATE_FREED)) {
        return false;
    }
    // All of them are fresh, or none is.
    if (index >= zone->fresh_index &&
        (state > STATE_FREED || state != zone_state(zone, zone->chunk_count - 1))) {
        return false;
    }
    return (home & bit_of(index)) == 0 || state == STATE_HOME;
}

bool zone_is_valid(const struct zone *zone)
{
    if (zone->fresh_index > zone->chunk_count || zone->free_count > zone->fresh_index ||
        zone->chunk_bytes != size_class_bytes(zone->size_class) ||
        zone->reciprocal != reciprocal_of(zone->chunk_bytes) ||
        (zone->fast_bound != 0 && zone->kind != ZONE_TINY) ||
        (zone->fast_bound != 0 &&
         zone->fast_bound !=
             reciprocal_bound(zone->reciprocal, zone->chunk_bytes, zone->chunk_count))) {
        return false;
    }
    uint32_t free_count = 0;
    uint32_t clean_count = 0;
    for (uint32_t word = 0; word < zone->word_count; word++) {
        free_count += bits_count(zone_free_words(zone)[word]);
    }
    for (uint32_t index = 0; index < zone->chunk_count; index++) {
        if (!chunk_is_valid(zone, index)) {
            return false;
        }
        clean_count += index < zone->fresh_index && zone_holds(zone, index) &&
                       zone_state(zone, index) == STATE_FRESH;
    }
    return free_count == zone->free_count && clean_count >= zone->clean_count;
}
