// SPDX-License-Identifier: MIT
// Threads that both make and free, each what others have made: chunks of 8 to 64 bytes in batches, which they put into a queue
// that all share, and take out again. The record of a batch goes the same way. One thread alone takes its own. The
// work is counted in batches.
#include "threads.h"

#include <stdbool.h>
#include <stdlib.h>

enum { BATCH_COUNT = 256, QUEUED_MAX = 64, BYTES_MIN = 8, BYTES_MAX = 64 };

struct batch {
    struct batch *next;
    void *chunks[BATCH_COUNT];
};

// Batches of one maker, first in, first out.
struct row {
    struct batch *first;
    struct batch *last;
    unsigned count;
};

// The queue: a row for each maker, all under one lock.
static struct row rows[THREADS_MAX];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t longer = PTHREAD_COND_INITIALIZER;
static pthread_cond_t shorter = PTHREAD_COND_INITIALIZER;
static unsigned makers_left;

static unsigned thread_count;
static uint64_t batch_count;

static struct batch *make_batch(uint64_t *seed)
{
    struct batch *batch = chunk_new(sizeof *batch);
    for (size_t i = 0; i < BATCH_COUNT; i++) {
        batch->chunks[i] = chunk_new(random_between(seed, BYTES_MIN, BYTES_MAX));
    }
    batch->next = NULL;
    return batch;
}

static void free_batch(struct batch *batch)
{
    for (size_t i = 0; i < BATCH_COUNT; i++) {
        free(batch->chunks[i]);
    }
    free(batch);
}

// The lock is held in this one and the next.
static void push(unsigned maker, struct batch *batch)
{
    struct row *row = &rows[maker];
    if (row->first == NULL) {
        row->first = batch;
    } else {
        row->last->next = batch;
    }
    row->last = batch;
    row->count++;
    pthread_cond_broadcast(&longer);
}

// A batch of somebody else, beginning with the next thread; NULL if there is none.
static struct batch *pop(unsigned taker)
{
    unsigned others = thread_count == 1 ? 1 : thread_count - 1;
    for (unsigned step = 1; step <= others; step++) {
        struct row *row = &rows[(taker + step) % thread_count];
        struct batch *batch = row->first;
        if (batch != NULL) {
            row->first = batch->next;
            row->count--;
            if (row->count == QUEUED_MAX / 2) {
                pthread_cond_broadcast(&shorter);
            }
            return batch;
        }
    }
    return NULL;
}

// Puts the batch in and takes one out. A thread that is far ahead of the others waits until they have
// caught up by half a row, so that nobody sleeps and wakes for each batch. Never all of them wait:
// where one does, the others have something to take.
static struct batch *exchange(unsigned self, struct batch *batch)
{
    pthread_mutex_lock(&lock);
    push(self, batch);
    struct batch *taken = pop(self);
    if (taken == NULL && rows[self].count >= QUEUED_MAX) {
        while (rows[self].count > QUEUED_MAX / 2) {
            pthread_cond_wait(&shorter, &lock);
        }
    }
    pthread_mutex_unlock(&lock);
    return taken;
}

// The next batch for a thread that makes no more; NULL when there will be none.
static struct batch *take_late(unsigned self)
{
    pthread_mutex_lock(&lock);
    struct batch *taken = pop(self);
    while (taken == NULL && makers_left > 0) {
        pthread_cond_wait(&longer, &lock);
        taken = pop(self);
    }
    pthread_mutex_unlock(&lock);
    return taken;
}

static void run_thread(unsigned self)
{
    uint64_t seed = seed_of(self);
    for (uint64_t left = share_of(batch_count, self, thread_count); left > 0; left--) {
        struct batch *taken = exchange(self, make_batch(&seed));
        if (taken != NULL) {
            free_batch(taken);
        }
    }
    pthread_mutex_lock(&lock);
    makers_left--;
    pthread_cond_broadcast(&longer);
    pthread_mutex_unlock(&lock);
    for (struct batch *taken; (taken = take_late(self)) != NULL;) {
        free_batch(taken);
    }
}

void workload_run(unsigned threads, uint64_t work)
{
    thread_count = threads;
    makers_left = threads;
    batch_count = work;
    threads_run(threads, run_thread);
}
