// SPDX-License-Identifier: MIT
// Writes a trace: keeps the books of what is in use, so that whoever makes one up only says what happens next.
//
// What is in use lies in bags, eight of them, for the maker of a trace to sort by lifetime. A bag gives back
// its oldest member, its newest, or any.
#ifndef FT_TESTS_REGIONS_MAKER_H
#define FT_TESTS_REGIONS_MAKER_H

#include "tests/core/random.h"
#include "tests/regions/traces.h"

enum { BAG_COUNT = 8 };

struct bag {
    uint32_t *slots;
    size_t first; // members are slots[first .. end)
    size_t end;
    size_t room;
};

struct maker {
    struct trace trace;
    size_t op_room;
    uint32_t *sizes;      // requested bytes of each slot
    uint32_t *free_slots; // slots without a chunk
    uint32_t free_slot_count;
    uint32_t slot_room;
    size_t live_bytes;
    size_t live_count;
    size_t target;       // live bytes that the trace is to have now
    size_t region_bytes; //
    struct random random;
    struct bag bags[BAG_COUNT];
    size_t phase; // the kind's own
    size_t turn;
};

// How many members a bag has.
static inline size_t maker_count(const struct maker *maker, unsigned bag)
{
    return maker->bags[bag].end - maker->bags[bag].first;
}

// A number in first..last.
static inline uint32_t maker_between(struct maker *maker, uint32_t first, uint32_t last)
{
    return first + random_below(&maker->random, last - first + 1);
}

// A chunk is requested, and goes into the bag. align 0: as it comes.
void maker_alloc(struct maker *maker, unsigned bag, size_t bytes, size_t align);

// The oldest, newest or any member of a bag that has one is freed.
void maker_free_oldest(struct maker *maker, unsigned bag);
void maker_free_newest(struct maker *maker, unsigned bag);
void maker_free_any(struct maker *maker, unsigned bag);

// Every member is freed, the oldest first.
void maker_free_all(struct maker *maker, unsigned bag);

// Any member, or the newest, gets another size, the old one times percent / 100 plus `more`, and is then the
// newest.
void maker_resize_any(struct maker *maker, unsigned bag, uint32_t percent, size_t more);
void maker_resize_newest(struct maker *maker, unsigned bag, uint32_t percent, size_t more);

// The requested bytes of a bag's newest member.
size_t maker_newest_bytes(const struct maker *maker, unsigned bag);

// Moves the newest member of one bag to another.
void maker_move_newest(struct maker *maker, unsigned from, unsigned to);

// Ends, if so wished by freeing what is in use: the caller has the trace.
struct trace maker_finish(struct maker *maker, bool free_all);

#endif
