// SPDX-License-Identifier: MIT
// Batches of chunks whose sizes are skewed to the small, in the manner of sh6bench: each thread fills batches of
// 1 to 1000 bytes, keeps some batches for a while, and frees them first in first out or last in first out by turns.
// The work is counted in chunks.
#include "threads.h"

#include <stdlib.h>

enum { BATCH_COUNT = 600, KEPT_BATCHES = 12, BYTES_MAX = 1000 };

struct batches {
    _Alignas(CACHE_LINE_BYTES) void *chunks[KEPT_BATCHES][BATCH_COUNT];
};

static struct batches all[THREADS_MAX];
static unsigned thread_count;
static uint64_t chunk_count;

// Small ones come up far oftener: the cube of an even draw.
static size_t random_bytes(uint64_t *seed)
{
    size_t draw = random_below(seed, 1000);
    return 1 + BYTES_MAX * draw / 1000 * draw / 1000 * draw / 1000;
}

static void fill(void **chunks, uint64_t *seed)
{
    for (size_t i = 0; i < BATCH_COUNT; i++) {
        chunks[i] = chunk_new(random_bytes(seed));
    }
}

static void empty(void **chunks, int is_last_first)
{
    for (size_t i = 0; i < BATCH_COUNT; i++) {
        size_t at = is_last_first ? BATCH_COUNT - 1 - i : i;
        free(chunks[at]);
        chunks[at] = NULL;
    }
}

static void run_thread(unsigned self)
{
    struct batches *own = &all[self];
    uint64_t seed = seed_of(self);
    uint64_t batch = 0;
    for (uint64_t left = share_of(chunk_count, self, thread_count); left > BATCH_COUNT;
         left -= BATCH_COUNT) {
        void **chunks = own->chunks[random_below(&seed, KEPT_BATCHES)];
        empty(chunks, batch % 2 == 0);
        fill(chunks, &seed);
        batch++;
    }
    for (size_t i = 0; i < KEPT_BATCHES; i++) {
        empty(own->chunks[i], 0);
    }
}

void workload_run(unsigned threads, uint64_t work)
{
    thread_count = threads;
    chunk_count = work;
    threads_run(threads, run_thread);
}
