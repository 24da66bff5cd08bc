// SPDX-License-Identifier: MIT
// Cohorts of threads that come together, allocate in bursts and leave most of it to others, in the manner of mstress:
// a thread makes chunks of mostly some words, some of many KiB, keeps some to its end, and exchanges others with
// places that all share; what a cohort leaves there the next one finds. The work is counted in chunks.
#include "threads.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
    COHORT_COUNT = 10,
    SHARED_COUNT = 1000,
    KEPT_MAX = 4096,
    CHUNKS_PER_BURST = 100,
    WORD_BYTES = 8,
};

static _Atomic(void *) shared[SHARED_COUNT];
static unsigned thread_count;
static uint64_t chunk_count;
static uint64_t cohort;

// A few words mostly; one in 16 up to 1 KiB, one in 1000 up to 64 KiB.
static void *chunk_random(uint64_t *seed)
{
    size_t kind = random_below(seed, 1000);
    size_t words = kind == 0 ? 8192 : kind < 63 ? 128 : 16;
    return chunk_new(WORD_BYTES * random_between(seed, 1, words));
}

// The order pairs with another thread's exchange: the chunk was written before it was put here.
static void exchange(uint64_t *seed, void *chunk)
{
    _Atomic(void *) *place = &shared[random_below(seed, SHARED_COUNT)];
    free(atomic_exchange_explicit(place, chunk, memory_order_acq_rel));
}

struct kept {
    _Alignas(CACHE_LINE_BYTES) void *chunks[KEPT_MAX];
    size_t count;
};

static struct kept kepts[THREADS_MAX];

static void burst(struct kept *kept, uint64_t *seed)
{
    void *chunks[CHUNKS_PER_BURST];
    for (size_t i = 0; i < CHUNKS_PER_BURST; i++) {
        chunks[i] = chunk_random(seed);
    }
    for (size_t i = 0; i < CHUNKS_PER_BURST; i++) {
        size_t fate = random_below(seed, 8);
        if (fate == 0 && kept->count < KEPT_MAX) {
            kept->chunks[kept->count++] = chunks[i];
        } else if (fate <= 2) {
            exchange(seed, chunks[i]);
        } else {
            free(chunks[i]);
        }
    }
}

static void run_thread(unsigned self)
{
    struct kept *kept = &kepts[self];
    uint64_t seed = seed_of(cohort * THREADS_MAX + self);
    for (uint64_t left = share_of(chunk_count, self, thread_count); left > CHUNKS_PER_BURST;
         left -= CHUNKS_PER_BURST) {
        burst(kept, &seed);
    }
    while (kept->count > 0) {
        free(kept->chunks[--kept->count]);
    }
}

void workload_run(unsigned threads, uint64_t work)
{
    thread_count = threads;
    chunk_count = work / COHORT_COUNT;
    for (cohort = 0; cohort < COHORT_COUNT; cohort++) {
        threads_run(threads, run_thread);
    }
    for (size_t i = 0; i < SHARED_COUNT; i++) {
        free(atomic_load_explicit(&shared[i], memory_order_relaxed));
    }
}
