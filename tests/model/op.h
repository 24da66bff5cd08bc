// SPDX-License-Identifier: MIT
// Operations on an allocator, and lists of them as text. An operation means something in every state of
// the model: one whose slot is empty, or taken, or whose heap is closed, is passed over. So any part of a
// list is a list, which is what the reducer lives on.
//
//   alloc 0 17 1000        heap 0 allocates 1000 bytes for slot 17
//   free 1 17              heap 1 frees them
//
// A line is a name and up to four numbers (heap, slot, bytes, more); those left out are 0.
#ifndef FT_TESTS_MODEL_OP_H
#define FT_TESTS_MODEL_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum op_kind {
    OP_NOTHING,
    // Chunks.
    OP_ALLOC,
    OP_ZEROED,  // more: the count, bytes: of each
    OP_ALIGNED, // more: the alignment
    OP_FREE,
    OP_FREE_SIZED, // as what was requested
    OP_RESIZE,
    OP_REALLOC,
    // Misuses. more chooses what is done with the pointer: enum op_misuse.
    OP_STALE,      // where the slot's last chunk was
    OP_INTERIOR,   // bytes above the start of the slot's chunk
    OP_WRONG_SIZE, // a sized free of the slot's chunk, as one of so many bytes
    OP_AT,         // bytes above the start of the model's memory
    OP_FOREIGN,    // the address is bytes; 0: NULL, which is none
    // Questions.
    OP_LOCATE, // bytes above the start of the slot's chunk
    OP_WALK,   // so many steps of a walk that goes on between other operations
    OP_REPORT,
    OP_AUDIT, // everything against the model
    // The arena.
    OP_TRIM,
    OP_OPEN,
    OP_CLOSE,
    OP_ADD_REGION,    // slot: which; more 1: overlapping, 2: of `bytes` bytes only
    OP_REMOVE_REGION, // slot: which
    OP_REVIVE,
    OP_MOVE,  // to the other memory; more 1: without reviving, 2: first by a distance that is none
    OP_RESET, //
    OP_RECREATE, // destroys it and makes it anew
    OP_REFUSE,   // the next `bytes` needs are met, then `more` are refused
    OP_EMPTY,    // frees everything, by heaps that `more` chooses, and looks at what is left
    OP_KINDS,
};

// What is done with a pointer that is none.
enum op_misuse { BY_FREE, BY_FREE_SIZED, BY_RESIZE, BY_REALLOC, BY_KINDS };

struct op {
    uint8_t kind;
    uint8_t heap;
    uint16_t slot;
    uint64_t bytes;
    uint64_t more;
};

struct op_list {
    struct op *ops;
    size_t count;
    size_t room;
};

// The name of a kind of operation.
const char *op_name(unsigned kind);

enum { OP_TEXT_BYTES = 96 };

// Writes an operation as text, without an end of line.
void op_print(const struct op *op, char text[OP_TEXT_BYTES]);

// Reads a line. False if it is none.
bool op_parse(const char *line, struct op *op);

// Appends to a list, whose memory is malloc's.
void op_list_add(struct op_list *list, struct op op);

#endif
