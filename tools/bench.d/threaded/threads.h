// SPDX-License-Identifier: MIT
// A threaded workload is a function that does a fixed amount of work; threads.c is the main() around it.
//
//   program THREADS WORK   prints "cpu 0.251380 wall 0.130021": seconds of user and system time together,
//                          and seconds on the wall
//
// The work is the whole program's, whatever the number of threads: it is divided among them. Who has
// to wait sleeps in the kernel and never spins, so that waiting is not counted as CPU time. Threads are
// spread over the processors and stay there: a kernel that lets two of them take turns on one would show
// neither contention nor false sharing. What a program keeps for itself lies in static memory; only what
// is measured comes from the heap.
#ifndef THREADS_H
#define THREADS_H

#include "bench.d/random.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

enum { THREADS_MAX = 64, CACHE_LINE_BYTES = 64 };

// The one workload of the program. Leaves nothing in the heap.
void workload_run(unsigned threads, uint64_t work);

// Binds this thread, and those that it starts, to one of the program's processors.
void thread_bind(unsigned index);

// Runs the function in so many threads of their own, each bound by its index, and waits for all of them.
void threads_run(unsigned count, void (*function)(unsigned index));

// pthread_create() and pthread_join(), except that a failure ends the program.
pthread_t thread_start(void *(*function)(void *argument), void *argument);
void thread_wait(pthread_t thread);

// malloc(), except that a failure ends the program. Stores one byte, as a program would.
void *chunk_new(size_t bytes);

// Ends the program with these words: what it measures went wrong.
_Noreturn void fail(const char *words);

// The part of the work that is this thread's; the parts add up to the whole.
static inline uint64_t share_of(uint64_t work, unsigned index, unsigned count)
{
    return work * (index + 1) / count - work * index / count;
}

// The first seed of a thread: never zero, and different for each.
static inline uint64_t seed_of(uint64_t index)
{
    return (index + 1) * UINT64_C(0x9E3779B97F4A7C15);
}

// A number in first..last, both included.
static inline size_t random_between(uint64_t *seed, size_t first, size_t last)
{
    return first + random_below(seed, last - first + 1);
}

#endif
