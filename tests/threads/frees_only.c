// SPDX-License-Identifier: MIT
// What is freed by a thread that does not own it must serve again: for its owner, and for others while
// the owner sleeps. The peak is at most 1.25 of the bytes in use, beside what the process had before.
//
//   --mode queue   two threads allocate, a third, which never allocates, frees; 128 MiB in use
//   --mode freer   100 MB are freed by another thread while their owner sleeps; it allocates as much
//   --mode third   the same, but a third thread allocates
//   --rounds N     queue: how often all that is in use is replaced

#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "tests/threads/block.h"

enum {
    PRODUCER_COUNT = 2,
    BYTES_MIN = 16,
    BYTES_MAX = 1024,
    QUEUE_COUNT = 1 << 19,
    QUEUE_BYTES = 128 << 20,
    QUEUE_SWING_BYTES = 64 << 10,
    SLEEP_BYTES = 100000000,
    SLEEP_COUNT = SLEEP_BYTES / 400, // chunks, whose mean is above that
};

struct entry {
    _Atomic(void *) ptr;
    size_t bytes;
};

static struct entry queue[QUEUE_COUNT];
static atomic_size_t live_bytes;
static atomic_size_t put_count;
static size_t produced_count; // of each producer
static size_t start_bytes;

static size_t draw_bytes(uint64_t *seed)
{
    return BYTES_MIN + random_below(seed, BYTES_MAX - BYTES_MIN + 1);
}

static void *allocate_written(size_t bytes)
{
    void *ptr = malloc(bytes);
    kit_require(ptr != NULL, "no memory for %zu bytes", bytes);
    return memset(ptr, 1, bytes);
}

static void require_peak(size_t bytes_in_use)
{
    size_t took = kit_peak_bytes() - start_bytes;
    size_t most = bytes_in_use / 4 * 5 + KIT_NOISE_BYTES;
    printf("peak %.1f MiB beside the start's %.1f, %.1f at most: %.3f of what was in use\n",
           kit_mib(took), kit_mib(start_bytes), kit_mib(most), (double)took / (double)bytes_in_use);
    kit_require(took <= most, "the peak is above 1.25 of what was in use");
}

// ---- the queue --------------------------------------------------------------------------------------

static void *produce(void *argument)
{
    uint64_t seed = (uintptr_t)argument;
    for (size_t done = 0; done < produced_count; done++) {
        while (atomic_load(&live_bytes) >= QUEUE_BYTES) {
            sched_yield();
        }
        size_t bytes = draw_bytes(&seed);
        void *ptr = allocate_written(bytes);
        atomic_fetch_add(&live_bytes, bytes);
        struct entry *entry = &queue[atomic_fetch_add(&put_count, 1) % QUEUE_COUNT];
        kit_require(atomic_load(&entry->ptr) == NULL, "the queue is too short");
        entry->bytes = bytes;
        atomic_store(&entry->ptr, ptr);
    }
    return NULL;
}

// Frees in the order of allocation, and no more than keeps the bytes in use where they are, until the
// producers have done.
static void *free_only(void *argument)
{
    (void)argument;
    size_t all = produced_count * PRODUCER_COUNT;
    for (size_t done = 0; done < all; done++) {
        while (atomic_load(&live_bytes) < QUEUE_BYTES - QUEUE_SWING_BYTES &&
               atomic_load(&put_count) < all) {
            sched_yield();
        }
        struct entry *entry = &queue[done % QUEUE_COUNT];
        void *ptr;
        while ((ptr = atomic_load(&entry->ptr)) == NULL) {
            sched_yield();
        }
        size_t bytes = entry->bytes;
        atomic_store(&entry->ptr, NULL);
        free(ptr);
        atomic_fetch_sub(&live_bytes, bytes);
    }
    return NULL;
}

static void run_queue(size_t round_count)
{
    pthread_t threads[PRODUCER_COUNT];
    produced_count = QUEUE_BYTES / ((BYTES_MIN + BYTES_MAX) / 2) * round_count / PRODUCER_COUNT;
    pthread_t freer = kit_start(free_only, NULL, 0);
    for (uintptr_t index = 0; index < PRODUCER_COUNT; index++) {
        threads[index] = kit_start(produce, (void *)(index + 1), 0);
    }
    for (size_t index = 0; index < PRODUCER_COUNT; index++) {
        kit_join(threads[index]);
    }
    kit_join(freer);
    require_peak(QUEUE_BYTES);
}

// ---- the owner that sleeps --------------------------------------------------------------------------

static void *sleep_ptrs[SLEEP_COUNT];
static size_t sleep_count;
static sem_t is_allocated;
static sem_t may_end;

static void *allocate_all(void *argument)
{
    (void)argument;
    uint64_t seed = 3;
    size_t bytes = 0;
    for (sleep_count = 0; bytes < SLEEP_BYTES; sleep_count++) {
        size_t each = draw_bytes(&seed);
        sleep_ptrs[sleep_count] = allocate_written(each);
        bytes += each;
    }
    return NULL;
}

static void *allocate_all_and_sleep(void *argument)
{
    allocate_all(argument);
    sem_post(&is_allocated);
    sem_wait(&may_end);
    return NULL;
}

static void *free_all(void *argument)
{
    (void)argument;
    for (size_t index = 0; index < sleep_count; index++) {
        free(sleep_ptrs[index]);
    }
    return NULL;
}

static void *free_all_and_allocate(void *argument)
{
    free_all(argument);
    return allocate_all(argument);
}

static void run_sleeper(bool by_third)
{
    sem_init(&is_allocated, 0, 0);
    sem_init(&may_end, 0, 0);
    pthread_t owner = kit_start(allocate_all_and_sleep, NULL, 0);
    sem_wait(&is_allocated);
    printf("the owner alone: peak %.1f MiB\n", kit_mib(kit_peak_bytes() - start_bytes));
    if (by_third) {
        kit_join(kit_start(free_all, NULL, 0));
        kit_join(kit_start(allocate_all, NULL, 0));
    } else {
        kit_join(kit_start(free_all_and_allocate, NULL, 0));
    }
    require_peak(SLEEP_BYTES);
    sem_post(&may_end);
    kit_join(owner);
}

int main(int argc, char *argv[])
{
    (void)argc;
    const char *mode = kit_word(argv, "mode", "queue");
    bool is_queue = strcmp(mode, "queue") == 0;
    // The program's own tables are in memory before the start is measured.
    if (is_queue) {
        memset((void *)queue, 0, sizeof queue);
    } else {
        memset((void *)sleep_ptrs, 1, sizeof sleep_ptrs);
    }
    start_bytes = kit_resident_bytes();
    if (is_queue) {
        run_queue(kit_number(argv, "rounds", 6));
    } else {
        run_sleeper(strcmp(mode, "third") == 0);
    }
    return 0;
}
