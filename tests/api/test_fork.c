// SPDX-License-Identifier: MIT
// fork in a program whose threads allocate all the time: the child, whose other threads may have
// been anywhere, allocates, frees what the parent allocated, reports, and ends well.

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/show.h"
#include "tests/api/entry.h"

enum { THREAD_COUNT = 8, FORK_COUNT = 200 / SHORTER, KEPT_COUNT = 300, CHILD_SECONDS = 30 };

static atomic_bool stop;
static void *kept_ptrs[KEPT_COUNT];
static size_t kept_sizes[KEPT_COUNT];

static void *allocate_until_stopped(void *argument)
{
    void *ptrs[64] = {NULL};
    uint64_t seed = (uintptr_t)argument;
    for (size_t step = 0; !atomic_load(&stop); step++) {
        size_t index = random_below(&seed, 64);
        free(ptrs[index]);
        ptrs[index] = malloc(random_size(&seed));
        if (step % 200 == 0) {
            usleep(200); // leaves the children some of the processor
        }
    }
    for (size_t index = 0; index < 64; index++) {
        free(ptrs[index]);
    }
    return NULL;
}

static bool allocate_a_thousand(uint64_t seed)
{
    static void *ptrs[1000];
    static size_t sizes[1000];
    bool whole = true;
    for (size_t index = 0; index < 1000; index++) {
        sizes[index] = random_size(&seed) / 4;
        ptrs[index] = malloc(sizes[index]);
        whole = whole && ptrs[index] != NULL;
        pattern_fill(ptrs[index], sizes[index], index);
    }
    for (size_t index = 0; index < 1000; index++) {
        whole = whole && pattern_holds(ptrs[index], sizes[index], index);
        free(ptrs[index]);
    }
    return whole;
}

static void *allocate_in_a_thread(void *argument)
{
    (void)argument;
    return allocate_a_thousand(77) ? NULL : (void *)1;
}

// The exit status says which step went wrong. A sanitizer's own locks are not safe in a forked child:
// there it starts no thread, and ends without handlers.
static int live_as_a_child(int number)
{
    alarm(CHILD_SECONDS);
    if (!allocate_a_thousand((uint64_t)number)) {
        return 1;
    }
    for (size_t index = 0; index < KEPT_COUNT; index++) {
        if (!pattern_holds(kept_ptrs[index], kept_sizes[index], index)) {
            return 2;
        }
    }
    if (number % 8 == 0 && !show_has(show_alloc_mem, kept_ptrs[0], kept_sizes[0])) {
        return 3;
    }
    for (size_t index = 0; index < KEPT_COUNT; index++) {
        free(kept_ptrs[index]);
    }
    if (SHORTER == 1 && number % 4 == 0) {
        pthread_t thread;
        void *result = NULL;
        if (pthread_create(&thread, NULL, allocate_in_a_thread, NULL) != 0) {
            return 4;
        }
        pthread_join(thread, &result);
        if (result != NULL) {
            return 5;
        }
    }
    return allocate_a_thousand((uint64_t)number + 1) ? 0 : 6;
}

static void make_kept_chunks(void)
{
    uint64_t seed = 5;
    for (size_t index = 0; index < KEPT_COUNT; index++) {
        kept_sizes[index] = random_size(&seed) / 4;
        kept_ptrs[index] = malloc(kept_sizes[index]);
        assert_non_null(kept_ptrs[index]);
        pattern_fill(kept_ptrs[index], kept_sizes[index], index);
    }
}

static void free_kept_chunks(void)
{
    for (size_t index = 0; index < KEPT_COUNT; index++) {
        assert_true(pattern_holds(kept_ptrs[index], kept_sizes[index], index));
        free(kept_ptrs[index]);
    }
}

static void fork_children(int count)
{
    fflush(NULL);
    for (int number = 0; number < count; number++) {
        pid_t pid = fork();
        if (pid == 0) {
            int step = live_as_a_child(number);
            // A normal exit as well, with its handlers and destructors.
            if (SHORTER == 1 && number % 2 == 0 && step == 0) {
                exit(0);
            }
            _exit(step);
        }
        assert_true(pid > 0);
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

static void start(pthread_t threads[THREAD_COUNT])
{
    atomic_store(&stop, false);
    for (uintptr_t index = 0; index < THREAD_COUNT; index++) {
        assert_int_equal(
            pthread_create(&threads[index], NULL, allocate_until_stopped, (void *)(index + 1)), 0);
    }
}

static void finish(pthread_t threads[THREAD_COUNT])
{
    atomic_store(&stop, true);
    for (int index = 0; index < THREAD_COUNT; index++) {
        pthread_join(threads[index], NULL);
    }
}

static void children_of_a_busy_program_allocate_and_end_well(void **state)
{
    (void)state;
    pthread_t threads[THREAD_COUNT];
    make_kept_chunks();
    start(threads);
    fork_children(FORK_COUNT);
    finish(threads);
    free_kept_chunks();
}

static void *fork_from_a_thread(void *argument)
{
    (void)argument;
    for (int number = 0; number < 40; number++) {
        pid_t pid = fork();
        if (pid == 0) {
            alarm(CHILD_SECONDS);
            _exit(allocate_a_thousand(3) ? 0 : 1);
        }
        int status = 1;
        if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
            return (void *)1;
        }
    }
    return NULL;
}

static void threads_that_fork_at_once_have_children_that_end_well(void **state)
{
    (void)state;
    enum { FORKER_COUNT = 3 };
    pthread_t threads[THREAD_COUNT];
    pthread_t forkers[FORKER_COUNT];
    start(threads);
    for (int index = 0; index < FORKER_COUNT; index++) {
        assert_int_equal(pthread_create(&forkers[index], NULL, fork_from_a_thread, NULL), 0);
    }
    for (int index = 0; index < FORKER_COUNT; index++) {
        void *result = NULL;
        pthread_join(forkers[index], &result);
        assert_null(result);
    }
    finish(threads);
}

static void a_grandchild_allocates(void **state)
{
    (void)state;
    make_kept_chunks();
    pid_t pid = fork();
    if (pid == 0) {
        alarm(CHILD_SECONDS);
        pid_t grandchild = fork();
        if (grandchild == 0) {
            _exit(live_as_a_child(0));
        }
        int status = 1;
        waitpid(grandchild, &status, 0);
        _exit(status == 0 ? live_as_a_child(4) : 20);
    }
    int status = 1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    free_kept_chunks();
}

// Chunks of small sizes, all held at once; whether each keeps what was written to it.
static void *hold_small_chunks(void *argument)
{
    enum { COUNT = 300, ROUNDS = 20 };
    unsigned char *ptrs[COUNT];
    uint64_t seed = (uintptr_t)argument;
    bool whole = true;
    for (size_t round = 0; round < ROUNDS; round++) {
        for (size_t index = 0; index < COUNT; index++) {
            size_t bytes = 100 + (index + seed) % 900;
            ptrs[index] = malloc(bytes);
            pattern_fill(ptrs[index], 100, index * seed);
        }
        for (size_t index = 0; index < COUNT; index++) {
            whole = whole && pattern_holds(ptrs[index], 100, index * seed);
            free(ptrs[index]);
        }
    }
    return whole ? NULL : (void *)1;
}

// Its other threads allocate before it has wanted anything that the lock guards.
static int start_threads_first(void)
{
    enum { COUNT = 3 };
    pthread_t threads[COUNT];
    bool whole = true;
    alarm(CHILD_SECONDS);
    for (uintptr_t index = 0; index < COUNT; index++) {
        pthread_create(&threads[index], NULL, hold_small_chunks, (void *)(index + 2));
    }
    whole = hold_small_chunks((void *)1) == NULL;
    for (size_t index = 0; index < COUNT; index++) {
        void *failed;
        pthread_join(threads[index], &failed);
        whole = whole && failed == NULL;
    }
    return whole ? 0 : 1;
}

static void a_child_may_start_threads_before_it_allocates(void **state)
{
    (void)state;
    if (SHORTER > 1) {
        skip(); // a sanitizer's own locks are not safe there
    }
    pthread_t threads[THREAD_COUNT];
    atomic_store(&stop, false);
    for (uintptr_t index = 0; index < THREAD_COUNT; index++) {
        pthread_create(&threads[index], NULL, allocate_until_stopped, (void *)(index + 1));
    }
    assert_null(hold_small_chunks((void *)1)); // chunks at hand
    int failed = 0;
    for (size_t number = 0; number < 100; number++) {
        pid_t pid = fork();
        if (pid == 0) {
            _exit(start_threads_first());
        }
        int status = 1;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        failed += status != 0;
    }
    atomic_store(&stop, true);
    for (size_t index = 0; index < THREAD_COUNT; index++) {
        pthread_join(threads[index], NULL);
    }
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(children_of_a_busy_program_allocate_and_end_well),
        cmocka_unit_test(threads_that_fork_at_once_have_children_that_end_well),
        cmocka_unit_test(a_grandchild_allocates),
        cmocka_unit_test(a_child_may_start_threads_before_it_allocates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
