// SPDX-License-Identifier: MIT
// Every chunk is freed by another thread than the one that made it: for each thread that only allocates, chunks of 8 to 64
// bytes in batches, there is one that only frees. Those put their batches on a stack that all share, and these take whichever
// lies on top; the record of a batch goes the same way. In the manner of the malloc-test of Lever and Boreham. The work
// is counted in batches.
#include "threads.h"

#include <stdlib.h>

enum { BATCH_COUNT = 256, WAITING_MAX = 96, BYTES_MIN = 8, BYTES_MAX = 64 };

struct batch {
    struct batch *next;
    void *chunks[BATCH_COUNT];
};

// The batches that wait, the last one first, all under one lock.
static struct batch *waiting;
static unsigned waiting_count;
static unsigned makers_left;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static pthread_cond_t less = PTHREAD_COND_INITIALIZER;

static unsigned maker_count;
static uint64_t batch_count;

static struct batch *make_batch(uint64_t *seed)
{
    struct batch *batch = chunk_new(sizeof *batch);
    for (size_t i = 0; i < BATCH_COUNT; i++) {
        batch->chunks[i] = chunk_new(random_between(seed, BYTES_MIN, BYTES_MAX));
    }
    return batch;
}

static void free_batch(struct batch *batch)
{
    for (size_t i = 0; i < BATCH_COUNT; i++) {
        free(batch->chunks[i]);
    }
    free(batch);
}

// Who finds the stack full or empty sleeps until it is half of that, so that nobody sleeps and wakes for each batch.
static void put(struct batch *batch)
{
    pthread_mutex_lock(&lock);
    if (waiting_count == WAITING_MAX) {
        while (waiting_count > WAITING_MAX / 2) {
            pthread_cond_wait(&less, &lock);
        }
    }
    batch->next = waiting;
    waiting = batch;
    waiting_count++;
    if (waiting_count == WAITING_MAX / 2) {
        pthread_cond_broadcast(&more);
    }
    pthread_mutex_unlock(&lock);
}

// NULL when there will be none.
static struct batch *take(void)
{
    pthread_mutex_lock(&lock);
    if (waiting == NULL) {
        while (waiting_count < WAITING_MAX / 2 && makers_left > 0) {
            pthread_cond_wait(&more, &lock);
        }
    }
    struct batch *batch = waiting;
    if (batch != NULL) {
        waiting = batch->next;
        waiting_count--;
        if (waiting_count == WAITING_MAX / 2) {
            pthread_cond_broadcast(&less);
        }
    }
    pthread_mutex_unlock(&lock);
    return batch;
}

static void make(unsigned maker)
{
    uint64_t seed = seed_of(maker);
    for (uint64_t left = share_of(batch_count, maker, maker_count); left > 0; left--) {
        put(make_batch(&seed));
    }
    pthread_mutex_lock(&lock);
    makers_left--;
    pthread_cond_broadcast(&more);
    pthread_mutex_unlock(&lock);
}

static void run_role(unsigned index)
{
    if (index % 2 == 0) {
        make(index / 2);
        return;
    }
    for (struct batch *batch; (batch = take()) != NULL;) {
        free_batch(batch);
    }
}

void workload_run(unsigned threads, uint64_t work)
{
    maker_count = threads;
    makers_left = threads;
    batch_count = work;
    threads_run(2 * threads, run_role);
}
