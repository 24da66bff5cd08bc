// SPDX-License-Identifier: MIT
// A library whose constructor, which runs before ours, asks for fork handlers that allocate. It asks libc itself, past the
// name that comes to us, so that they are called while the thread that forks has the allocator's lock, and those of all heaps.

#include <stdlib.h>
#include <string.h>

#include <ft_malloc.h>

int fork_handlers_called(void);

// What programs of long ago are linked with.
extern int libc_atfork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void));
__asm__(".symver libc_atfork, pthread_atfork@GLIBC_2.2.5");

enum { CHUNKS = 64 };

static int called;
static struct ft_heap *kept;  // by all calls
static struct ft_heap *given; // made by one call, destroyed by the next

static void use_heaps(void)
{
    kept = kept != NULL ? kept : ft_heap_create(NULL);
    void *chunk = ft_heap_malloc(kept, 5000);
    if (chunk == NULL) {
        abort();
    }
    ft_heap_free(kept, chunk);
    if (given == NULL) {
        given = ft_heap_create(NULL);
        return;
    }
    ft_heap_destroy(given);
    given = NULL;
}

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
    use_heaps();
    called++;
}

__attribute__((constructor)) static void ask(void)
{
    libc_atfork(allocate, allocate, allocate);
}

int fork_handlers_called(void)
{
    return called;
}
