// SPDX-License-Identifier: MIT
// fork while threads are inside of heaps: the child finds each as it was between two calls, with no lock held.

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/ft_core.h"
#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/entry.h"

enum { THREAD_COUNT = 4, HEAP_COUNT = 3, FORK_COUNT = 300 / SHORTER, KEPT_COUNT = 100 };

static atomic_bool stop;
static struct ft_heap *heaps[HEAP_COUNT];
static void *kept[KEPT_COUNT];

static size_t kept_bytes(size_t index)
{
    return index * 37;
}

static void *allocate_until_stopped(void *argument)
{
    enum { COUNT = 64 };
    void *ptrs[COUNT] = {NULL};
    uint64_t seed = (uintptr_t)argument;
    for (size_t step = 0; !atomic_load(&stop); step++) {
        size_t index = random_below(&seed, COUNT);
        struct ft_heap *heap = heaps[index % HEAP_COUNT];
        ft_heap_free(heap, ptrs[index]);
        ptrs[index] = ft_heap_malloc(heap, random_size(&seed));
        if (step % 100 == 0) {
            ft_heap_destroy(ft_heap_create(NULL)); // the list changes as well
            (void)ft_heap_trim(heap);
        }
        if (step % 200 == 0) {
            usleep(200); // leaves the children some of the processor
        }
    }
    for (size_t index = 0; index < COUNT; index++) {
        ft_heap_free(heaps[index % HEAP_COUNT], ptrs[index]);
    }
    return NULL;
}

// The walk finds what the figures say: nothing was under way.
static bool is_whole(struct ft_heap *heap)
{
    struct ft_heap_figures figures = ft_heap_figures(heap);
    struct ft_core_walk walk = {.cursor = {0}};
    struct ft_core_item item;
    size_t bytes = 0;
    size_t count = 0;
    while (ft_heap_next(heap, &walk, &item)) {
        bytes += item.is_zone ? 0 : item.bytes;
        count += !item.is_zone;
    }
    return bytes == figures.used_bytes && count == figures.chunk_count;
}

// The exit status says which step went wrong.
static int live_as_a_child(void)
{
    alarm(30); // a lock that nobody lets go of ends the test
    for (size_t index = 0; index < KEPT_COUNT; index++) {
        if (!pattern_holds(kept[index], kept_bytes(index), index)) {
            return 1;
        }
        ft_heap_free(heaps[index % HEAP_COUNT], kept[index]);
    }
    for (int index = 0; index < HEAP_COUNT; index++) {
        if (!is_whole(heaps[index])) {
            return 2;
        }
        if (ft_heap_malloc(heaps[index], 100000) == NULL) {
            return 3;
        }
    }
    struct ft_heap *own = ft_heap_create(NULL);
    if (own == NULL || ft_heap_malloc(own, 3 << 20) == NULL) {
        return 4;
    }
    ft_heap_destroy(own);
    ft_heap_reset(heaps[0]);
    for (int index = 0; index < HEAP_COUNT; index++) {
        ft_heap_destroy(heaps[index]);
    }
    return 0;
}

static bool has_good_children(int count)
{
    for (int number = 0; number < count; number++) {
        pid_t pid = fork();
        if (pid == 0) {
            _exit(live_as_a_child());
        }
        int status = -1;
        if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
            fprintf(stderr, "child %d: wait status %x\n", number, (unsigned)status);
            return false;
        }
    }
    return true;
}

static void start(pthread_t threads[THREAD_COUNT])
{
    atomic_store(&stop, false);
    for (int index = 0; index < HEAP_COUNT; index++) {
        heaps[index] = ft_heap_create(NULL);
        assert_non_null(heaps[index]);
    }
    for (size_t index = 0; index < KEPT_COUNT; index++) {
        kept[index] = ft_heap_malloc(heaps[index % HEAP_COUNT], kept_bytes(index));
        assert_non_null(kept[index]);
        pattern_fill(kept[index], kept_bytes(index), index);
    }
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
    for (int index = 0; index < HEAP_COUNT; index++) {
        assert_true(is_whole(heaps[index]));
        ft_heap_destroy(heaps[index]);
    }
}

static void a_child_of_a_busy_program_has_every_heap_whole(void **state)
{
    (void)state;
    pthread_t threads[THREAD_COUNT];
    start(threads);
    assert_true(has_good_children(FORK_COUNT));
    finish(threads);
}

static void *fork_from_a_thread(void *argument)
{
    const int *count = argument;
    return has_good_children(*count) ? NULL : (void *)1;
}

static void threads_that_fork_at_once_have_good_children(void **state)
{
    (void)state;
    enum { FORKER_COUNT = 3 };
    int count = FORK_COUNT / 6;
    pthread_t threads[THREAD_COUNT];
    pthread_t forkers[FORKER_COUNT];
    start(threads);
    for (int index = 0; index < FORKER_COUNT; index++) {
        assert_int_equal(pthread_create(&forkers[index], NULL, fork_from_a_thread, &count), 0);
    }
    for (int index = 0; index < FORKER_COUNT; index++) {
        void *result = NULL;
        pthread_join(forkers[index], &result);
        assert_null(result);
    }
    finish(threads);
}

// A heap of one thread's is the child's when that thread forks.
static void the_only_thread_of_a_heap_may_fork(void **state)
{
    (void)state;
    struct ft_heap *heap = ft_heap_create(&(struct ft_heap_options){.is_single_threaded = true});
    void *ptr = ft_heap_malloc(heap, 100);
    pid_t pid = fork();
    if (pid == 0) {
        ft_heap_free(heap, ptr);
        ptr = ft_heap_malloc(heap, 1 << 20);
        bool is_good = ptr != NULL && is_whole(heap);
        ft_heap_destroy(heap);
        _exit(is_good ? 0 : 1);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(ft_heap_usable_size(heap, ptr), 100);
    ft_heap_destroy(heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_of_a_busy_program_has_every_heap_whole),
        cmocka_unit_test(threads_that_fork_at_once_have_good_children),
        cmocka_unit_test(the_only_thread_of_a_heap_may_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
