// SPDX-License-Identifier: MIT
// Pairs of threads: one allocates chunks of 16 to 512 bytes, hands them over in batches through a ring,
// and never frees; the other only frees. One thread alone plays both roles by turns, a ring at a time.
// The work is counted in batches.
#include "threads.h"

#include <stdlib.h>

enum { BATCH_COUNT = 128, RING_COUNT = 64, BYTES_MIN = 16, BYTES_MAX = 512 };

// Batches taken_count to made_count - 1 are full and the taker's, the others are the maker's.
struct ring {
    _Alignas(CACHE_LINE_BYTES) void *chunks[RING_COUNT][BATCH_COUNT];
    uint64_t made_count;
    uint64_t taken_count;
    uint64_t batch_count;
    uint64_t seed;
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

static struct ring rings[THREADS_MAX];

static void make_batch(struct ring *ring, uint64_t number)
{
    void **chunks = ring->chunks[number % RING_COUNT];
    for (size_t i = 0; i < BATCH_COUNT; i++) {
        chunks[i] = chunk_new(random_between(&ring->seed, BYTES_MIN, BYTES_MAX));
    }
}

static void take_batch(struct ring *ring, uint64_t number)
{
    void **chunks = ring->chunks[number % RING_COUNT];
    for (size_t i = 0; i < BATCH_COUNT; i++) {
        free(chunks[i]);
    }
}

// Who finds the ring full or empty sleeps until it is half of that, so that nobody sleeps and wakes for
// each batch.
static void produce(struct ring *ring)
{
    for (uint64_t number = 0; number < ring->batch_count; number++) {
        make_batch(ring, number);
        pthread_mutex_lock(&ring->lock);
        ring->made_count++;
        uint64_t full = ring->made_count - ring->taken_count;
        if (full == RING_COUNT / 2 || ring->made_count == ring->batch_count) {
            pthread_cond_signal(&ring->changed);
        }
        if (full == RING_COUNT) {
            while (ring->made_count - ring->taken_count > RING_COUNT / 2) {
                pthread_cond_wait(&ring->changed, &ring->lock);
            }
        }
        pthread_mutex_unlock(&ring->lock);
    }
}

static void consume(struct ring *ring)
{
    for (uint64_t number = 0; number < ring->batch_count; number++) {
        pthread_mutex_lock(&ring->lock);
        if (ring->made_count == number) {
            while (ring->made_count - number < RING_COUNT / 2 &&
                   ring->made_count < ring->batch_count) {
                pthread_cond_wait(&ring->changed, &ring->lock);
            }
        }
        pthread_mutex_unlock(&ring->lock);
        take_batch(ring, number);
        pthread_mutex_lock(&ring->lock);
        ring->taken_count++;
        if (ring->made_count - ring->taken_count == RING_COUNT / 2) {
            pthread_cond_signal(&ring->changed);
        }
        pthread_mutex_unlock(&ring->lock);
    }
}

static void run_role(unsigned index)
{
    struct ring *ring = &rings[index / 2];
    if (index % 2 == 0) {
        produce(ring);
    } else {
        consume(ring);
    }
}

static void run_both_roles(unsigned index)
{
    struct ring *ring = &rings[index];
    for (uint64_t first = 0; first < ring->batch_count; first += RING_COUNT) {
        uint64_t left = ring->batch_count - first;
        uint64_t end = first + (left < RING_COUNT ? left : RING_COUNT);
        for (uint64_t number = first; number < end; number++) {
            make_batch(ring, number);
        }
        for (uint64_t number = first; number < end; number++) {
            take_batch(ring, number);
        }
    }
}

void workload_run(unsigned threads, uint64_t work)
{
    unsigned pairs = threads == 1 ? 1 : threads / 2;
    for (unsigned i = 0; i < pairs; i++) {
        struct ring *ring = &rings[i];
        ring->batch_count = share_of(work, i, pairs);
        ring->seed = seed_of(i);
        pthread_mutex_init(&ring->lock, NULL);
        pthread_cond_init(&ring->changed, NULL);
    }
    if (threads == 1) {
        threads_run(1, run_both_roles);
    } else {
        threads_run(2 * pairs, run_role);
    }
}
