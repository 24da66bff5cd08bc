// SPDX-License-Identifier: MIT
// A server whose chunks outlive the thread that made them: each thread replaces random chunks of its
// array for some rounds, then hands the array to a new thread that goes on, and ends. Sizes are evenly
// spread over 8 to 1000 bytes. The work is counted in threads.
#include "threads.h"

#include <semaphore.h>
#include <stdbool.h>
#include <stdlib.h>

enum { CHUNK_COUNT = 1000, REPLACEMENTS = 20 * CHUNK_COUNT, BYTES_MIN = 8, BYTES_MAX = 1000 };

// One array and the threads that have it one after the other. Only the one that has it touches this.
struct line {
    _Alignas(CACHE_LINE_BYTES) void *chunks[CHUNK_COUNT];
    uint64_t seed;
    uint64_t threads_left;
    unsigned index;
    pthread_t before; // the thread that handed the array over, unless this is the first one
    bool has_before;
    sem_t done; // posted by the last thread, which leaves itself in before
};

static struct line lines[THREADS_MAX];

static void replace_chunks(struct line *line)
{
    for (size_t i = 0; i < REPLACEMENTS; i++) {
        size_t which = random_below(&line->seed, CHUNK_COUNT);
        free(line->chunks[which]);
        line->chunks[which] = chunk_new(random_between(&line->seed, BYTES_MIN, BYTES_MAX));
    }
}

static void *run_turn(void *argument)
{
    struct line *line = argument;
    thread_bind(line->index);
    replace_chunks(line);
    // As late as this, so that the end of the one before falls into the work of this one.
    if (line->has_before) {
        thread_wait(line->before);
    }
    line->before = pthread_self();
    line->has_before = true;
    line->threads_left--;
    if (line->threads_left == 0) {
        sem_post(&line->done);
    } else {
        thread_start(run_turn, line);
    }
    return NULL;
}

// The main thread fills the array, so that the first chunks change threads too.
static void start_line(struct line *line, unsigned index, uint64_t turns)
{
    line->seed = seed_of(index);
    line->threads_left = turns;
    line->index = index;
    line->has_before = false;
    sem_init(&line->done, 0, 0);
    for (size_t i = 0; i < CHUNK_COUNT; i++) {
        line->chunks[i] = chunk_new(random_between(&line->seed, BYTES_MIN, BYTES_MAX));
    }
    thread_start(run_turn, line);
}

static void end_line(struct line *line)
{
    while (sem_wait(&line->done) != 0) {
    }
    thread_wait(line->before);
    for (size_t i = 0; i < CHUNK_COUNT; i++) {
        free(line->chunks[i]);
    }
    sem_destroy(&line->done);
}

void workload_run(unsigned threads, uint64_t work)
{
    if (work < threads) {
        fail("less than one turn for each thread");
    }
    for (unsigned i = 0; i < threads; i++) {
        start_line(&lines[i], i, share_of(work, i, threads));
    }
    for (unsigned i = 0; i < threads; i++) {
        end_line(&lines[i]);
    }
}
