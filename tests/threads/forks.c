// SPDX-License-Identifier: MIT
// Forks of a program whose threads allocate, free and hand chunks to each other without a pause. The
// children allocate and free, also what other threads of the parent had allocated, some with threads
// of their own. A child that hangs is ended by an alarm, and that is a failure.
//
//   --forks N       children in all
//   --forkers N     threads that fork at the same time (1: the main thread alone)
//   --handlers 1    the program's own fork handlers allocate and free as well

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/threads/block.h"

enum {
    WORKER_COUNT = 8,
    OWN_COUNT = 64,
    MAILBOX_COUNT = 64,
    TABLE_COUNT = 48,
    FORKER_MAX = 8,
    CHILD_MAX = 4, // of one forker at a time
    CHILD_SECONDS = 60,
    BYTES_MAX = 40000,
    HANDLER_COUNT = 3,
};

// Chunks of the workers that no worker is changing while its forker forks: the forker holds the lock.
struct table {
    pthread_mutex_t lock;
    struct block blocks[TABLE_COUNT];
};

enum child_end { CHILD_WELL, CHILD_FOUND_DAMAGE, CHILD_GOT_NO_MEMORY, CHILD_GOT_NO_THREAD };

static struct table tables[FORKER_MAX];
static struct mailbox mailboxes[MAILBOX_COUNT];
static size_t forker_count;
static size_t fork_count; // of each forker
static atomic_bool stop;

static size_t draw_bytes(uint64_t *seed)
{
    return 1 + random_below(seed, (size_t)16 << random_below(seed, 12));
}

// ---- the parent's workers ---------------------------------------------------------------------------

static void renew_in_table(uint64_t *seed)
{
    struct table *table = &tables[random_below(seed, forker_count)];
    pthread_mutex_lock(&table->lock);
    struct block *block = &table->blocks[random_below(seed, TABLE_COUNT)];
    block_drop(block);
    *block = block_make(draw_bytes(seed), random_next(seed));
    pthread_mutex_unlock(&table->lock);
}

static void *work(void *argument)
{
    struct block own[OWN_COUNT] = {{.ptr = NULL}};
    uint64_t seed = (uintptr_t)argument;
    while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
        struct block *block = &own[random_below(&seed, OWN_COUNT)];
        switch (random_below(&seed, 16)) {
        case 0: renew_in_table(&seed); break;
        case 1:
        case 2:
            *block = mailbox_swap(&mailboxes[random_below(&seed, MAILBOX_COUNT)], *block);
            break;
        default: block_drop(block); *block = block_make(draw_bytes(&seed), random_next(&seed));
        }
    }
    for (size_t index = 0; index < OWN_COUNT; index++) {
        block_drop(&own[index]);
    }
    return NULL;
}

// ---- a child ----------------------------------------------------------------------------------------

// Nothing that prints is called in a child: another thread may have held what printing needs.
static enum child_end allocate_and_free(uint64_t seed)
{
    enum { COUNT = 100 };
    struct block blocks[COUNT];
    enum child_end end = CHILD_WELL;
    for (size_t index = 0; index < COUNT; index++) {
        size_t bytes = index == 0 ? (size_t)300000 : draw_bytes(&seed);
        void *ptr = malloc(bytes);
        if (ptr == NULL) {
            return CHILD_GOT_NO_MEMORY;
        }
        blocks[index] = block_of(ptr, bytes, seed);
    }
    for (size_t index = 0; index < COUNT; index++) {
        end = block_holds(&blocks[index]) ? end : CHILD_FOUND_DAMAGE;
        free(blocks[index].ptr);
    }
    return end;
}

struct part {
    struct table *table;
    size_t first; // every second chunk from this one on
    enum child_end end;
};

static void *free_part(void *argument)
{
    struct part *part = argument;
    for (size_t index = part->first; index < TABLE_COUNT; index += 2) {
        struct block *block = &part->table->blocks[index];
        if (!block_holds(block)) {
            part->end = CHILD_FOUND_DAMAGE;
        }
        free(block->ptr);
    }
    enum child_end end = allocate_and_free(part->first);
    part->end = part->end != CHILD_WELL ? part->end : end;
    return NULL;
}

// Each half of the table is freed by a thread of the child's own, or by its only thread.
static enum child_end live_as_a_child(struct table *table, size_t number)
{
    alarm(CHILD_SECONDS);
    struct part parts[2] = {{.table = table, .first = 0}, {.table = table, .first = 1}};
    // A sanitizer's own locks are not safe in a forked child that starts threads.
    bool has_threads = SHORTER == 1 && number % 4 == 0;
    enum child_end end = number % 2 == 0 ? allocate_and_free(number) : CHILD_WELL;
    if (end != CHILD_WELL) {
        return end;
    }
    pthread_t threads[2];
    for (size_t index = 0; index < 2; index++) {
        if (!has_threads) {
            free_part(&parts[index]);
        } else if (pthread_create(&threads[index], NULL, free_part, &parts[index]) != 0) {
            return CHILD_GOT_NO_THREAD;
        }
    }
    for (size_t index = 0; index < 2; index++) {
        if (has_threads) {
            pthread_join(threads[index], NULL);
        }
        end = parts[index].end != CHILD_WELL ? parts[index].end : end;
    }
    return end != CHILD_WELL ? end : allocate_and_free(number + 1);
}

// ---- the program's own fork handlers ----------------------------------------------------------------

static _Thread_local struct block handler_blocks[HANDLER_COUNT];

static void allocate_before_fork(void)
{
    static const size_t bytes[HANDLER_COUNT] = {24, 3000, 100000};
    for (size_t index = 0; index < HANDLER_COUNT; index++) {
        free(malloc(bytes[index] + 1));
        handler_blocks[index] = block_make(bytes[index], index);
    }
}

static void free_after_fork(void)
{
    for (size_t index = 0; index < HANDLER_COUNT; index++) {
        struct block more = block_make(handler_blocks[index].bytes, index);
        block_drop(&handler_blocks[index]);
        block_drop(&more);
    }
}

// ---- the forkers ------------------------------------------------------------------------------------

static void await(pid_t pid)
{
    int status = 0;
    kit_require(waitpid(pid, &status, 0) == pid, "a child cannot be waited for");
    kit_require(!WIFSIGNALED(status), "a child died of signal %d (%d: it hung)", WTERMSIG(status),
                SIGALRM);
    kit_require(status == 0, "a child ended with %d (enum child_end)", WEXITSTATUS(status));
}

static void *fork_children(void *argument)
{
    struct table *table = argument;
    pid_t children[CHILD_MAX] = {0};
    for (size_t number = 0; number < fork_count; number++) {
        pid_t *place = &children[number % CHILD_MAX];
        if (*place != 0) {
            await(*place);
        }
        pthread_mutex_lock(&table->lock);
        *place = fork();
        if (*place == 0) {
            _exit((int)live_as_a_child(table, number));
        }
        pthread_mutex_unlock(&table->lock);
        kit_require(*place > 0, "a fork is refused");
    }
    for (size_t index = 0; index < CHILD_MAX; index++) {
        if (children[index] != 0) {
            await(children[index]);
        }
    }
    return NULL;
}

static void fork_from_everywhere(void)
{
    pthread_t forkers[FORKER_MAX];
    for (size_t index = 1; index < forker_count; index++) {
        forkers[index] = kit_start(fork_children, &tables[index], 0);
    }
    fork_children(&tables[0]);
    for (size_t index = 1; index < forker_count; index++) {
        kit_join(forkers[index]);
    }
}

int main(int argc, char *argv[])
{
    (void)argc;
    pthread_t workers[WORKER_COUNT];
    forker_count = kit_number(argv, "forkers", 1);
    kit_require(forker_count >= 1 && forker_count <= FORKER_MAX, "--forkers is at most %d",
                FORKER_MAX);
    fork_count = kit_number(argv, "forks", 200 / SHORTER) / forker_count;
    if (kit_number(argv, "handlers", 0) != 0) {
        pthread_atfork(allocate_before_fork, free_after_fork, free_after_fork);
    }
    mailboxes_open(mailboxes, MAILBOX_COUNT);
    for (size_t index = 0; index < forker_count; index++) {
        pthread_mutex_init(&tables[index].lock, NULL);
    }
    for (uintptr_t index = 0; index < WORKER_COUNT; index++) {
        workers[index] = kit_start(work, (void *)(index + 1), 0);
    }
    fork_from_everywhere();
    atomic_store(&stop, true);
    for (size_t index = 0; index < WORKER_COUNT; index++) {
        kit_join(workers[index]);
    }
    mailboxes_empty(mailboxes, MAILBOX_COUNT);
    for (size_t table = 0; table < forker_count; table++) {
        for (size_t index = 0; index < TABLE_COUNT; index++) {
            block_drop(&tables[table].blocks[index]);
        }
    }
    printf("%zu threads forked %zu times each: every child ended well\n", forker_count, fork_count);
    return 0;
}
