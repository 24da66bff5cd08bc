// SPDX-License-Identifier: MIT
// A model of a program: the chunks that it holds in several heaps of one arena. What it gets is held
// against what it asked for: size, alignment, bytes that are zero if that is said, and its own bytes
// unchanged until it frees them.
#ifndef FT_TESTS_CORE_CHURN_H
#define FT_TESTS_CORE_CHURN_H

#include "tests/core/driver.h"
#include "tests/core/random.h"

enum { CHURN_HEAPS_MAX = 4, CHURN_HELD_MAX = 4096 };

struct held {
    unsigned char *ptr;
    size_t bytes;
    size_t align;
    unsigned char fill;
};

struct churn {
    struct driver driver;
    struct random random;
    struct heap *heaps[CHURN_HEAPS_MAX]; // NULL: none
    struct held held[CHURN_HELD_MAX];
    size_t held_count;
    size_t held_most;  // allocations stop there
    size_t bytes_most; // of one allocation
    size_t heap_bytes;
    size_t zero_count; // allocations that were said to be zero
    size_t fail_count; // and that failed
};

// Starts a program with this many heaps.
void churn_begin(struct churn *churn, const struct driver_options *options, unsigned heap_count,
                 size_t heap_bytes, uint64_t seed);

// Frees everything and looks at what remains; then ends the driver.
void churn_end(struct churn *churn);

// One allocation. False if it failed, and then nothing has changed.
bool churn_alloc(struct churn *churn, struct heap *heap, size_t bytes, size_t align);

// One free, by the thread of this heap, or, if that is NULL, by one that has none.
void churn_free(struct churn *churn, struct heap *heap, size_t index);

// One step at random: alloc, free by anybody, resize in place, retire or acquire a heap.
void churn_step(struct churn *churn);

// A heap at random.
struct heap *churn_heap(struct churn *churn);

// Frees everything, by heaps at random.
void churn_free_all(struct churn *churn);

// Holds every held chunk, every zone and every counter against the model.
void churn_audit(const struct churn *churn);

// After all was freed: what is used beyond the arena's own and one empty zone for each class and heap.
void churn_expect_all_returned(struct churn *churn);

#endif
