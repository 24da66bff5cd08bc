// SPDX-License-Identifier: MIT
// Passive false sharing: the main thread allocates the first objects, one beside the other, and hands one
// to each thread. A thread writes and frees it and then allocates its own: it is slow if the allocator
// gives it back the piece of a cache line whose other pieces other threads have.
#include "cache.h"

static void *first_objects[THREADS_MAX];
static unsigned thread_count;
static uint64_t object_count;

static void run_thread(unsigned self)
{
    cache_write(first_objects[self]);
    free(first_objects[self]);
    cache_use_objects(share_of(object_count, self, thread_count));
}

void workload_run(unsigned threads, uint64_t work)
{
    thread_count = threads;
    object_count = work;
    for (unsigned i = 0; i < threads; i++) {
        first_objects[i] = chunk_new(OBJECT_BYTES);
    }
    threads_run(threads, run_thread);
}
