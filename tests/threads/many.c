// SPDX-License-Identifier: MIT
// Threads that come and go, one after the other and in groups that overlap. Each allocates, leaves a
// chunk to a later thread and frees one of an earlier thread; the process must not grow by it: what it has is measured
// when all that is free has gone back, for how much of that is kept depends on which threads were there at once.
//
//   --threads N   in all; as a warm-up, a tenth as many go before, and groups that are all there at once

#include <malloc.h>
#include <stdio.h>

#include "tests/threads/block.h"

enum { GROUP_COUNT = 16, MAILBOX_COUNT = 64, OWN_COUNT = 100, BYTES_MAX = 4096 };

// Eight pages for each thread that may be there at once: it is chance which of them meet.
enum { CHANCE_BYTES = GROUP_COUNT * 8 * 4096 };

static struct mailbox mailboxes[MAILBOX_COUNT];
static pthread_barrier_t all_hold;
static bool is_warm;

// All threads want the same sizes, so that what they need at once has a firm bound.
static void *live(void *argument)
{
    struct block own[OWN_COUNT];
    uint64_t seed = (uintptr_t)argument;
    size_t mailbox = random_below(&seed, MAILBOX_COUNT);
    struct block left = block_make(1 + mailbox * (BYTES_MAX / MAILBOX_COUNT), seed);
    left = mailbox_swap(&mailboxes[mailbox], left);
    for (size_t index = 0; index < OWN_COUNT; index++) {
        own[index] = block_make(1 + index * (BYTES_MAX / OWN_COUNT), seed);
    }
    if (!is_warm) {
        pthread_barrier_wait(&all_hold);
    }
    block_drop(&left);
    for (size_t index = 0; index < OWN_COUNT; index++) {
        block_drop(&own[index]);
    }
    return NULL;
}

// As many threads at once as there ever will be, and a few more.
static void warm_up(void)
{
    enum { COUNT = GROUP_COUNT + 2, ROUND_COUNT = 200 };
    pthread_t group[COUNT];
    pthread_barrier_init(&all_hold, NULL, COUNT);
    for (size_t round = 0; round < ROUND_COUNT; round++) {
        for (size_t index = 0; index < COUNT; index++) {
            group[index] = kit_start(live, (void *)(round * COUNT + index), 0);
        }
        for (size_t index = 0; index < COUNT; index++) {
            kit_join(group[index]);
        }
    }
    is_warm = true;
}

// Half of them one at a time, the others GROUP_COUNT at a time, each of which ends when it likes.
static void run_threads(size_t count, size_t first)
{
    pthread_t group[GROUP_COUNT];
    for (size_t index = 0; index < count / 2; index++) {
        kit_join(kit_start(live, (void *)(first + index), 0));
    }
    size_t others = count - count / 2;
    for (size_t index = 0; index < others; index++) {
        pthread_t *place = &group[index % GROUP_COUNT];
        if (index >= GROUP_COUNT) {
            kit_join(*place);
        }
        *place = kit_start(live, (void *)(first + count + index), 0);
    }
    for (size_t index = 0; index < others && index < GROUP_COUNT; index++) {
        kit_join(group[index]);
    }
}

int main(int argc, char *argv[])
{
    (void)argc;
    size_t thread_count = kit_number(argv, "threads", 10000);
    mailboxes_open(mailboxes, MAILBOX_COUNT);
    warm_up();
    run_threads(thread_count / 10, 0);
    malloc_trim(0);
    size_t before = kit_resident_bytes();
    run_threads(thread_count, thread_count);
    malloc_trim(0);
    size_t after = kit_resident_bytes();
    size_t most = before + before / 100 + CHANCE_BYTES;
    printf("%zu threads: %.2f MiB in memory before, %.2f after, %.2f at most\n", thread_count,
           kit_mib(before), kit_mib(after), kit_mib(most));
    mailboxes_empty(mailboxes, MAILBOX_COUNT);
    kit_require(after <= most, "threads that ended left %.2f MiB behind", kit_mib(after - before));
    return 0;
}
