// SPDX-License-Identifier: MIT
// A library as those are that bring threads of their own. Its constructor, which allocates nothing and runs before ours, asks
// for fork handlers: one ends and joins a worker and makes another after the fork, as pools of threads do; one holds a lock
// under which another worker allocates.

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

void fork_pool_begin(void);

static pthread_t worker;
static bool has_worker;
static atomic_bool stop;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void fail_unless(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void *allocate_until_stopped(void *argument)
{
    void *chunks[40];
    for (size_t index = 0; index < 40; index++) {
        chunks[index] = malloc(50 + index * 30);
    }
    for (size_t index = 0; index < 40; index++) {
        free(chunks[index]);
    }
    while (!atomic_load(&stop)) {
        free(malloc(1000000));
    }
    return argument;
}

static void *allocate_under_the_lock(void *argument)
{
    for (size_t step = 0;; step++) {
        pthread_mutex_lock(&lock);
        void *chunk = malloc(700000 + step % 64 * 5000);
        fail_unless(chunk != NULL);
        free(chunk);
        pthread_mutex_unlock(&lock);
    }
    return argument; // never
}

static void begin_worker(void)
{
    atomic_store(&stop, false);
    fail_unless(pthread_create(&worker, NULL, allocate_until_stopped, NULL) == 0);
    has_worker = true;
}

static void end_worker(void)
{
    if (has_worker) {
        atomic_store(&stop, true);
        fail_unless(pthread_join(worker, NULL) == 0);
    }
}

static void begin_worker_again(void)
{
    if (has_worker) {
        begin_worker();
    }
}

static void take_lock(void)
{
    pthread_mutex_lock(&lock);
}

static void let_lock_go(void)
{
    pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void ask(void)
{
    fail_unless(pthread_atfork(end_worker, begin_worker_again, NULL) == 0);
    fail_unless(pthread_atfork(take_lock, let_lock_go, let_lock_go) == 0);
}

void fork_pool_begin(void)
{
    pthread_t thread;
    begin_worker();
    fail_unless(pthread_create(&thread, NULL, allocate_under_the_lock, NULL) == 0);
    fail_unless(pthread_detach(thread) == 0);
}
