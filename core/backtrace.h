// SPDX-License-Identifier: MIT
// A backtrace: the return addresses of a thread's calls, found by following frame pointers. A function that keeps one
// begins with a record on the stack, and the frame pointer leads to it:
//
//        next ──►  | the caller's record | the return address |      two words, at a multiple of their size
//                        └──────► further up
//
// Nothing on the stack is trusted: a program's own code may keep anything in that register, and a slot that was never
// written may hold anything. Every record lies above the one before, is aligned, and lies within memory that the caller
// of these functions knows to be readable; at the first that does not, the backtrace ends.
//
// The memory comes in windows: a stack that may be read as it is, or copies of pieces of one.
#ifndef FT_CORE_BACKTRACE_H
#define FT_CORE_BACKTRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BACKTRACE_FRAMES_MAX = 64,                     // that anybody keeps
    BACKTRACE_RECORD_BYTES = 2 * sizeof(uintptr_t) // of a frame
};

struct backtrace {
    uintptr_t next; // the address of the record that is to be read next; 0: there is none
    size_t count;
    uintptr_t frames[BACKTRACE_FRAMES_MAX]; // return addresses, the innermost first
};

// ANY. Begins at the record of a frame.
void backtrace_begin(struct backtrace *trace, uintptr_t record);

// ANY. Follows records as long as they lie in a window: `bytes` bytes of the stack from the address `base` on, which is a
// multiple of a word, and are to be read at `window`, which may be the same address. True if the next record may be one,
// and lies outside: then another window may be handed in. False at the backtrace's end.
bool backtrace_follow(struct backtrace *trace, const uintptr_t *window, uintptr_t base,
                      size_t bytes);

#endif
