// SPDX-License-Identifier: MIT
// The blocks of a trace, whose form trace.h tells: their heads, and whether they are whole.
#ifndef FT_CORE_TRACE_BLOCK_H
#define FT_CORE_TRACE_BLOCK_H

#include "core/trace.h"

#include <stddef.h>
#include <stdint.h>

enum {
    TRACE_BLOCK_BYTES = 1 << 16,
    TRACE_HEAD_BYTES = 64,
};

struct trace_head {
    uint32_t process;
    uint32_t lane;
    uint64_t sequence;
    uint64_t order;
    uint64_t time;
    uint64_t began;
    uint32_t length; // of the records, once the block is full
    uint32_t check;
};

enum trace_block {
    TRACE_BLOCK_GOOD,
    TRACE_BLOCK_EMPTY,   // zeros: nobody came to write it
    TRACE_BLOCK_FOREIGN, // no part of a trace
    TRACE_BLOCK_NEWER,   // of a version that is not known here
    TRACE_BLOCK_DAMAGED, // its head, or a record, is not what was written
    TRACE_BLOCK_CUT,     // its head is good, and its end is missing
};

// ANY. Writes a head, whose length and check are 0, into the zeros at `to`; the state for the first record is what
// trace_block_state() says.
void trace_block_begin(const struct trace_head *head, uint8_t *to);
struct trace_state trace_block_state(const struct trace_head *head);

// OWNER. Notes in a block's head that its records, so many bytes, are complete.
void trace_block_close(uint8_t *block, uint32_t length);

// ANY. What the `room` bytes at `block` are, TRACE_BLOCK_BYTES at most. Of what is GOOD, or CUT behind its head, *head tells
// the head, and *length how many bytes behind it may be records: 0 if the head itself is cut.
enum trace_block trace_block_read(const uint8_t *block, size_t room, struct trace_head *head,
                                  size_t *length);

#endif
