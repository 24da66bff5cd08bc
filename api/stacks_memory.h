// SPDX-License-Identifier: MIT
// The memory of call stacks, beside the arena's. Address space for the table of stacks is reserved once, less where a limit
// is near, and committed step by step; what of it is not committed goes back when the system refuses memory to the program.
// The map from chunks to stacks is made anew, twice as large, when it is full.
//
// Every function wants the lock of `stacks` held, but for the first. What finds no room is said once, and left out.
#ifndef FT_API_STACKS_MEMORY_H
#define FT_API_STACKS_MEMORY_H

#include "api/stacks.h"

// Makes table and map, by whether slices are to be kept. False if there is no memory for them.
bool stacks_memory_open(struct stacks *stacks);

// The number of a stack, which is noted if it is new. 0 if it has no frames, or if there is no room.
uint32_t stacks_memory_put(struct stacks *stacks, const struct backtrace_key *key,
                           struct backtrace_more more);

// Notes which stack a chunk has, by their address and number.
void stacks_memory_own(struct stacks *stacks, uintptr_t address, uint32_t number);

// Gives back the address space that the table has not come to yet. Whether there was any.
bool stacks_memory_cut(struct stacks *stacks);

#endif
