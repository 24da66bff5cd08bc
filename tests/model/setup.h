// SPDX-License-Identifier: MIT
// What a case is played on: which allocator, memory of which sizes at which addresses, which options. A
// seed gives one, and so does a line of text: `setup region_bytes=65536 phase=3 …`.
#ifndef FT_TESTS_MODEL_SETUP_H
#define FT_TESTS_MODEL_SETUP_H

#include "tests/model/op.h"

enum {
    SETUP_SLOTS_MAX = 4096,
    SETUP_HEAPS_MAX = 8,
    SETUP_REGIONS_MAX = 4,
    SETUP_PARCELS_MAX = 128
};

// The allocators that can be played with.
enum setup_subject { SUBJECT_CORE, SUBJECT_WIDE, SUBJECT_LYING, SUBJECT_KINDS };

// Which sizes are asked for.
enum setup_sizes { SIZES_MIXED, SIZES_TINY, SIZES_SPREAD, SIZES_ONE, SIZES_EDGES, SIZES_KINDS };

// All are numbers, so that one table reads and writes them.
struct setup {
    uint64_t seed; // of the operations
    uint64_t steps;
    uint64_t subject;
    uint64_t region_bytes; // WIDE: of a section
    uint64_t phase;        // how far the regions begin above a multiple of 64 KiB
    uint64_t extra_bytes;  // of the regions that may be added; 0: none
    uint64_t unit_bytes;
    uint64_t zone_bytes_max;
    uint64_t stack_bytes_max; // WIDE: of a heap
    uint64_t is_zero;
    uint64_t dirt; // what memory holds that is not zero
    uint64_t heaps;
    uint64_t locked;
    uint64_t slots;
    uint64_t sizes;
    uint64_t swing;       // steps of filling, then as many of emptying
    uint64_t audit_every; // steps
    uint64_t rare_every;  // steps, about, between operations on the whole arena
    uint64_t refusals;    // WIDE: needs are refused now and then
    uint64_t commits;     // WIDE: sections are committed as they are needed
    uint64_t run_bytes_max;
    uint64_t dirty_bytes_max;
    uint64_t
        parcels; // WIDE: words that a heap gathers frees for, when rounded down to a power of two
    uint64_t
        no_heap_every; // WIDE: so many frees between those by a thread without a heap; 0: there is none
    uint64_t lie;      // LYING: enum lie
};

// The setup that a seed gives, for a subject. region_bytes 0: any; else this.
struct setup setup_of_seed(uint64_t seed, enum setup_subject subject, uint64_t region_bytes);

// Writes a setup as a line.
void setup_print(FILE *file, const struct setup *setup);

// Reads a line. False if it is none.
bool setup_parse(const char *line, struct setup *setup);

// Brings a setup that anybody may have written into the bounds of what can be played.
void setup_bound(struct setup *setup);

// Writes a setup and its operations; reads them. False: cannot be written or read; then that was told on
// standard error.
bool setup_save(const char *path, const struct setup *setup, const struct op_list *list);
bool setup_load(const char *path, struct setup *setup, struct op_list *list);

#endif
