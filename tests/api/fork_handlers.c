// SPDX-License-Identifier: MIT
// A library whose constructor, which runs before ours, asks for fork handlers that allocate: they are
// called while the thread that forks has the allocator's lock.

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

int fork_handlers_called(void);

enum { CHUNKS = 64 };

static int called;

static void allocate(void)
{
    void *chunks[CHUNKS];
    for (size_t index = 0; index < CHUNKS; index++) {
        chunks[index] = malloc(50000 + index * 1000);
        if (chunks[index] == NULL) {
            abort();
        }
        memset(chunks[index], 1, 100);
    }
    for (size_t index = 0; index < CHUNKS; index++) {
        free(chunks[index]);
    }
    called++;
}

__attribute__((constructor)) static void ask(void)
{
    pthread_atfork(allocate, allocate, allocate);
}

int fork_handlers_called(void)
{
    return called;
}
