// SPDX-License-Identifier: MIT
// Active false sharing: threads that allocate at the same time, and write what they got many times, are
// slow if the allocator gives them pieces of one cache line.
#include "cache.h"

static unsigned thread_count;
static uint64_t object_count;

static void run_thread(unsigned self)
{
    cache_use_objects(share_of(object_count, self, thread_count));
}

void workload_run(unsigned threads, uint64_t work)
{
    thread_count = threads;
    object_count = work;
    threads_run(threads, run_thread);
}
