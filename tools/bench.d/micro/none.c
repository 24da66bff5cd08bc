// SPDX-License-Identifier: MIT
// An allocator that does nothing: preloaded, it shows what a workload's own loop costs.
//
// What is measured with it, and subtracted from the others, is therefore: the loop, its loads and its one
// store to each chunk, the setting of arguments, the call, the jump through the program's PLT, and the body
// of these functions: address and return in malloc, return in free. The chunk is always the same one, so a
// program under it may only store to its chunks; it reads nothing back.
#include <stddef.h>

// As large as the largest chunk of a workload, with room for what the last page's store may reach.
static char chunk[(16 << 20) + 4096];

void *malloc(size_t bytes);
void *calloc(size_t count, size_t bytes);
void *realloc(void *old, size_t bytes);
void *aligned_alloc(size_t align, size_t bytes);
void free(void *old);

void *malloc(size_t bytes)
{
    (void)bytes;
    return chunk;
}

void *calloc(size_t count, size_t bytes)
{
    (void)count;
    (void)bytes;
    return chunk;
}

void *realloc(void *old, size_t bytes)
{
    (void)bytes;
    return old != NULL ? old : chunk;
}

void *aligned_alloc(size_t align, size_t bytes)
{
    (void)align;
    (void)bytes;
    return chunk;
}

void free(void *old)
{
    (void)old;
}
