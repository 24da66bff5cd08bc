// SPDX-License-Identifier: MIT
// A trace: every call of a program in the order in which they could have been made one by one, as bytes. Who writes it and
// who reads it share this one definition.
//
//   file    block | block | ...                    each of TRACE_BLOCK_BYTES, in any order, and nothing between them
//   block   head (TRACE_HEAD_BYTES) | record | record | ... | zero bytes to its end
//   record  kind and flags (1 byte, not zero) | fields
//
// A block belongs to a lane: a writer that threads share. The blocks of a lane are numbered (sequence), and the calls of all
// lanes together (order), so that a reader puts blocks into their lanes and lanes into one order. Each block reads by itself:
// what a record leaves out is told from the record before it, and of a block's first one from the head. So a file that was
// cut loses what lies behind the cut, a block that was damaged the calls that are in it, and nothing else.
//
// The head, numbers with their lowest byte first:
//   0   8  "FTTRACE" and the version, the character '1'
//   8   4  process              12  4  lane
//   16  8  sequence             24  8  order of the last call before the block
//   32  8  time of that         40  8  time when the process began to trace
//   48  4  check of the 48 bytes before
//   52  4  bytes of records, 0 until the block is full: then they end before the first zero byte
//   56  4  check of the records, from then on
//   60  4  zero
//
// A record's first byte is its kind, and the sum of flags. Then come, as far as its kind and flags have them, in this order
// (a number is seven bits a byte, the lowest first, with 128 added to all bytes but the last; a difference is a number that
// is doubled, and of a negative one the complement of that; an address is told by its difference to the address told last
// in the block, both turned right by four bits, since chunks lie at multiples of 16):
//   TIME    number      nanoseconds since the last record that had it
//   GAP     number      calls of other lanes since this lane's last one
//   STACK   difference  the call stack's number, to the one told last; without this flag there is none
//   thread  number      (THREAD)
//   stack   number      (STACK: the one that is told)
//   align   number      its power of two (ALIGNED)
//   ptr     address     the chunk that was handed in; where a module's file would begin (REALLOC, FREE, the
//                       misused, BEFORE, MODULE)
//   held    number      bytes requested of that so far (REALLOC, FREE, BEFORE)
//   bytes   number      bytes that are asked for; live ones at the END; from there to the module's end
//   result  address     the chunk that was handed out, without the flag REFUSED (MALLOC, CALLOC, REALLOC, ALIGNED)
//   count   number      live chunks (END)
//   data    number and so many bytes: a STACK's frames, as differences, the innermost first; a MODULE's name
//
// A record's first byte is written last, so that whoever reads while a program writes, or after it was killed, finds it
// whole or not at all.
#ifndef FT_CORE_TRACE_H
#define FT_CORE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TRACE_DATA_BYTES_MAX = 4096,
    TRACE_RECORD_BYTES_MAX = 96, // beside its data
};

// The calls first: they alone and END have an order.
enum trace_kind {
    TRACE_NOTHING, // the zero byte behind the last record
    TRACE_MALLOC,
    TRACE_CALLOC,
    TRACE_REALLOC,
    TRACE_ALIGNED,
    TRACE_FREE,
    TRACE_MISUSED_FREE,    // of a pointer that is no chunk in use
    TRACE_MISUSED_REALLOC, // the same
    TRACE_END,             // the process has come to its end, with so many live chunks and bytes
    TRACE_BEFORE,          // a chunk that the program had when the trace began
    TRACE_THREAD,          // whose calls the next records of this lane are, in this block
    TRACE_STACK,           // what a call stack's number stands for
    TRACE_MODULE,          // what is mapped where the frames point to
    TRACE_KIND_COUNT,
};

struct trace_record {
    enum trace_kind kind;
    uint64_t order; // of calls, from 1; others have that of the call before them
    uint64_t time;  // nanoseconds, of calls
    uint32_t thread;
    uint32_t stack; // a call stack's number; 0: none
    uint64_t align;
    uint64_t ptr;
    uint64_t held;
    uint64_t bytes;
    uint64_t result; // 0: refused, or a realloc to 0 bytes, which frees
    uint64_t count;
    const uint8_t *data;
    size_t data_bytes; // TRACE_DATA_BYTES_MAX at most
};

// What a record is told from. At a block's start: what trace_block_state() says.
struct trace_state {
    uint64_t order;
    uint64_t time;
    uint64_t address; // turned
    uint32_t thread;
    uint32_t stack;
};

// ANY. Whether records of this kind are calls.
static inline bool trace_is_call(enum trace_kind kind)
{
    return kind >= TRACE_MALLOC && kind <= TRACE_MISUSED_REALLOC;
}

// OWNER, of the lane. Writes a record at `to`, where there is room for TRACE_RECORD_BYTES_MAX and its data, and all is zero;
// returns how many bytes it takes. The thread is not told: that is a record of its own.
size_t trace_put(struct trace_state *state, const struct trace_record *record, uint8_t *to);

// ANY. Reads the record at `from`, of which `room` bytes are there; returns how many it took. 0 behind the last one, and
// SIZE_MAX if it is none, or cut: then *record says nothing.
size_t trace_get(struct trace_state *state, const uint8_t *from, size_t room,
                 struct trace_record *record);

// ANY. A stack's frames as data: `to` has TRACE_DATA_BYTES_MAX bytes. Returns how many are used, for as many frames as fit.
size_t trace_frames_put(const uint64_t *frames, size_t count, uint8_t *to);

// ANY. The frames of such data, `max` at most; returns how many there are. 0 if the data is not such.
size_t trace_frames_get(const uint8_t *data, size_t bytes, uint64_t *frames, size_t max);

#endif
