// SPDX-License-Identifier: MIT
// What a small program with threads does to its allocator: tools/build/common watches which functions that runs. Threads
// come in pairs. Of some, one allocates chunks, frees some, and leaves the others to the thread that comes next; others free
// what their partner has allocated. When all have ended, the program grows alone.
#include <pthread.h>
#include <stdlib.h>

enum {
    PAIR_COUNT = 4,
    CHUNK_COUNT = 3000,
    BYTES_MAX = 1000,
    EXCHANGE_COUNT = 5,
    ALONE_COUNT = 20000
};

static void *chunks[2 * CHUNK_COUNT];
static pthread_barrier_t both;

static void *replace_all(void *nothing)
{
    for (int round = 0; round < 2; round++) {
        for (size_t index = 0; index < CHUNK_COUNT; index++) {
            free(chunks[index]);
            chunks[index] = malloc(1 + index * 7919 % BYTES_MAX);
        }
    }
    return nothing;
}

static void *grow_and_shrink(void *nothing)
{
    for (int round = 0; round < 3; round++) {
        void *own[CHUNK_COUNT];
        for (size_t index = 0; index < CHUNK_COUNT; index++) {
            own[index] = calloc(1, BYTES_MAX);
        }
        for (size_t index = 0; index < CHUNK_COUNT; index++) {
            free(own[index]);
        }
    }
    return nothing;
}

static void *exchange(void *first)
{
    size_t own = first != NULL ? 0 : CHUNK_COUNT;
    for (int round = 0; round < EXCHANGE_COUNT; round++) {
        for (size_t index = 0; index < CHUNK_COUNT; index++) {
            chunks[own + index] = malloc(1 + index * 7919 % BYTES_MAX);
        }
        pthread_barrier_wait(&both);
        for (size_t index = 0; index < CHUNK_COUNT; index++) {
            free(chunks[CHUNK_COUNT - own + index]);
            chunks[CHUNK_COUNT - own + index] = NULL;
        }
        pthread_barrier_wait(&both);
    }
    return NULL;
}

static void grow_alone(size_t bytes)
{
    void **last = NULL;
    for (size_t index = 0; index < ALONE_COUNT; index++) {
        void **next = malloc(bytes);
        if (next != NULL) {
            *next = last;
            last = next;
        }
    }
    while (last != NULL) {
        void **next = *last;
        free(last);
        last = next;
    }
}

static int run_pair(void *(*const works[2])(void *))
{
    pthread_t threads[2];
    for (int index = 0; index < 2; index++) {
        if (pthread_create(&threads[index], NULL, works[index], index == 0 ? chunks : NULL) != 0) {
            return 1;
        }
    }
    for (int index = 0; index < 2; index++) {
        pthread_join(threads[index], NULL);
    }
    return 0;
}

int main(void)
{
    int failures = pthread_barrier_init(&both, NULL, 2);
    for (int round = 0; round < PAIR_COUNT; round++) {
        failures += run_pair((void *(*const[2])(void *)){replace_all, grow_and_shrink});
    }
    for (size_t index = 0; index < CHUNK_COUNT; index++) {
        free(chunks[index]);
        chunks[index] = NULL;
    }
    failures += run_pair((void *(*const[2])(void *)){exchange, exchange});
    for (size_t bytes = sizeof(void *); bytes <= BYTES_MAX; bytes *= 5) {
        grow_alone(bytes);
        grow_alone(bytes);
    }
    return failures != 0;
}
