// SPDX-License-Identifier: MIT
// Threads that come and go: each makes a few thousand chunks of 16 to 256 bytes, keeps a few hundred of
// them alive, leaves some behind for a later thread to free, frees the rest and ends. The work is counted
// in threads.
#include "threads.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
    CHUNKS_PER_THREAD = 3000,
    ALIVE_COUNT = 300,
    LEFT_ONE_IN = 8,
    LEFT_COUNT = 2048,
    BYTES_MIN = 16,
    BYTES_MAX = 256
};

// What a thread keeps alive; the threads of one lane come one after the other.
struct lane {
    _Alignas(CACHE_LINE_BYTES) void *alive[ALIVE_COUNT];
    uint64_t seed;
};

static struct lane lanes[THREADS_MAX];
static _Atomic(void *) left_behind[LEFT_COUNT];
static unsigned lane_count;
static uint64_t visit_count;

// Frees what an earlier thread, most probably, left there. The order pairs with that thread's exchange.
static void leave_behind(struct lane *lane, void *chunk)
{
    _Atomic(void *) *place = &left_behind[random_below(&lane->seed, LEFT_COUNT)];
    free(atomic_exchange_explicit(place, chunk, memory_order_acq_rel));
}

static void *visit(void *argument)
{
    struct lane *lane = argument;
    for (size_t i = 0; i < CHUNKS_PER_THREAD; i++) {
        void *chunk = chunk_new(random_between(&lane->seed, BYTES_MIN, BYTES_MAX));
        if (i % LEFT_ONE_IN == 0) {
            leave_behind(lane, chunk);
            continue;
        }
        size_t which = random_below(&lane->seed, ALIVE_COUNT);
        free(lane->alive[which]);
        lane->alive[which] = chunk;
    }
    for (size_t i = 0; i < ALIVE_COUNT; i++) {
        free(lane->alive[i]);
        lane->alive[i] = NULL;
    }
    return NULL;
}

static void run_lane(unsigned index)
{
    struct lane *lane = &lanes[index];
    lane->seed = seed_of(index);
    for (uint64_t left = share_of(visit_count, index, lane_count); left > 0; left--) {
        thread_wait(thread_start(visit, lane));
    }
}

void workload_run(unsigned threads, uint64_t work)
{
    lane_count = threads;
    visit_count = work;
    threads_run(threads, run_lane);
    for (size_t i = 0; i < LEFT_COUNT; i++) {
        free(atomic_load_explicit(&left_behind[i], memory_order_relaxed));
    }
}
