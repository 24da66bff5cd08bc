// SPDX-License-Identifier: MIT
// What programs do to an allocator, made up: the same seed gives the same calls everywhere. A trace names
// chunks by slots, so that any allocator can be asked to follow it.
//
//   TRACE_FILL    what is in use grows, in steps of a twentieth of the region and with as much coming and
//                 going at each step, until it is more than the region can hold: how far does one get?
//   TRACE_STEADY  two fifths of the region are in use, and then nothing any more: it can be repeated.
#ifndef FT_TESTS_REGIONS_TRACES_H
#define FT_TESTS_REGIONS_TRACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum trace_kind {
    TRACE_FRAMES,  // a game: levels of objects, and what lives for a frame
    TRACE_PACKETS, // a network: bursts of descriptors and buffers, first in, first out
    TRACE_TREES,   // a parser: trees of nodes and words, dropped as a whole
    TRACE_STRINGS, // texts and arrays that grow by half as much again
    TRACE_UNIFORM, // 16 to 512 bytes, each as likely
    TRACE_SKEWED,  // four in five below 64 bytes, and a tail to 4 KiB
    TRACE_LIFO,    // the newest goes first
    TRACE_PHASES,  // small, then medium, then large; a third of each outlives its phase
    TRACE_POOLS,   // four sizes
    TRACE_COMB,    // seven of eight freed, then all a quarter larger: nothing fits where it was
    TRACE_KIND_COUNT,
};

enum trace_plan { TRACE_FILL, TRACE_STEADY };

enum trace_verb { TRACE_ALLOC, TRACE_ALIGNED, TRACE_REALLOC, TRACE_FREE };

struct trace_op {
    uint32_t slot;
    uint32_t bytes;
    uint16_t align; // of TRACE_ALIGNED
    uint8_t verb;   // enum trace_verb
};

struct trace {
    struct trace_op *ops;
    size_t count;
    uint32_t slot_count;
};

// "frames", "packets" and so on.
const char *trace_name(enum trace_kind kind);

// A trace for a region of this size, 16 KiB at least. It ends after op_count calls or a few more; a filling
// one where it must.
struct trace trace_make(enum trace_kind kind, enum trace_plan plan, size_t region_bytes,
                        size_t op_count, uint64_t seed);

void trace_free(struct trace *trace);

#endif
