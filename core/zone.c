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
    size_t header_at =
        bits_align_up(sizeof(struct zone_mail) + 2 * word_count * sizeof(uintptr_t), 64);
    size_t state_bytes =
        size_class < SIZE_CLASS_TINY_COUNT ? chunk_count : word_count * BITS_PER_WORD + chunk_count;
    return (struct zone_layout){
        .unit_count = (uint32_t)unit_count,
        .chunk_count = (uint32_t)chunk_count,
        .word_count = (uint32_t)word_count,
        .header_at = (uint32_t)header_at,
        .record_bytes = (uint32_t)bits_align_up(header_at + sizeof(struct zone) + state_bytes, 64),
    };
}

// Nobody holds a chunk of the zone, but somebody may come late and look at one.
static void set_all_states(struct zone *zone, unsigned state)
{
    uint32_t count = zone->chunk_count;
    unsigned char *states = zone_state_at(zone, 0);
    for (uint32_t index = 0; index < count; index++) {
        state_write(states + index, (uint8_t)state);
    }
}

void zone_cut(struct zone *zone, const struct zone_layout *layout, unsigned size_class, void *base,
              bool clean, bool recycled)
{
    size_t chunk_bytes = size_class_bytes(size_class);
    zone->base = (uintptr_t)base - (uintptr_t)zone;
    zone->fast_start = (uintptr_t)base;
    if (!recycled) { // else a thread that comes late may be reading what is the same for all zones of the class
        zone->reciprocal = reciprocal_of(chunk_bytes);
        zone->bound = reciprocal_bound(zone->reciprocal, chunk_bytes, layout->chunk_count);
        zone->kind = size_class < SIZE_CLASS_TINY_COUNT ? ZONE_TINY : ZONE_SMALL;
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
    zone->cut_dirty_count = clean ? 0 : (uint16_t)zone->chunk_count;
    zone->dirty_counted = 0;
    zone->held_counted = 0;
    if (recycled) {
        memset(zone_free_words(zone), 0, layout->word_count * sizeof(uintptr_t));
    }
    // States of a record that was never used are zero, that is fresh, and its pages untouched. A
    // chunk of memory that is not known to be zero must not be taken for fresh (Z3).
    if (recycled || !clean) {
        set_all_states(zone, clean ? STATE_FRESH : STATE_FREED);
    }
}

void zone_note_dirt(struct zone *zone, size_t dirty_bytes)
{
    size_t count = bits_divide_up(dirty_bytes, zone->chunk_bytes);
    if (count < zone->cut_dirty_count) {
        zone->cut_dirty_count = count != 0 ? (uint16_t)count : 1;
    }
}

// The index of the chunk that an entry holds; not below chunk_count if the entry is not of this zone.
static inline uintptr_t entry_index(const struct zone *zone, const struct chunk_entry *entry)
{
    return (uintptr_t)entry->state - (uintptr_t)(zone + 1);
}

uint32_t zone_entry_index(const struct zone *zone, const struct chunk_entry *entry)
{
    uintptr_t index = entry_index(zone, entry);
    CHECK(index < zone->chunk_count && zone_chunk(zone, (uint32_t)index) == entry->chunk);
    return (uint32_t)index;
}

// Moves `count` neighbouring chunks from this one on into the entries below `next`.
static void take_neighbours(const struct zone *zone, uint32_t index, uint32_t count,
                            struct chunk_entry *next)
{
    char *chunk = zone_chunk(zone, index);
    char *state = zone_state_at(zone, index);
    uintptr_t chunk_bytes = zone->chunk_bytes;
    for (const struct chunk_entry *end = next - count; next != end;) {
        *--next = (struct chunk_entry){.chunk = chunk, .state = state};
        chunk += chunk_bytes;
        state++;
    }
}

// The same for the chunks of these bits of a word, at most as many as there are entries from `end` on. Returns the bits that
// are left.
static uintptr_t take_bits(const struct zone *zone, uint32_t word, uintptr_t bits,
                           struct chunk_entry *next, const struct chunk_entry *end)
{
    uint32_t first = word * (uint32_t)BITS_PER_WORD;
    uintptr_t lowest = bits & (~bits + 1);
    // Neighbours, as chunks mostly are that come home in the order in which they were made.
    if (bits != 0 && (bits & (bits + lowest)) == 0) {
        uint32_t count = bits_highest(bits) - bits_lowest(bits) + 1;
        uint32_t room = (uint32_t)(next - end);
        count = count < room ? count : room;
        take_neighbours(zone, first + bits_lowest(bits), count, next);
        return count < BITS_PER_WORD ? bits & (~(lowest << count) + 1) : 0;
    }
    char *chunks = zone_chunk(zone, first);
    char *states = zone_state_at(zone, first);
    uintptr_t chunk_bytes = zone->chunk_bytes;
    for (; bits != 0 && next != end; bits &= bits - 1) {
        uintptr_t bit = bits_lowest(bits);
        *--next = (struct chunk_entry){
            .chunk = chunks + bit * chunk_bytes,
            .state = states + bit,
        };
    }
    return bits;
}

// Chunks known to be zero have left the zone: these, from one on up to another.
static void count_clean_out(struct zone *zone, const struct chunk_entry *first,
                            const struct chunk_entry *end)
{
    for (; first != end && zone->clean_count != 0; first++) {
        zone->clean_count -= state_is_zero(state_read(first->state));
    }
}

uint32_t zone_take(struct zone *zone, struct chunk_entry *entries, uint32_t want)
{
    uint32_t available = zone_available(zone);
    uint32_t count = want < available ? want : available;
    uint32_t freed = count < zone->free_count ? count : zone->free_count;
    struct chunk_entry *next = entries + count; // filled downwards: the lowest address on top
    const struct chunk_entry *fresh = next - freed;
    zone->free_count -= freed;
    while (next != fresh) {
        ASSERT(zone->hint < zone->word_count);
        uintptr_t *word = &zone_free_words(zone)[zone->hint];
        uintptr_t left = take_bits(zone, zone->hint, *word, next, fresh);
        next -= bits_count(*word ^ left);
        *word = left;
        zone->hint += left == 0;
    }
    count_clean_out(zone, next, entries + count);
    take_neighbours(zone, zone->fresh_index, count - freed, next);
    zone->fresh_index += count - freed;
    return count;
}

void zone_give_bits(struct zone *zone, uint32_t word, uintptr_t bits)
{
    CHECK((zone_free_words(zone)[word] & bits) == 0);
    zone_free_words(zone)[word] |= bits;
    if (bits != 0 && word < zone->hint) {
        zone->hint = word;
    }
}

uint32_t zone_give_entries(struct zone *zone, const struct chunk_entry *entries, uint32_t count)
{
    uintptr_t *words = zone_free_words(zone);
    uintptr_t base = (uintptr_t)zone_base(zone);
    uintptr_t chunk_bytes = zone->chunk_bytes;
    uintptr_t fresh_index = zone->fresh_index;
    uintptr_t lowest = zone->hint;
    uint32_t given = 0;
    for (; given < count; given++) {
        uintptr_t index = entry_index(zone, &entries[given]);
        if (index >= fresh_index) {
            CHECK(index >= zone->chunk_count);
            break;
        }
        CHECK(base + index * chunk_bytes == (uintptr_t)entries[given].chunk);
        ASSERT(!state_is_live(zone_state(zone, (uint32_t)index)));
        uintptr_t word = index / BITS_PER_WORD;
        uintptr_t bit = (uintptr_t)1 << index % BITS_PER_WORD;
        CHECK((words[word] & bit) == 0);
        words[word] |= bit;
        lowest = word < lowest ? word : lowest;
    }
    zone->hint = (uint32_t)lowest;
    zone->free_count += given;
    return given;
}

void zone_give(struct zone *zone, uint32_t index)
{
    CHECK(index < zone->fresh_index);
    ASSERT(!state_is_live(zone_state(zone, index)));
    zone_give_bits(zone, index / BITS_PER_WORD, bit_of(index));
    zone->free_count++;
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

void zone_rebuild(struct zone *zone)
{
    zone->free_count = 0;
    zone->clean_count = 0;
    zone->dirty_counted = 0;
    zone->held_counted = 0;
    zone->next_unsettled = 0;
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
            zone->clean_count += state_is_zero(state);
        }
    }
}

// Whether one chunk's bits and state agree (Z1 to Z4, Z7).
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
    if (state_is_live(state) && zone_slack(zone, index, state) > zone->chunk_bytes) {
        return false;
    }
    return (home & bit_of(index)) == 0 || state == STATE_HOME;
}

bool zone_is_valid(const struct zone *zone)
{
    if (zone->fresh_index > zone->chunk_count || zone->free_count > zone->fresh_index ||
        zone->next_unsettled != 0 || zone->chunk_bytes != size_class_bytes(zone->size_class) ||
        zone->reciprocal != reciprocal_of(zone->chunk_bytes) ||
        zone->bound != reciprocal_bound(zone->reciprocal, zone->chunk_bytes, zone->chunk_count)) {
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
                       state_is_zero(zone_state(zone, index));
    }
    return free_count == zone->free_count && clean_count >= zone->clean_count;
}
