// SPDX-License-Identifier: MIT
// The lock, the thread's slot, and the handlers of fork.

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/platform/platform_test.h"

enum { THREAD_COUNT = 4 };

static void start_all(pthread_t threads[THREAD_COUNT], void *(*function)(void *))
{
    for (uintptr_t index = 0; index < THREAD_COUNT; index++) {
        int error = pthread_create(&threads[index], NULL, function, (void *)index);
        assert_int_equal(error, 0);
    }
}

static void join_all(pthread_t threads[THREAD_COUNT])
{
    for (size_t index = 0; index < THREAD_COUNT; index++) {
        assert_int_equal(pthread_join(threads[index], NULL), 0);
    }
}

// ---- the lock -------------------------------------------------------------------------------------

enum { COUNT_MAX = 100000, HOLD_EVERY = 20000, HOLD_MICROSECONDS = 1000 };

static struct platform_lock lock = PLATFORM_LOCK_INITIAL;
static volatile size_t counted;
static atomic_int inside_count;
static atomic_int intruder_count;

static void *count_under_the_lock(void *argument)
{
    (void)argument;
    for (size_t step = 1; step <= COUNT_MAX; step++) {
        platform_lock(&lock);
        if (atomic_fetch_add_explicit(&inside_count, 1, memory_order_relaxed) != 0) {
            atomic_fetch_add(&intruder_count, 1);
        }
        counted = counted + 1;
        if (step % HOLD_EVERY == 0) {
            usleep(HOLD_MICROSECONDS); // so long that the others stop spinning and sleep
        }
        atomic_fetch_sub_explicit(&inside_count, 1, memory_order_relaxed);
        platform_unlock(&lock);
    }
    return NULL;
}

static void one_thread_at_a_time_has_the_lock(void **state)
{
    (void)state;
    pthread_t threads[THREAD_COUNT];
    counted = 0;
    start_all(threads, count_under_the_lock);
    join_all(threads);
    assert_int_equal(atomic_load(&intruder_count), 0);
    assert_int_equal(counted, THREAD_COUNT * COUNT_MAX);
}

static int lock_anew(void *argument)
{
    (void)argument;
    alarm(10);
    if (pthread_mutex_trylock(&lock.mutex) != EBUSY) {
        return 1;
    }
    platform_lock_reset(&lock);
    platform_lock(&lock); // for good, and SIGALRM ends it, if the reset did nothing
    if (pthread_mutex_trylock(&lock.mutex) != EBUSY) {
        return 2;
    }
    platform_unlock(&lock);
    return 0;
}

static void *have_a_child_lock_anew(void *argument)
{
    struct child *child = argument;
    child_call(child, lock_anew, NULL);
    return NULL;
}

static void a_lock_that_was_held_is_free_after_its_reset_in_a_forked_child(void **state)
{
    (void)state;
    if (IS_TSAN) {
        skip(); // which takes the child's lock for the parent's
    }
    platform_lock(&lock);
    static struct child child;
    // From the thread that has it, and from another one.
    have_a_child_lock_anew(&child);
    assert_true(child_exited_with(&child, 0));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, have_a_child_lock_anew, &child), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(child_exited_with(&child, 0));
    // The parent still has it.
    assert_int_equal(pthread_mutex_trylock(&lock.mutex), EBUSY);
    platform_unlock(&lock);
}

// ---- the slot -------------------------------------------------------------------------------------

static pthread_barrier_t barrier;
static char values[THREAD_COUNT];
static atomic_int wrong_slot_count;

static void expect_slot(const void *value)
{
    if (platform_slot() != value) {
        atomic_fetch_add(&wrong_slot_count, 1);
    }
}

static void *use_the_slot(void *argument)
{
    char *value = &values[(uintptr_t)argument];
    expect_slot(&platform_slot_initial);
    pthread_barrier_wait(&barrier);
    platform_slot_set(value);
    expect_slot(value);
    pthread_barrier_wait(&barrier); // now all of them are set
    expect_slot(value);
    platform_slot_set(NULL);
    expect_slot(NULL);
    return NULL;
}

static void each_thread_has_a_slot_of_its_own_that_begins_as_the_initial_value(void **state)
{
    (void)state;
    static char ours;
    assert_ptr_equal(platform_slot(), &platform_slot_initial);
    platform_slot_set(&ours);
    assert_int_equal(pthread_barrier_init(&barrier, NULL, THREAD_COUNT), 0);
    for (int round = 0; round < 3; round++) { // later threads get the stacks of earlier ones
        pthread_t threads[THREAD_COUNT];
        start_all(threads, use_the_slot);
        join_all(threads);
    }
    pthread_barrier_destroy(&barrier);
    assert_int_equal(atomic_load(&wrong_slot_count), 0);
    assert_ptr_equal(platform_slot(), &ours);
    platform_slot_set((void *)(uintptr_t)&platform_slot_initial);
}

// ---- fork -----------------------------------------------------------------------------------------

static char events[16];
static size_t event_count;
static pid_t before_pid;
static pid_t after_pid;

static void note(char event)
{
    if (event_count < sizeof events - 1) {
        events[event_count++] = event;
    }
}

static void before_fork(void)
{
    note('b');
    before_pid = getpid();
}

static void after_fork_in_parent(void)
{
    note('p');
    after_pid = getpid();
}

static void after_fork_in_child(void)
{
    note('c');
    after_pid = getpid();
}

static bool has_happened(const char *expected)
{
    return strcmp(events, expected) == 0;
}

static int fork_twice(void *argument)
{
    (void)argument;
    pid_t first = getpid();
    platform_at_fork(before_fork, after_fork_in_parent, after_fork_in_child);
    if (!has_happened("")) {
        return 1;
    }
    for (int round = 0; round < 2; round++) {
        note('f');
        pid_t pid = fork();
        note('.');
        if (pid == 0) {
            const char *expected = round == 0 ? "fbc." : "fbp.fbc.";
            _exit(has_happened(expected) && before_pid == first && after_pid == getpid() ? 0 : 1);
        }
        int status = -1;
        if (waitpid(pid, &status, 0) != pid || status != 0) {
            return 2;
        }
        if (!has_happened(round == 0 ? "fbp." : "fbp.fbp.") || before_pid != first ||
            after_pid != first) {
            return 3;
        }
    }
    return 0;
}

static void handlers_are_called_before_every_fork_and_after_it_in_parent_and_child(void **state)
{
    (void)state;
    expect_in_child(fork_twice, NULL); // where they do not stay for the other tests
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_thread_has_a_slot_of_its_own_that_begins_as_the_initial_value),
        cmocka_unit_test(one_thread_at_a_time_has_the_lock),
        cmocka_unit_test(a_lock_that_was_held_is_free_after_its_reset_in_a_forked_child),
        cmocka_unit_test(handlers_are_called_before_every_fork_and_after_it_in_parent_and_child),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
