// SPDX-License-Identifier: MIT
// What a small program with threads does to its allocator: tools/build/common watches which functions that runs. Each
// thread allocates chunks, frees some, and leaves the others to the thread that comes next.
#include <pthread.h>
#include <stdlib.h>

enum { THREAD_COUNT = 4, CHUNK_COUNT = 3000, BYTES_MAX = 1000 };

static void *chunks[CHUNK_COUNT];

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

int main(void)
{
    void *(*const works[])(void *) = {replace_all, grow_and_shrink};
    for (int round = 0; round < THREAD_COUNT; round++) {
        pthread_t threads[2];
        for (int index = 0; index < 2; index++) {
            if (pthread_create(&threads[index], NULL, works[index], NULL) != 0) {
                return 1;
            }
        }
        for (int index = 0; index < 2; index++) {
            pthread_join(threads[index], NULL);
        }
    }
    return 0;
}
