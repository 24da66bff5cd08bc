// SPDX-License-Identifier: MIT
// Many threads at once: each with chunks of its own, and chunks handed on to be freed elsewhere.

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/entry.h"

enum { THREAD_COUNT = 8, STEP_COUNT = 60000 / SHORTER, OWN_COUNT = 200, MAILBOX_COUNT = 256 };

// The first bytes of every chunk tell what the rest must be, whoever holds it.
struct note {
    size_t bytes;
    uint64_t seed;
};

static _Atomic(struct note *) mailboxes[MAILBOX_COUNT];
static atomic_int damaged_count;

static struct note *make_note(uint64_t *seed)
{
    size_t bytes = sizeof(struct note) + random_size(seed) / 8;
    struct note *note = random_below(seed, 4) == 0 ? calloc(1, bytes) : malloc(bytes);
    if (note != NULL) {
        *note = (struct note){.bytes = bytes, .seed = random_next(seed)};
        pattern_fill(note + 1, bytes - sizeof *note, note->seed);
    }
    return note;
}

static struct note *resize_note(struct note *note, uint64_t *seed)
{
    size_t bytes = sizeof *note + random_size(seed) / 8;
    size_t kept = (bytes < note->bytes ? bytes : note->bytes) - sizeof *note;
    struct note *resized = realloc(note, bytes);
    if (resized == NULL || !pattern_holds(resized + 1, kept, resized->seed)) {
        atomic_fetch_add(&damaged_count, 1);
        return resized;
    }
    resized->bytes = bytes;
    pattern_fill(resized + 1, bytes - sizeof *resized, resized->seed);
    return resized;
}

static void drop_note(struct note *note)
{
    if (note != NULL && !pattern_holds(note + 1, note->bytes - sizeof *note, note->seed)) {
        atomic_fetch_add(&damaged_count, 1);
    }
    free(note);
}

static void *allocate_and_hand_on(void *argument)
{
    struct note *own[OWN_COUNT] = {NULL};
    uint64_t seed = (uintptr_t)argument;
    for (int step = 0; step < STEP_COUNT; step++) {
        size_t index = random_below(&seed, OWN_COUNT);
        switch (random_below(&seed, 4)) {
        case 0:
            if (own[index] != NULL) {
                own[index] = resize_note(own[index], &seed);
                break;
            }
            own[index] = make_note(&seed);
            break;
        case 1:
            drop_note(own[index]);
            own[index] = make_note(&seed);
            break;
        default:
            // What was in the mailbox comes from any thread and is freed here.
            drop_note(atomic_exchange(&mailboxes[random_below(&seed, MAILBOX_COUNT)], own[index]));
            own[index] = NULL;
            break;
        }
    }
    for (size_t index = 0; index < OWN_COUNT; index++) {
        drop_note(own[index]);
    }
    return NULL;
}

static void eight_threads_allocate_and_free_each_others_chunks(void **state)
{
    (void)state;
    pthread_t threads[THREAD_COUNT];
    for (uintptr_t index = 0; index < THREAD_COUNT; index++) {
        assert_int_equal(
            pthread_create(&threads[index], NULL, allocate_and_hand_on, (void *)(index + 1)), 0);
    }
    for (int index = 0; index < THREAD_COUNT; index++) {
        pthread_join(threads[index], NULL);
    }
    for (int index = 0; index < MAILBOX_COUNT; index++) {
        drop_note(atomic_exchange(&mailboxes[index], NULL));
    }
    assert_int_equal(atomic_load(&damaged_count), 0);
}

enum { RING_COUNT = 1024, BATCH_COUNT = 100000 / SHORTER };

static struct note *_Atomic ring[RING_COUNT];

static void *produce(void *argument)
{
    (void)argument;
    uint64_t seed = 99;
    for (size_t index = 0; index < BATCH_COUNT; index++) {
        struct note *note = make_note(&seed);
        while (atomic_load_explicit(&ring[index % RING_COUNT], memory_order_acquire) != NULL) {
            sched_yield();
        }
        atomic_store_explicit(&ring[index % RING_COUNT], note, memory_order_release);
    }
    return NULL;
}

static void one_thread_allocates_and_another_frees(void **state)
{
    (void)state;
    pthread_t producer;
    assert_int_equal(pthread_create(&producer, NULL, produce, NULL), 0);
    for (size_t index = 0; index < BATCH_COUNT; index++) {
        struct note *note;
        while ((note = atomic_load_explicit(&ring[index % RING_COUNT], memory_order_acquire)) ==
               NULL) {
            sched_yield();
        }
        atomic_store_explicit(&ring[index % RING_COUNT], NULL, memory_order_release);
        drop_note(note);
    }
    pthread_join(producer, NULL);
    assert_int_equal(atomic_load(&damaged_count), 0);
}

static void *start_with_a_first_call(void *argument)
{
    pthread_barrier_wait(argument);
    for (size_t bytes = 1; bytes <= 100000; bytes *= 3) {
        void *ptr = malloc(bytes);
        pattern_fill(ptr, bytes, bytes);
        if (ptr == NULL || !pattern_holds(ptr, bytes, bytes)) {
            atomic_fetch_add(&damaged_count, 1);
        }
        free(ptr);
    }
    return NULL;
}

static void threads_that_make_their_first_call_at_once_all_get_memory(void **state)
{
    (void)state;
    enum { COUNT = 32 };
    pthread_barrier_t barrier;
    pthread_t threads[COUNT];
    for (int round = 0; round < 20 / SHORTER + 1; round++) {
        pthread_barrier_init(&barrier, NULL, COUNT);
        for (int index = 0; index < COUNT; index++) {
            pthread_create(&threads[index], NULL, start_with_a_first_call, &barrier);
        }
        for (int index = 0; index < COUNT; index++) {
            pthread_join(threads[index], NULL);
        }
        pthread_barrier_destroy(&barrier);
    }
    assert_int_equal(atomic_load(&damaged_count), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eight_threads_allocate_and_free_each_others_chunks),
        cmocka_unit_test(one_thread_allocates_and_another_frees),
        cmocka_unit_test(threads_that_make_their_first_call_at_once_all_get_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
