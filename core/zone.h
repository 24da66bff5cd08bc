// SPDX-License-Identifier: MIT
// A zone is a run cut into equal chunks of one size class.
//
//   base                                                   base + chunk_count * chunk_bytes
//   +---------+---------+-- ... --+-----------------+------+
//   | chunk 0 | chunk 1 |         | chunk count - 1 | tail |
//   +---------+---------+-- ... --+-----------------+------+
//
// All that is known of it lies elsewhere, in the zone's record:
//
//            word_count words   word_count words                 chunk_count of 1 or 2 bytes
//   +------+------------------+------------------+-------------+----------------------+
//   | mail | home: on its way | free: in the zone| struct zone | state 0, state 1 ... |
//   +------+------------------+------------------+-------------+----------------------+
//                                                ^ the zone map leads here
//
// The states are out of line because several readers want them: a free refuses what is not live, a
// walk prints exact sizes, and an overrun finds nothing of ours to overwrite. They follow the header,
// so that a free needs no second address to find them. What other threads write, mail and home bits, lies apart from
// what the owner writes each time that it takes chunks: neither has to wait for the other's cache line.
//
// A free chunk is in one of three places: in the zone (its free bit is set, or it lies at or above
// fresh_index), in some heap's stack (neither), or on its way home: its state says so first, its home bit when the
// thread that freed it has sent it.
//
// A zone has an owner, the heap that its chunks are handed out by, as long as it has one to hand out. A zone that has
// none is full, and nobody's (ZONE_OWNER_FULL): who needs its chunks when they come home, or sends the last of them,
// takes it. Only its owner ever makes it nobody's, so that no free by the owner meets another's drain.
//
// A record is for ever one of a class, and may be listed (home.h) by somebody who comes late, when its zone is gone or
// another. So the mail and the home bits belong to the record, not to the zone: cutting a zone leaves
// them as they are, and whoever takes a record off a list looks what it is by then.
//
// Invariants, all checked by zone_is_valid():
//   Z1  free_count equals the number of free bits; none is set at or above fresh_index, nor below
//       free word `hint`.
//   Z2  No chunk with its free bit set is live or on its way home.
//   Z3  No chunk at or above fresh_index was handed out since the zone was cut: its state is fresh if
//       the zone was cut from zeroed memory, else freed.
//   Z4  Each home bit is set for a chunk whose state is home.
//   Z5  Reciprocal and bounds are those of the chunk size and count.
//   Z6  At least clean_count chunks with their free bit set are fresh or clean.
//   Z7  The slack of a live chunk is at most its size.
//
// LARGE zones have one chunk and no record of their own: their units lead to their section's marker
// (kind ZONE_LARGE), or, beyond a section, to a record that is a header alone (kind ZONE_MAPPED).
#ifndef FT_CORE_ZONE_H
#define FT_CORE_ZONE_H

#include "core/bits.h"
#include "core/reciprocal.h"
#include "core/state.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum zone_kind { ZONE_NONE, ZONE_TINY, ZONE_SMALL, ZONE_LARGE, ZONE_MAPPED };

enum {
    ZONE_CHUNKS_MIN = 100, // chunks of every TINY and SMALL zone, at least
    ZONE_FILL_COUNT = 4,   // lists by fill that a heap keeps for each class
    ZONE_UNLISTED = ZONE_FILL_COUNT,
};

// Owners that are no heap.
#define ZONE_OWNER_FULL ((UINT32_MAX - 1) << 12) // nobody: it has no chunk to hand out
#define ZONE_OWNER_DEAD ((UINT32_MAX - 2) << 12) // the record has no zone

struct zone {
    // Read by every free, by any thread; written before the zone enters the map.
    _Alignas(64) uintptr_t base; // from this header to chunk 0; a section's marker: to its unit 0
    uintptr_t fast_start; // in a wide arena: chunk 0's address (such an arena is never moved)
    uint64_t reciprocal;  // of chunk_bytes, for every kind with chunks
    uint64_t
        bound; // what tells chunks' starts (reciprocal.h); 0 for LARGE and MAPPED: none is found so
    _Atomic uint32_t
        owner; // the owning heap's id, and its stack for this class (heap.h); or ZONE_OWNER_
    uint32_t chunk_bytes;   // 0 for LARGE and MAPPED
    uint32_t chunk_count;   // 0 for LARGE and MAPPED
    uint8_t kind;           // enum zone_kind
    uint8_t size_class;     //
    uint16_t word_count;    // words in each of the two bitmaps
    _Atomic uintptr_t heap; // offset from the arena of the heap that owns it, or did last
    uintptr_t section;      // offset of the section that the record lies in, from the arena

    // OWNER
    uint32_t free_count;  // chunks in the zone whose free bit is set
    uint32_t fresh_index; // chunks at or above were not handed out since the zone was cut
    uint32_t hint;        // no free bit is set in words below
    uint32_t fill;        // the heap's list that the zone is in, or ZONE_UNLISTED
    uintptr_t next; // neighbours in that list (MAPPED: in the arena's, by address), from the arena
    uintptr_t previous; //

    // LOCKED
    uint32_t unit_count; // units of its run
    union {
        struct {
            size_t requested; // MAPPED: the bytes asked for
            size_t mapped;    // MAPPED: the bytes of its mapping
        };
        struct { // OWNER
            uint32_t
                clean_count; // chunks whose free bit is set and that are known to be zero, or fewer
            bool is_cut_dirty;        // chunks at or above fresh_index are not known to be zero,
            uint16_t cut_dirty_count; // and of all so many may have held old bytes then, about
            // What the owner counts of it in its sums (heap.h): chunks that may hold old bytes, and those that are in
            // nobody's reach.
            uint16_t dirty_counted;
            uint16_t held_counted;
        };
    };
    uintptr_t next_unsettled; // OWNER: in a flush, the next zone that got chunks; 0: in none
};

// What a record's list knows of it (home.h), before the bitmaps. Who has announced a record has its link until he has listed
// it, then who takes it off the list.
struct zone_mail {
    _Atomic uintptr_t next;     // the next record in its list, from the arena
    _Atomic uint32_t announced; // it is in a list, or about to be
};

// How a zone of one class is cut on a given unit.
struct zone_layout {
    uint32_t unit_count;
    uint32_t chunk_count;
    uint32_t word_count;
    uint32_t header_at;    // bytes of the record before the header
    uint32_t record_bytes; // the whole record, a multiple of 64
};

// A free chunk as stacks hold it: where it is, and where its state is.
struct chunk_entry {
    void *chunk;
    void *state;
};

// What a pointer is to a zone.
enum zone_place { ZONE_CHUNK_START, ZONE_CHUNK_INSIDE, ZONE_TAIL };

// OWNER. The free bits.
static inline uintptr_t *zone_free_words(const struct zone *zone)
{
    return (uintptr_t *)zone - zone->word_count;
}

// ANY. The layout of a class's zones: the shortest run of units that holds ZONE_CHUNKS_MIN chunks.
struct zone_layout zone_layout_of(unsigned size_class, size_t unit_bytes);

// LOCKED. Makes a record, whose memory was once zero and since then held zones of this class only,
// into a zone over the run at base. clean: the run's bytes are all zero. recycled: the record held a
// zone before.
void zone_cut(struct zone *zone, const struct zone_layout *layout, unsigned size_class, void *base,
              bool clean, bool recycled);

// ANY. Where chunk 0 is.
static inline void *zone_base(const struct zone *zone)
{
    return (void *)((uintptr_t)zone + zone->base);
}

// ANY. Where a chunk is. index is below chunk_count.
static inline void *zone_chunk(const struct zone *zone, uint32_t index)
{
    return (void *)((uintptr_t)zone + zone->base + (uintptr_t)index * zone->chunk_bytes);
}

// ANY. Whether an address lies in the chunks of a zone.
static inline bool zone_spans(const struct zone *zone, const void *ptr)
{
    return (uintptr_t)ptr - (uintptr_t)zone_base(zone) <
           (uintptr_t)zone->chunk_count * zone->chunk_bytes;
}

// ANY. Where a chunk's state is. index is below chunk_count.
static inline void *zone_state_at(const struct zone *zone, uint32_t index)
{
    return (void *)((uintptr_t)(zone + 1) + index);
}

// ANY. The state of a chunk. index is below chunk_count.
static inline unsigned zone_state(const struct zone *zone, uint32_t index)
{
    return state_read(zone_state_at(zone, index));
}

// OWNER of the chunk. Writes its state. index is below chunk_count.
static inline void zone_set_state(struct zone *zone, uint32_t index, unsigned state)
{
    state_write(zone_state_at(zone, index), (uint8_t)state);
}

// ANY. Where the excess of a SMALL chunk with a state there is: behind all states, of which there are as many as the
// bitmaps have bits.
static inline void *zone_excess_of(const struct zone *zone, void *state)
{
    return (unsigned char *)state + zone->word_count * (uintptr_t)BITS_PER_WORD;
}

// ANY. The slack of a chunk that was found to be live by this state.
static inline size_t zone_slack(const struct zone *zone, uint32_t index, unsigned state)
{
    if (zone->kind != ZONE_SMALL) {
        return state - STATE_LIVE;
    }
    return state_small_slack(state, state_read(zone_excess_of(zone, zone_state_at(zone, index))));
}

// ANY. The bytes that were requested of it. Who is not sure that it stays as it is gets a number that it never had,
// perhaps, but none that is beyond the chunk.
static inline size_t zone_requested(const struct zone *zone, uint32_t index, unsigned state)
{
    size_t slack = zone_slack(zone, index, state);
    return slack < zone->chunk_bytes ? zone->chunk_bytes - slack : 0;
}

// OWNER of the chunk. Notes that it is live, and the bytes requested of it; the class notes so much slack.
static inline void zone_set_live(struct zone *zone, void *state, size_t requested)
{
    size_t slack = zone->chunk_bytes - requested;
    if (zone->kind == ZONE_SMALL) {
        state_write_small(state, zone_excess_of(zone, state), slack);
    } else {
        state_write(state, (uint8_t)(STATE_LIVE + slack));
    }
}

// ANY. What ptr, which lies in the zone's run, is to the zone; *index is its chunk unless ZONE_TAIL.
static inline enum zone_place zone_place_of(const struct zone *zone, const void *ptr,
                                            uint32_t *index)
{
    uint64_t offset = (uintptr_t)ptr - (uintptr_t)zone - zone->base;
    struct quotient quotient = reciprocal_divide(offset, zone->reciprocal);
    if (quotient.index >= zone->chunk_count) {
        return ZONE_TAIL;
    }
    *index = (uint32_t)quotient.index;
    return quotient.remainder < zone->bound ? ZONE_CHUNK_START : ZONE_CHUNK_INSIDE;
}

// OWNER. The index of the chunk that an entry of this zone holds.
uint32_t zone_entry_index(const struct zone *zone, const struct chunk_entry *entry);

// OWNER. Moves up to `want` free chunks of the zone into entries, the one with the lowest address
// last (at the top of a stack), freed chunks before fresh ones. Returns how many were moved.
uint32_t zone_take(struct zone *zone, struct chunk_entry *entries, uint32_t want);

// OWNER. Takes the entry's chunk, which is free and not in the zone, back into the zone.
void zone_give(struct zone *zone, uint32_t index);

// OWNER. The same for the chunks of the first entries that are of this zone, `count` at most. Returns how many those are.
uint32_t zone_give_entries(struct zone *zone, const struct chunk_entry *entries, uint32_t count);

// OWNER. The same for the chunks of these bits of a word, but free_count, which is the caller's to raise.
void zone_give_bits(struct zone *zone, uint32_t word, uintptr_t bits);

// OWNER. Whether chunk `index` is in the zone.
bool zone_holds(const struct zone *zone, uint32_t index);

// OWNER. Chunks that zone_take() can hand out.
static inline uint32_t zone_available(const struct zone *zone)
{
    return zone->free_count + (zone->chunk_count - zone->fresh_index);
}

// OWNER. Of a zone that was just cut it is known, about, that so many bytes may hold old ones. If any may, one chunk does.
void zone_note_dirt(struct zone *zone, size_t dirty_bytes);

// OWNER. Of the chunks at or above fresh_index those that may hold old bytes, about.
static inline uint32_t zone_virgin_dirty_count(const struct zone *zone)
{
    uint32_t virgin = zone->chunk_count - zone->fresh_index;
    return virgin < zone->cut_dirty_count ? virgin : zone->cut_dirty_count;
}

// OWNER. Chunks in the zone that may hold old bytes, about.
static inline uint32_t zone_dirty_count(const struct zone *zone)
{
    return zone->free_count - zone->clean_count + zone_virgin_dirty_count(zone);
}

// OWNER. Whether every chunk is in the zone.
static inline bool zone_is_empty(const struct zone *zone)
{
    return zone_available(zone) == zone->chunk_count;
}

// OWNER. The list that a zone belongs to: 0 for the fullest; ZONE_UNLISTED if it has nothing to take.
uint32_t zone_fill_of(const struct zone *zone);

// ANY. Word `word` of the home bits.
static inline _Atomic uintptr_t *zone_home_word(const struct zone *zone, uint32_t word)
{
    return (_Atomic uintptr_t *)zone - 2 * (size_t)zone->word_count + word;
}

// ANY. The mail of a record that has bitmaps.
static inline struct zone_mail *zone_mail(const struct zone *zone)
{
    return (struct zone_mail *)zone_home_word(zone, 0) - 1;
}

// OWNER, while nobody else is in any call. Makes free whatever is not live, wherever it was, and nothing on its way.
void zone_rebuild(struct zone *zone);

// OWNER, while nobody else is in any call. Whether the invariants hold.
bool zone_is_valid(const struct zone *zone);

#endif
