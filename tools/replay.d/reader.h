// SPDX-License-Identifier: MIT
// Reads a trace (core/trace.h): puts its blocks into their lanes, and its lanes into one order. What is damaged or missing is
// left out and counted; no file makes it fail.
#ifndef FT_REPLAY_READER_H
#define FT_REPLAY_READER_H

#include "core/trace_block.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { READER_LANES_MAX = 256 };

enum reader_answer {
    READER_OK,
    READER_UNREADABLE, // no such file, or none that can be read: errno says why
    READER_FOREIGN,    // no trace
    READER_NEWER,      // of another version
    READER_EMPTY,      // nothing is in it
    READER_DAMAGED,    // no block of it is what was written
    READER_NO_ZSTD,    // compressed, and nobody here unpacks it
    READER_BAD_ZSTD,   // compressed, and cut or damaged
    READER_TOO_LARGE,  // compressed, and too large without that
};

// A lane, or what is left of it.
struct reader_lane {
    size_t block; // of the list, the one that is being read
    size_t end;   // behind the last one
    const uint8_t *at;
    size_t room;
    struct trace_state state;
    struct trace_record next; // kind TRACE_NOTHING: the lane is at its end
};

struct reader_block {
    uint32_t lane;
    uint64_t sequence;
    size_t at;
    size_t length;
    struct trace_state state;
};

struct reader {
    const uint8_t *bytes;
    size_t size;
    bool is_mapped;
    struct reader_block *blocks;
    size_t block_count;
    struct reader_lane lanes[READER_LANES_MAX];
    uint32_t lane_count;
    uint32_t process;
    uint64_t began;
    uint64_t order;         // of the call told last
    uint64_t missing_calls; // whose numbers nobody has, between those told
    size_t damaged_blocks;  // that are not what was written, as a whole or from somewhere on
    size_t missing_blocks;  // of lanes that go on behind them
    bool is_cut;            // the file ends inside a block
};

// Opens a file, which zstd may have compressed. False if that cannot be, and standard error has been told why.
bool reader_open(struct reader *reader, const char *path);

// Opens bytes of the caller's.
enum reader_answer reader_open_bytes(struct reader *reader, const uint8_t *bytes, size_t size);

// Tells the next record: calls in order, what is no call where its lane has it. False at the end.
bool reader_next(struct reader *reader, struct trace_record *record);

void reader_close(struct reader *reader);

#endif
