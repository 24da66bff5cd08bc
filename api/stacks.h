// SPDX-License-Identifier: MIT
// Call stacks, if the option `stacks` asks for them: found by following frame pointers (core/backtrace.h), and kept each
// once, in memory of their own. Nothing is allocated, no unwinder is called, and nothing is read of which it is not known
// that it can be.
//
// For programs without frame pointers a slice of the stack can be kept with the registers: tools unwind it afterwards.
// As each call finds the same stack with other values on it, stacks are then told apart by those of their words that
// may lead to code: calls that differ are told apart, and some that do not.
//
// A sample is one allocation in about each so many bytes that are allocated, by all threads together.
#ifndef FT_API_STACKS_H
#define FT_API_STACKS_H

#include "api/ft_malloc.h"
#include "core/address_map.h"
#include "core/backtrace_table.h"
#include "core/need.h"
#include "platform/platform.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STACKS_SLICE_BYTES = 16 << 10 }; // of the stack, if a slice is kept

enum { STACKS_SECTIONS_MAX = 32 }; // of the arena's, that are known: others are taken for code

// What is kept beside a stack, if slices are: the slice follows.
struct stacks_slice {
    uintptr_t registers[PLATFORM_REGISTERS]; // platform_registers()
    uintptr_t base;                          // where the slice was
    size_t bytes;
};

struct stacks {
    size_t each;        // bytes between samples; 1: every call; 0: no stacks are kept
    bool copies;        // slices
    uintptr_t code;     // the program itself, where slices may lead to its code
    uintptr_t code_end; //
    struct range sections[STACKS_SECTIONS_MAX]; // of the arena: what lies there is no code
    atomic_uint section_count;                  // of those that are complete
    _Atomic uint64_t bytes;                     // allocated so far, if there are samples
    struct platform_lock
        lock; // guards the rest; nothing is called with it held but the platform's memory
    struct stacks_slice *slice;   // the one that is being copied, with room behind it
    struct backtrace_table table; // as far as it is committed
    size_t table_bytes;           // of its address space
    struct address_map owners;    // from chunks to the numbers of their stacks
    size_t owners_bytes;          // of its memory
    bool is_full;                 // something found no room; that was said
};

// Begins to keep stacks, once: of every call for 1, none for 0. Without memory for them none are kept.
void stacks_open(size_t each);

// With the arena's lock held, if stacks are kept: there is another section.
void stacks_note_section(uintptr_t base, size_t bytes);

// Notes the stack of a call, and which chunk has it. frame: as in watch.h.
void stacks_note(struct ft_malloc_event *event, const void *frame);

// The number of a chunk's stack; 0 if it has none.
uint32_t stacks_of(const void *ptr);

// A stack by its number: good for as long as the process lives.
struct backtrace_key stacks_frames(uint32_t number);

// The slice kept with it, or NULL.
const struct stacks_slice *stacks_slice(uint32_t number);

// The number of the first `count` frames of a stack, as a stack of its own. If there is no room for it, that of the whole.
uint32_t stacks_cut(uint32_t number, size_t count);

// Gives back address space that is reserved for stacks and not used yet. Whether there was any. With the arena's lock held,
// or without.
bool stacks_give_back_tail(void);

// Around a fork, by a thread that has the arena's lock.
void stacks_before_fork(void);
void stacks_after_fork(void);
void stacks_after_fork_in_child(void);

#endif
