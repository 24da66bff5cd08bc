// SPDX-License-Identifier: MIT
// Scenarios of the core: an arena on a buffer, and fibers each with a heap, a slot for each chunk they speak of, and a
// short program.
//
//   -3 free the chunk of slot 3      +3 allocate into slot 3       >3 pass slot 3 on       <3 wait until it was passed
//   ~3 free it as a thread without a heap does
//   d  drain what came home          s  send the parcels            t  trim the heap
//   r  retire the heap               o  open one, the retired one if there is any
//
// A program ends with its string. After the end of all, the verdict makes every heap take home what is on its way,
// and holds the books against what the arena says.
#ifndef FT_TESTS_EXPLORE_KIT_H
#define FT_TESTS_EXPLORE_KIT_H

#include "core/ft_core.h"
#include "tests/explore/explore.h"

enum {
    KIT_HEAPS_MAX = 3,
    KIT_SLOTS = 8,
    KIT_CHUNK_BYTES = 16,
    KIT_UNIT_BYTES = 64,
    KIT_LARGE_BYTES = 2 * KIT_UNIT_BYTES, // half of a hand
    KIT_CHUNKS_MAX = 256,
    KIT_REGION_BYTES = 12 << 10,
};

// How it begins. All chunks are of one class, or LARGE; the first heap allocates, and slots 0 to KIT_SLOTS - 1 have its first.
enum kit_start {
    KIT_OWNED, // the zone has chunks to hand out, and some are in the first heap's stack
    KIT_FULL,  // all chunks of the zone were handed out
    KIT_LAST,  // the same, and then the last heap has freed all but slots 0 and 1
    KIT_TWO, // there are two zones, and all chunks were handed out; slots 4 and above have the second one's first
    KIT_HOME, // all of one zone were handed out, and the last heap has freed slot 7
};

struct kit_plan {
    const char *name;
    const char *about; // one sentence
    enum kit_start start;
    bool parcels;  // heaps gather what they send
    bool as_core;  // frees are ft_core's; else they are made as the api makes them
    bool is_large; // chunks are LARGE, and heaps have hands
    bool misuses;  // a chunk is freed twice
    const char *programs[KIT_HEAPS_MAX];
};

struct kit {
    _Alignas(64) unsigned char region[KIT_REGION_BYTES];
    struct ft_core *core;
    struct ft_core_heap heaps[KIT_HEAPS_MAX];
    void *slots[KIT_SLOTS];
    _Atomic uintptr_t mail[KIT_SLOTS];
    bool is_held[KIT_SLOTS]; // by the program
    // The books, a column for each fiber and one for the set-up and the verdict.
    uint32_t handed_out[KIT_HEAPS_MAX + 1];
    uint32_t taken_back[KIT_HEAPS_MAX + 1];
    uint32_t reported[KIT_HEAPS_MAX + 1]; // frees that were refused
    uint32_t late[KIT_HEAPS_MAX + 1];     // frees that were found to be one too many afterwards
};

// The scenario that a plan is.
struct explore_scenario kit_scenario(const struct kit_plan *plan);

// Its verdict, and its names.
void kit_judge(void *memory);
void kit_name(const void *memory, const void *at, char *name, size_t bytes);

#endif
