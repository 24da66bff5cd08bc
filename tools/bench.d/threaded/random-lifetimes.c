// SPDX-License-Identifier: MIT
// Random sizes and lifetimes: each thread puts new chunks at random places of its array, and now and then
// exchanges one with a place of an array that all threads share. A chunk is written in full, and its
// content checked before it is freed, by whatever thread that is. The work is counted in steps.
#include "threads.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { OWN_COUNT = 1024, SHARED_COUNT = 1024, STEPS_PER_EXCHANGE = 4 };

struct chunk {
    uint64_t word_count;
    uint64_t words[];
};

struct own {
    _Alignas(CACHE_LINE_BYTES) struct chunk *chunks[OWN_COUNT];
};

static struct own owns[THREADS_MAX];
static _Atomic(struct chunk *) shared[SHARED_COUNT];
static unsigned thread_count;
static uint64_t step_count;

// What word i of a chunk of so many words should be.
static uint64_t word_of(uint64_t word_count, uint64_t i)
{
    return (word_count - i) ^ UINT64_C(0xBF58476D1CE4E5B9);
}

// Mostly up to 256 bytes, one in 16 up to 2 KiB, one in 256 up to 16 KiB.
static uint64_t random_word_count(uint64_t *seed)
{
    size_t kind = random_below(seed, 256);
    return random_below(seed, kind == 0 ? 2047 : kind <= 16 ? 255 : 31) + 1;
}

static struct chunk *make_chunk(uint64_t *seed)
{
    uint64_t word_count = random_word_count(seed);
    struct chunk *chunk = chunk_new(sizeof *chunk + word_count * sizeof chunk->words[0]);
    chunk->word_count = word_count;
    for (uint64_t i = 0; i < word_count; i++) {
        chunk->words[i] = word_of(word_count, i);
    }
    return chunk;
}

static void free_chunk(struct chunk *chunk)
{
    if (chunk == NULL) {
        return;
    }
    for (uint64_t i = 0; i < chunk->word_count; i++) {
        if (chunk->words[i] != word_of(chunk->word_count, i)) {
            fail("a chunk lost its content");
        }
    }
    free(chunk);
}

static void run_thread(unsigned self)
{
    struct chunk **own = owns[self].chunks;
    uint64_t seed = seed_of(self);
    for (uint64_t left = share_of(step_count, self, thread_count); left > 0; left--) {
        size_t which = random_below(&seed, OWN_COUNT);
        free_chunk(own[which]);
        own[which] = make_chunk(&seed);
        if (random_below(&seed, STEPS_PER_EXCHANGE) == 0) {
            // Release what this thread wrote into its chunk, acquire what the other one wrote into its.
            _Atomic(struct chunk *) *place = &shared[random_below(&seed, SHARED_COUNT)];
            own[which] = atomic_exchange_explicit(place, own[which], memory_order_acq_rel);
        }
    }
    for (size_t i = 0; i < OWN_COUNT; i++) {
        free_chunk(own[i]);
    }
}

void workload_run(unsigned threads, uint64_t work)
{
    thread_count = threads;
    step_count = work;
    threads_run(threads, run_thread);
    for (size_t i = 0; i < SHARED_COUNT; i++) {
        free_chunk(atomic_load_explicit(&shared[i], memory_order_relaxed));
    }
}
