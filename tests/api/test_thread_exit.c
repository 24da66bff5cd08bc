// SPDX-License-Identifier: MIT
// The end of threads: destructors of pthread keys that allocate and free in any order and round,
// chunks that outlive their thread, and programs that leave no key to anybody.

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "tests/api/child.h"
#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/show.h"
#include "tests/api/entry.h"

enum { KEY_COUNT = 6, NODE_BYTES = 300 };

// TSan leaves a thread before the last round of destructors, in which the library would give up the heap
// of one that allocates in the round before; and it takes the lock that a forked child has anew for the
// parent's.
#ifdef __SANITIZE_THREAD__
enum { ROUND_COUNT = PTHREAD_DESTRUCTOR_ITERATIONS - 2, IS_TSAN = 1 };
#else
enum { ROUND_COUNT = PTHREAD_DESTRUCTOR_ITERATIONS, IS_TSAN = 0 };
#endif

static pthread_key_t keys[KEY_COUNT];
static atomic_int destroyed_count;
static atomic_int damaged_count;

struct node {
    size_t key_index;
    size_t rounds_left;
    unsigned char bytes[NODE_BYTES];
};

static struct node *make_node(size_t key_index, size_t rounds_left)
{
    struct node *node = malloc(sizeof *node);
    node->key_index = key_index;
    node->rounds_left = rounds_left;
    pattern_fill(node->bytes, NODE_BYTES, key_index);
    return node;
}

// Frees what it was given, allocates in between, and comes back in the next round with a new node.
static void destroy_node(void *argument)
{
    struct node *node = argument;
    if (!pattern_holds(node->bytes, NODE_BYTES, node->key_index)) {
        atomic_fetch_add(&damaged_count, 1);
    }
    void *small = malloc(40);
    void *large = calloc(1, 100000);
    if (node->rounds_left > 0) {
        pthread_setspecific(keys[node->key_index],
                            make_node(node->key_index, node->rounds_left - 1));
    }
    free(large);
    free(node);
    small = realloc(small, 5000);
    free(small);
    atomic_fetch_add(&destroyed_count, 1);
}

// Every other thread has a heap before it ends; the rest, with few calls, first get one from a destructor,
// and TSan has left them when they give it up.
static void *use_all_keys(void *argument)
{
    enum { CALLS_FOR_HEAP = 20 };
    bool wants_heap = IS_TSAN || (uintptr_t)argument % 2 == 0;
    for (int call = 0; wants_heap && call < CALLS_FOR_HEAP; call++) {
        free(malloc(NODE_BYTES));
    }
    for (size_t index = 0; index < KEY_COUNT; index++) {
        pthread_setspecific(keys[index], make_node(index, ROUND_COUNT - 1));
    }
    return NULL;
}

static void key_destructors_allocate_and_free_in_every_round(void **state)
{
    (void)state;
    enum { BATCH = 8, ROUNDS = 50 / SHORTER };
    // Keys from before and from after the first allocation of this test.
    for (size_t index = 0; index < KEY_COUNT; index++) {
        assert_int_equal(pthread_key_create(&keys[index], destroy_node), 0);
    }
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t threads[BATCH];
        for (int index = 0; index < BATCH; index++) {
            assert_int_equal(
                pthread_create(&threads[index], NULL, use_all_keys, (void *)(uintptr_t)index), 0);
        }
        for (int index = 0; index < BATCH; index++) {
            pthread_join(threads[index], NULL);
        }
    }
    for (size_t index = 0; index < KEY_COUNT; index++) {
        pthread_key_delete(keys[index]);
    }
    assert_int_equal(atomic_load(&damaged_count), 0);
    assert_int_equal(atomic_load(&destroyed_count), KEY_COUNT * ROUND_COUNT * BATCH * ROUNDS);
}

enum { LEFT_COUNT = 500 };

static void *left_ptrs[LEFT_COUNT];
static size_t left_sizes[LEFT_COUNT];

static void *leave_chunks_behind(void *argument)
{
    uint64_t seed = (uintptr_t)argument;
    for (size_t index = 0; index < LEFT_COUNT; index++) {
        left_sizes[index] = random_size(&seed) / 8;
        left_ptrs[index] = malloc(left_sizes[index]);
        pattern_fill(left_ptrs[index], left_sizes[index], index);
    }
    return NULL;
}

static void *free_what_was_left(void *argument)
{
    (void)argument;
    for (size_t index = 0; index < LEFT_COUNT; index++) {
        if (!pattern_holds(left_ptrs[index], left_sizes[index], index)) {
            atomic_fetch_add(&damaged_count, 1);
        }
        free(left_ptrs[index]);
    }
    return NULL;
}

static void run_thread(void *(*function)(void *), void *argument)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, function, argument), 0);
    pthread_join(thread, NULL);
}

static void chunks_outlive_the_thread_that_made_them(void **state)
{
    (void)state;
    for (uintptr_t round = 1; round <= 20; round++) {
        run_thread(leave_chunks_behind, (void *)round);
        struct show_report report;
        if (!show_take(&report, show_alloc_mem)) {
            fail_msg("%s", report.problem);
        }
        for (size_t index = 0; index < LEFT_COUNT; index++) {
            const struct show_line *line = show_find(&report, left_ptrs[index]);
            assert_non_null(line);
            assert_int_equal(line->bytes, left_sizes[index]);
        }
        show_drop(&report);
        if (round % 2 == 0) {
            free_what_was_left(NULL);
        } else {
            run_thread(free_what_was_left, NULL);
        }
        assert_int_equal(atomic_load(&damaged_count), 0);
    }
}

static void *churn(void *argument)
{
    void *ptrs[300];
    uint64_t seed = (uintptr_t)argument;
    for (int index = 0; index < 300; index++) {
        size_t bytes = random_size(&seed) / 4;
        ptrs[index] = malloc(bytes);
        memset(ptrs[index], 1, bytes);
    }
    for (int index = 0; index < 300; index++) {
        free(ptrs[index]);
    }
    return NULL;
}

static size_t resident_bytes(void)
{
    unsigned long size = 0;
    unsigned long resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu %lu", &size, &resident), 2);
    fclose(file);
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void threads_that_come_and_go_leave_no_memory_behind(void **state)
{
    (void)state;
    if (SHORTER > 1) {
        skip();
    }
    for (uintptr_t index = 1; index <= 200; index++) {
        run_thread(churn, (void *)index);
    }
    size_t before = resident_bytes();
    for (uintptr_t index = 1; index <= 1000; index++) {
        run_thread(churn, (void *)index);
    }
    assert_in_range(resident_bytes(), 0, before + (8 << 20));
}

static int take_all_keys_and_run_threads(void *argument)
{
    (void)argument;
    pthread_key_t key;
    int taken_count = 0;
    while (pthread_key_create(&key, NULL) == 0) {
        taken_count++;
    }
    for (uintptr_t round = 1; round <= 20; round++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, churn, (void *)round) != 0) {
            return 2;
        }
        pthread_join(thread, NULL);
    }
    return taken_count > 0 ? 0 : 3;
}

static void threads_work_where_no_key_is_left(void **state)
{
    (void)state;
    if (IS_TSAN) {
        skip();
    }
    static struct child child;
    child_call(&child, take_all_keys_and_run_threads, NULL);
    assert_string_equal(child.err, "");
    assert_true(child_exited_with(&child, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_work_where_no_key_is_left),
        cmocka_unit_test(key_destructors_allocate_and_free_in_every_round),
        cmocka_unit_test(chunks_outlive_the_thread_that_made_them),
        cmocka_unit_test(threads_that_come_and_go_leave_no_memory_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
