// SPDX-License-Identifier: MIT
// A workload is a function that does the same thing again and again; workload.c is the main() around it.
//
//   program timed 20000 [PART]   runs so many rounds after a warm-up, prints "cpu 0.251 wall 0.252 operations
//                                20000000": seconds without set-up and warm-up, and what was done in them
//   program rounds 20000 [PART]  runs so many rounds after the warm-up, prints nothing:
//                                the difference of two such runs has neither start-up nor warm-up in it
//
// Sizes and orders are computed in set_up() from a fixed seed, so that the loop holds nothing but the calls,
// the loads of what was computed, and one store to each chunk. They lie in static memory, never in the heap
// that is measured. Everything is compiled with -fno-builtin, or gcc would drop malloc and free altogether.
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include "bench.d/random.h"

#include <stddef.h>
#include <stdint.h>

struct workload {
    // Called once, before the warm-up; part is the program's third argument, or "".
    void (*set_up)(const char *part);
    // Runs so many rounds. Ends with what it began with: a round leaves the heap as it was.
    void (*run)(uint64_t rounds);
    // Operations in a round: what time for an operation divides by.
    uint64_t round_operations;
    // Rounds before the clock starts: long enough that the allocator's caches have their final size.
    uint64_t warm_up_rounds;
};

// The one workload of the program.
extern const struct workload workload;

// A number in first..last, both included.
size_t random_between(uint64_t *seed, size_t first, size_t last);

// Writes 0..count-1 in a random order.
void random_order(uint64_t *seed, uint32_t *order, size_t count);

// Uses a chunk as a program would: one store the compiler cannot drop.
static inline void touch(void *chunk)
{
    *(volatile unsigned char *)chunk = 1;
}

#endif
