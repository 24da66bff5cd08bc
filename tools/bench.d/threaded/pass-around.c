// SPDX-License-Identifier: MIT
// Chunks of 16 bytes to 8000 that live long, in the manner of rptest: each thread goes through a ring of places in
// strides and replaces what is there, and every so often packs up a part of its chunks and leaves the parcel to the
// next thread, which frees it. The work is counted in chunks.
#include "threads.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
    PLACE_COUNT = 4096,
    STRIDE = 1361, // a prime: every place is come by
    CHUNKS_PER_PARCEL = 256,
    STEPS_PER_PARCEL = 1000,
    BYTES_MIN = 16,
    BYTES_MAX = 8000,
};

struct parcel {
    void *chunks[CHUNKS_PER_PARCEL];
};

struct place {
    _Alignas(CACHE_LINE_BYTES) void *chunks[PLACE_COUNT];
    _Atomic(struct parcel *) inbox; // from the thread before
};

static struct place places[THREADS_MAX];
static unsigned thread_count;
static uint64_t chunk_count;

// Small ones are likelier, in a straight line: the smaller of two draws.
static size_t random_bytes(uint64_t *seed)
{
    size_t one = random_between(seed, BYTES_MIN, BYTES_MAX);
    size_t other = random_between(seed, BYTES_MIN, BYTES_MAX);
    return one < other ? one : other;
}

static void parcel_free(struct parcel *parcel)
{
    if (parcel == NULL) {
        return;
    }
    for (size_t i = 0; i < CHUNKS_PER_PARCEL; i++) {
        free(parcel->chunks[i]);
    }
    free(parcel);
}

static void send_parcel(unsigned self, uint64_t *seed)
{
    struct parcel *parcel = chunk_new(sizeof *parcel);
    for (size_t i = 0; i < CHUNKS_PER_PARCEL; i++) {
        void **chunk = &places[self].chunks[random_below(seed, PLACE_COUNT)];
        parcel->chunks[i] = *chunk;
        *chunk = NULL;
    }
    // The order pairs with the other's exchange: what was put in is there, and what it packed is here.
    struct place *other = &places[(self + 1) % thread_count];
    parcel_free(atomic_exchange_explicit(&other->inbox, parcel, memory_order_acq_rel));
    parcel_free(atomic_exchange_explicit(&places[self].inbox, NULL, memory_order_acq_rel));
}

static void run_thread(unsigned self)
{
    struct place *own = &places[self];
    uint64_t seed = seed_of(self);
    size_t at = 0;
    for (uint64_t left = share_of(chunk_count, self, thread_count); left > 0; left--) {
        at = (at + STRIDE) % PLACE_COUNT;
        free(own->chunks[at]);
        own->chunks[at] = chunk_new(random_bytes(&seed));
        if (left % STEPS_PER_PARCEL == 0) {
            send_parcel(self, &seed);
        }
    }
    for (size_t i = 0; i < PLACE_COUNT; i++) {
        free(own->chunks[i]);
    }
}

void workload_run(unsigned threads, uint64_t work)
{
    thread_count = threads;
    chunk_count = work;
    threads_run(threads, run_thread);
    for (unsigned i = 0; i < threads; i++) {
        parcel_free(atomic_load_explicit(&places[i].inbox, memory_order_relaxed));
    }
}
