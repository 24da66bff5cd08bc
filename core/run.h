// SPDX-License-Identifier: MIT
// Runs: neighbouring units of a section, taken and given back in bounded time.
//
//   unit 0                                    fresh        committed       unit_count
//   +------+-----------+------+---------------+-------------+---------------+
//   | used |   free    | used |     free      |   virgin    | without access|
//   +------+-----------+------+---------------+-------------+---------------+
//
// Each unit has an entry in a table; a run is told by the entries of its first and its last unit,
// which both hold its length and kind, so that both neighbours of a run are found at once. Free runs
// are kept in lists by length: lengths below 8 exactly, above that eight lists for each doubling,
// with a bitmap that says which lists have members. What is freed merges with both neighbours at once:
//
//   | A free | B used | C free |    run_give(B)    |      one free run      |
//
// Invariants, all checked by run_table_is_valid():
//   R1  The runs below `fresh` cover it without gap; first and last entry of each agree, and those in
//       between are RUN_INSIDE and empty, but for a zone's note.
//   R2  No two free runs are neighbours.
//   R3  A free run is in the list of its length, and a list's bit is set if it has members.
//   R4  free_count and dirty_count are the units of all free runs, and the sum of what these say of themselves: how many
//       of their units may hold old bytes, about, and below which unit all of those lie. There is none if and only if the
//       run is clean.
//   R5  fresh <= committed <= unit_count; entries at or above fresh are zero.
//
// Everything here is LOCKED: the caller holds the lock of the arena that the section belongs to.
#ifndef FT_CORE_RUN_H
#define FT_CORE_RUN_H

#include "core/bits.h"
#include "core/check.h"
#include "core/state.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    RUN_EXACT_BINS = 8,    // lengths that have a list of their own
    RUN_UNITS_MAX = 65535, // of one table: indices and lengths are of 16 bits
    RUN_BITMAP_BITS = 128, // enough for that
    RUN_BITMAP_WORDS = RUN_BITMAP_BITS / BITS_PER_WORD,
};

enum { RUN_LINK_NONE = UINT16_MAX }; // what ends a list

#define RUN_NONE UINT32_MAX
#define RUN_TAIL UINT32_MAX // no chunk is that large

enum run_kind {
    RUN_INSIDE,  // neither first nor last unit of a run
    RUN_FREE,    // in a list
    RUN_ZONE,    // a TINY or SMALL zone
    RUN_LARGE,   // one chunk
    RUN_META,    // memory of the arena's own: heaps, leaves of the zone map
    RUN_RECORDS, // more of it: records of zones
    RUN_LEAVING, // on its way to the system: in no list, until the caller says how that went
};

// One word, written whole where somebody may read it without the lock.
struct unit {
    _Alignas(8) uint16_t length; // of the run, in units
    uint8_t kind;                // enum run_kind
    union {
        bool clean; // RUN_FREE: every byte is known to be zero
        // RUN_LARGE, in the first entry: the chunk's, live, or home while it is in a heap's hand (heap_hand.h). No state of
        // a chunk that somebody holds is a bool's value: who claims a chunk that is gone changes nothing.
        uint8_t state;
    };
    union {
        struct {
            uint16_t next, previous; // RUN_FREE: neighbours in the list
        };
        struct {
            // RUN_FREE, in a last entry that is no first: how many units may hold old bytes, about, and below which of the
            // run's units all of them lie: that those from there on are zero is certain.
            uint16_t dirty, dirty_end;
        };
        // RUN_LARGE: the bytes asked for; RUN_TAIL in a last entry that is no first. RUN_ZONE, and inside
        // of one: what a narrow zone map notes (zone_map.h).
        uint32_t note;
    };
};

struct run_table {
    uint32_t unit_count;
    uint32_t committed;
    uint32_t fresh;
    uint32_t free_count;
    uint32_t dirty_count;
    uint32_t units; // the entries, from the table
    uint16_t bin_count;
    bool fresh_is_zero; // virgin units are: else they hold anything
    uintptr_t bitmap[RUN_BITMAP_WORDS];
    // uint16_t heads[bin_count], then struct unit units[unit_count]
};

// What a run must be like: `count` units, and the first one's index plus `phase` a multiple of `align`,
// a power of two.
struct run_shape {
    uint32_t count;
    uint32_t align;
    uint32_t phase;
};

// LOCKED. The first member of each list, or RUN_LINK_NONE.
static inline uint16_t *run_heads(const struct run_table *table)
{
    return (uint16_t *)(table + 1);
}

// ANY. The list that a run of this length is kept in.
static inline uint32_t run_bin_of(uint32_t length)
{
    if (length < RUN_EXACT_BINS) {
        return length;
    }
    unsigned high = bits_highest(length);
    return (high - 2) * RUN_EXACT_BINS + ((length >> (high - 3)) & (RUN_EXACT_BINS - 1));
}

// ANY. Bytes of a table for this many units.
size_t run_table_bytes(uint32_t unit_count);

// LOCKED. Makes zeroed memory at an address aligned for a unit into a table; nothing is committed, and what
// will be is zero. unit_count is at most RUN_UNITS_MAX.
void run_table_init(struct run_table *table, uint32_t unit_count);

// ANY. The entry of a unit.
static inline struct unit *run_unit(const struct run_table *table, uint32_t unit)
{
    ASSERT(unit < table->unit_count);
    return (struct unit *)((uintptr_t)table + table->units) + unit;
}

// LOCKED. Takes a run out of the free ones. Returns its first unit, and in *clean whether its bytes
// are known to be zero; RUN_NONE if no free run was found. Finds a fitting run whenever there is one
// that is an eighth longer than what is asked. The run's kind is RUN_META until run_mark().
uint32_t run_take(struct run_table *table, struct run_shape shape, bool *clean);

// LOCKED. The same at any unit, for a run of kind RUN_LARGE that needs no run_mark().
uint32_t run_take_large(struct run_table *table, uint32_t count, uint32_t requested, bool *clean);

// LOCKED. Takes a run that ends in virgin units, beginning in a free run below them if there is one.
// RUN_NONE if too little is committed.
uint32_t run_take_fresh(struct run_table *table, struct run_shape shape, bool *clean);

// LOCKED. Takes a run of virgin units that are committed, all of them zero, though a free run may fit as well. Returns its
// first unit; RUN_NONE if there are not so many, or they are not known to be zero. The run's kind is RUN_META until run_mark().
uint32_t run_take_virgin(struct run_table *table, uint32_t count);

// LOCKED. Makes the table `count` units shorter: returns the first of those that it has no more, and whether their
// bytes are known to be zero. RUN_NONE if somebody has one of them, or not all is committed.
uint32_t run_cut_end(struct run_table *table, uint32_t count, bool *clean);

// LOCKED. Cuts off the units at the table's end that nobody has, virgin or free.
void run_cut_tail(struct run_table *table);

// LOCKED. How many units must be committed for run_take_fresh() to succeed; RUN_NONE if no commitment
// within the section is enough.
uint32_t run_commitment_for(const struct run_table *table, struct run_shape shape);

// What is known of old bytes in a free run.
struct run_dirt {
    uint32_t count; // units that may hold some, about: of what was cut off as many as of the rest
    uint32_t end;   // units from the run's first to the last that may
};

// LOCKED. Of the free run that begins here.
static inline struct run_dirt run_dirt(const struct run_table *table, uint32_t first)
{
    const struct unit *head = run_unit(table, first);
    if (head->length == 1) {
        return (struct run_dirt){.count = !head->clean, .end = !head->clean};
    }
    const struct unit *last = run_unit(table, first + head->length - 1);
    return (struct run_dirt){.count = last->dirty, .end = last->dirty_end};
}

// LOCKED. Says what a run that was taken serves as; note: what was requested if that is RUN_LARGE, else 0.
void run_mark(struct run_table *table, uint32_t first, enum run_kind kind, uint32_t note);

// LOCKED. Gives a run back. Returns the first unit of the free run that it has become part of.
uint32_t run_give(struct run_table *table, uint32_t first, bool clean);

// LOCKED. The same for a run of which it is known how much of it may hold old bytes.
uint32_t run_give_known(struct run_table *table, uint32_t first, struct run_dirt dirt);

// LOCKED. Makes these units of the free run that begins at `whole` a run of kind RUN_LEAVING. What it leaves stays free.
void run_leave(struct run_table *table, uint32_t whole, uint32_t first, uint32_t count);

// LOCKED. Writes an entry in two halves, for machines that do not write it at once: what it is becomes true last,
// and is nothing meanwhile.
static inline void run_unit_write_halves(struct unit *unit, struct unit entry)
{
    _Atomic uint32_t *halves = (_Atomic uint32_t *)unit;
    uint32_t words[2];
    memcpy(words, &entry, sizeof(words));
    atomic_store_explicit(&halves[0], 0, memory_order_relaxed);
    atomic_store_explicit(&halves[1], words[1], memory_order_release);
    atomic_store_explicit(&halves[0], words[0], memory_order_release);
}

// ANY. Reads one so written; nothing, if that is just being done. The acquiring loads pair with the releasing
// stores above: a first half that is the same before and after the second belongs to it.
static inline struct unit run_unit_read_halves(const struct unit *unit)
{
    const _Atomic uint32_t *halves = (const _Atomic uint32_t *)unit;
    uint32_t words[2];
    words[0] = atomic_load_explicit(&halves[0], memory_order_acquire);
    words[1] = atomic_load_explicit(&halves[1], memory_order_acquire);
    struct unit read = {.length = 0};
    if (atomic_load_explicit(&halves[0], memory_order_relaxed) == words[0]) {
        memcpy(&read, words, sizeof(read));
    }
    return read;
}

// LOCKED. Writes the entry of a unit.
static inline void run_unit_write(struct unit *unit, struct unit entry)
{
    if (sizeof(uintptr_t) < sizeof(uint64_t)) {
        run_unit_write_halves(unit, entry);
        return;
    }
    uint64_t word;
    memcpy(&word, &entry, sizeof(word));
    atomic_store_explicit((_Atomic uint64_t *)unit, word, memory_order_relaxed);
}

// ANY. The entry of a unit as it is at one moment.
static inline struct unit run_unit_read(const struct unit *unit)
{
    if (sizeof(uintptr_t) < sizeof(uint64_t)) {
        return run_unit_read_halves(unit);
    }
    uint64_t word = atomic_load_explicit((const _Atomic uint64_t *)unit, memory_order_relaxed);
    struct unit read;
    memcpy(&read, &word, sizeof(read));
    return read;
}

// ANY. The note of an entry: of a RUN_LARGE run's first, the requested bytes. Whoever holds that chunk may
// change them at any time, others may read them: hence the atomic.
static inline uint32_t run_note(const struct unit *unit)
{
    return atomic_load_explicit((const _Atomic uint32_t *)&unit->note, memory_order_relaxed);
}

// ANY, by whoever holds the chunk; LOCKED for a zone's. Changes the note of an entry.
static inline void run_set_note(struct unit *unit, uint32_t note)
{
    atomic_store_explicit((_Atomic uint32_t *)&unit->note, note, memory_order_relaxed);
}

// ANY, by whoever holds the chunk. The same if the note still is the one that was seen; false if not: then the chunk is no
// more, and nothing has changed. (A free run has links there, which two numbers of units hardly ever are.) Relaxed: a note
// says something of itself alone. The rest of the entry is read under the lock as it is, and so not written here.
static inline bool run_change_note(struct unit *unit, uint32_t seen, uint32_t note)
{
    return atomic_compare_exchange_strong_explicit((_Atomic uint32_t *)&unit->note, &seen, note,
                                                   memory_order_relaxed, memory_order_relaxed);
}

// ANY. Whether the chunk that is the run with this first entry is in a heap's hand.
static inline bool run_is_in_hand(const struct unit *unit)
{
    return state_read(&unit->state) == STATE_HOME;
}

// LOCKED. Makes a run of more units out of this one, without moving it. False if its neighbours do not
// allow it, and then nothing has changed.
bool run_grow(struct run_table *table, uint32_t first, uint32_t count, bool *clean);

// LOCKED. How many units must be committed for run_grow() to succeed; RUN_NONE if that is not what it
// lacks.
uint32_t run_commitment_to_grow(const struct run_table *table, uint32_t first, uint32_t count);

// LOCKED. Cuts a run to its first `count` units and gives the others back. Returns what run_give() does.
uint32_t run_shrink(struct run_table *table, uint32_t first, uint32_t count);

// ANY. The first unit of the RUN_LARGE run that holds `unit`, or RUN_NONE. Goes down the table from
// `unit`. Right for as long as nobody gives or takes what it passes.
uint32_t run_large_holding(const struct run_table *table, uint32_t unit);

// ANY. What the run that holds a unit below `fresh` serves as; with the same reserve.
enum run_kind run_kind_at(const struct run_table *table, uint32_t unit);

// LOCKED. Units of a free run of the longest list that has one, the longest to within an eighth; virgin units
// are not counted.
uint32_t run_longest_free(const struct run_table *table);

// LOCKED. Units from the first of those at the end that nobody has, virgin or free, to the table's end.
uint32_t run_frontier(const struct run_table *table);

// LOCKED. The first unit of a free run with many units that may hold old bytes: of each list the first run that has any
// is looked at. RUN_NONE if none has.
uint32_t run_dirtiest(const struct run_table *table);

// LOCKED. Whether the invariants hold.
bool run_table_is_valid(const struct run_table *table);

#endif
