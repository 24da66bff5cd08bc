// SPDX-License-Identifier: MIT
// Forks in a program with a library whose fork handlers allocate.

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/api/cmocka_api.h"
#include "tests/api/entry.h"

int fork_handlers_called(void);

enum {
    IDLE_COUNT = 15, // every 16th thread writes its trace where the first one does
    ROUND_COUNT = 2,
    STEPS_EACH_FORK = 3000, // at most: where forks are slow, a trace does not grow meanwhile
};

static sem_t has_called;
static atomic_bool stop;
static atomic_size_t fork_count;

static void *call_once(void *argument)
{
    free(malloc(10));
    sem_post(&has_called);
    while (!atomic_load(&stop)) {
        usleep(1000);
    }
    return argument;
}

static void *call_until_stopped(void *argument)
{
    void *chunks[50] = {NULL};
    for (size_t step = 0; !atomic_load(&stop); step++) {
        while (step / STEPS_EACH_FORK > atomic_load(&fork_count) && !atomic_load(&stop)) {
            sched_yield();
        }
        free(chunks[step % 50]);
        chunks[step % 50] = malloc(20 + step % 50 * 40);
        if (step == 0) {
            sem_post(&has_called);
        }
    }
    for (size_t index = 0; index < 50; index++) {
        free(chunks[index]);
    }
    return argument;
}

static void fork_children(int count)
{
    for (int round = 0; round < count; round++) {
        int before = fork_handlers_called();
        pid_t child = fork();
        atomic_fetch_add(&fork_count, 1);
        assert_true(child >= 0);
        if (child == 0) {
            void *ptr = malloc(100000);
            free(ptr);
            _exit(ptr != NULL && fork_handlers_called() == before + 2 ? 0 : 1);
        }
        int status = -1;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        assert_int_equal(fork_handlers_called(), before + 2);
    }
}

static void a_fork_lets_the_handlers_of_other_libraries_allocate(void **state)
{
    (void)state;
    alarm(60); // a deadlock ends the test
    fork_children(20);
}

static void so_it_does_beside_threads_that_allocate(void **state)
{
    (void)state;
    pthread_t threads[ROUND_COUNT * (IDLE_COUNT + 1)];
    size_t count = 0;
    alarm(60);
    sem_init(&has_called, 0, 0);
    for (; count < sizeof threads / sizeof *threads; count++) {
        bool is_idle = count % (IDLE_COUNT + 1) != IDLE_COUNT;
        assert_int_equal(
            pthread_create(&threads[count], NULL, is_idle ? call_once : call_until_stopped, NULL),
            0);
        sem_wait(&has_called);
    }
    fork_children(60);
    atomic_store(&stop, true);
    while (count > 0) {
        pthread_join(threads[--count], NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fork_lets_the_handlers_of_other_libraries_allocate),
        cmocka_unit_test(so_it_does_beside_threads_that_allocate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
