// SPDX-License-Identifier: MIT
// Threads with heaps of one ft_core arena and a mutex: what one allocates another frees.
#include "tests/core/ft_core_kit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { THREADS = 4, SLOTS = 256, ROUNDS = 60000 };

// Chunks that are passed on: whoever takes one out frees it.
struct exchange {
    struct ft_core *core;
    pthread_mutex_t mutex;
    struct ft_core_lock lock;
    _Atomic uintptr_t slots[SLOTS];
    atomic_uint failures; // cmocka's assertions are for its own thread
};

static void acquire(void *context)
{
    (void)pthread_mutex_lock(context);
}

static void release(void *context)
{
    (void)pthread_mutex_unlock(context);
}

struct worker {
    struct exchange *exchange;
    pthread_t thread;
    uint32_t seed;
};

static uint32_t random_of(struct worker *worker)
{
    worker->seed = worker->seed * 1664525 + 1013904223;
    return worker->seed >> 8;
}

// Mostly TINY, some SMALL and LARGE.
static size_t random_bytes(struct worker *worker)
{
    uint32_t kind = random_of(worker) % 64;
    size_t most = kind < 50 ? 200 : kind < 62 ? 3000 : 50000;
    return sizeof(size_t) + random_of(worker) % most;
}

// The first word of a chunk is its size, the last byte tells of it.
static void *new_chunk(struct worker *worker, struct ft_core_heap *heap)
{
    size_t bytes = random_bytes(worker);
    unsigned char *ptr = ft_core_alloc(heap, bytes);
    if (ptr != NULL) {
        memcpy(ptr, &bytes, sizeof(bytes));
        if (bytes > sizeof(bytes)) {
            ptr[bytes - 1] = (unsigned char)bytes;
        }
    }
    return ptr;
}

static bool free_chunk(struct ft_core_heap *heap, unsigned char *ptr, bool sized)
{
    size_t bytes;
    memcpy(&bytes, ptr, sizeof(bytes));
    bool whole = bytes == sizeof(bytes) || ptr[bytes - 1] == (unsigned char)bytes;
    enum ft_core_misuse misuse =
        sized ? ft_core_free_sized(heap, ptr, bytes) : ft_core_free(heap, ptr);
    return whole && misuse == FT_CORE_OK;
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct exchange *exchange = worker->exchange;
    struct ft_core_heap heap;
    if (!ft_core_open(&heap, exchange->core, &exchange->lock)) {
        exchange->failures++;
        return NULL;
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        void *ptr = new_chunk(worker, &heap);
        _Atomic uintptr_t *slot = &exchange->slots[random_of(worker) % SLOTS];
        uintptr_t other = atomic_exchange(slot, (uintptr_t)ptr);
        if (other != 0 && !free_chunk(&heap, (void *)other, round % 2 != 0)) {
            exchange->failures++;
        }
        if (round % 4096 == 4095) {
            ft_core_close(&heap); // what it holds stays
            exchange->failures += !ft_core_open(&heap, exchange->core, &exchange->lock);
        }
        if (round % 1000 == 999) {
            ft_core_trim(&heap);
        }
    }
    ft_core_close(&heap);
    return NULL;
}

static void threads_free_what_others_allocated(void **state)
{
    (void)state;
    struct region region = kit_dirty_region(24 << 20, 0);
    static struct exchange exchange;
    exchange.core = ft_core_create(region.base, region.bytes, NULL);
    assert_non_null(exchange.core);
    assert_int_equal(pthread_mutex_init(&exchange.mutex, NULL), 0);
    exchange.lock = (struct ft_core_lock){acquire, release, &exchange.mutex};
    struct worker workers[THREADS];
    for (unsigned each = 0; each < THREADS; each++) {
        workers[each] = (struct worker){.exchange = &exchange, .seed = each + 1};
        assert_int_equal(pthread_create(&workers[each].thread, NULL, work, &workers[each]), 0);
    }
    for (unsigned each = 0; each < THREADS; each++) {
        assert_int_equal(pthread_join(workers[each].thread, NULL), 0);
    }
    assert_int_equal(exchange.failures, 0);
    assert_int_equal(ft_core_figures(exchange.core).failure_count, 0);
    assert_true(ft_core_check(exchange.core));
    assert_in_range(ft_core_figures(exchange.core).heap_count, 1, THREADS);

    // What is left is what the slots hold, and it all goes back.
    struct ft_core_heap heap;
    assert_true(ft_core_open(&heap, exchange.core, NULL));
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        void *ptr = (void *)exchange.slots[slot];
        assert_true(ptr == NULL || free_chunk(&heap, ptr, false));
    }
    struct ft_core_walk walk = {.cursor = {0}};
    struct ft_core_item item;
    while (ft_core_next(&heap, &walk, &item)) {
        assert_true(item.is_zone);
    }
    ft_core_close(&heap);
    ft_core_revive(exchange.core);
    assert_int_equal(ft_core_figures(exchange.core).used_bytes, 0);
    assert_true(ft_core_check(exchange.core));
    region_delete(&region);
}

// Somebody looks on while others work.
static void *watch(void *argument)
{
    struct worker *worker = argument;
    struct exchange *exchange = worker->exchange;
    struct ft_core_heap heap;
    if (!ft_core_open(&heap, exchange->core, &exchange->lock)) {
        exchange->failures++;
        return NULL;
    }
    for (unsigned round = 0; round < 20; round++) {
        struct ft_core_walk walk = {.cursor = {0}};
        struct ft_core_item item;
        uintptr_t last = 0;
        while (ft_core_next(&heap, &walk, &item)) {
            exchange->failures += !item.is_zone && (uintptr_t)item.base <= last;
            last = item.is_zone ? last : (uintptr_t)item.base;
        }
        acquire(&exchange->mutex);
        struct ft_core_figures figures = ft_core_figures(exchange->core);
        exchange->failures += figures.metadata_bytes + figures.used_bytes + figures.free_bytes !=
                              figures.region_bytes;
        release(&exchange->mutex);
    }
    ft_core_close(&heap);
    return NULL;
}

static void one_thread_walks_while_others_work(void **state)
{
    (void)state;
    struct region region = kit_dirty_region(16 << 20, 0);
    static struct exchange exchange;
    exchange.core = ft_core_create(region.base, region.bytes, NULL);
    assert_non_null(exchange.core);
    assert_int_equal(pthread_mutex_init(&exchange.mutex, NULL), 0);
    exchange.lock = (struct ft_core_lock){acquire, release, &exchange.mutex};
    struct worker workers[3];
    for (unsigned each = 0; each < 3; each++) {
        workers[each] = (struct worker){.exchange = &exchange, .seed = each + 9};
        assert_int_equal(
            pthread_create(&workers[each].thread, NULL, each == 0 ? watch : work, &workers[each]),
            0);
    }
    for (unsigned each = 0; each < 3; each++) {
        assert_int_equal(pthread_join(workers[each].thread, NULL), 0);
    }
    assert_int_equal(exchange.failures, 0);
    assert_true(ft_core_check(exchange.core));
    region_delete(&region);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_free_what_others_allocated),
        cmocka_unit_test(one_thread_walks_while_others_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
