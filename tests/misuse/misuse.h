// SPDX-License-Identifier: MIT
// What every misuse program has: chunks, the deed, and heap_works() for the case that the options
// let it go on. Its exit status is then 0 if and only if the heap is as it was.

#ifndef FT_TESTS_MISUSE_H
#define FT_TESTS_MISUSE_H

#include <errno.h>
#include <stdint.h>

#include "tests/api/pattern.h"
#include "tests/api/entry.h"

enum { TINY_BYTES = 42, SMALL_BYTES = 3725, LARGE_BYTES = 48847, HUGE_BYTES = 64 << 20 };

// A pointer at a distance from another, without the arithmetic that C forbids.
static inline void *at_distance(const void *ptr, intptr_t bytes)
{
    return launder((void *)((uintptr_t)ptr + (uintptr_t)bytes));
}

// A round of allocations of every kind, the misused ones included, all filled and checked.
static inline bool heap_works(void)
{
    static const size_t sizes[] = {TINY_BYTES,  TINY_BYTES, SMALL_BYTES, SMALL_BYTES, LARGE_BYTES,
                                   LARGE_BYTES, HUGE_BYTES, 0,           1000,        20000};
    enum { COUNT = sizeof sizes / sizeof *sizes };
    void *ptrs[COUNT];
    bool works = true;
    for (size_t index = 0; index < COUNT; index++) {
        ptrs[index] = malloc(sizes[index]);
        works = works && ptrs[index] != NULL;
        pattern_fill(ptrs[index], sizes[index] % 100000, index);
    }
    for (size_t index = 0; index < COUNT; index++) {
        works = works && pattern_holds(ptrs[index], sizes[index] % 100000, index);
        free(ptrs[index]);
    }
    return works;
}

// The same, less, for a heap of the program's own.
static inline bool own_heap_works(struct ft_heap *heap)
{
    void *tiny = ft_heap_malloc(heap, TINY_BYTES);
    void *large = ft_heap_calloc(heap, 1, LARGE_BYTES);
    bool works = tiny != NULL && large != NULL && tiny != large && bytes_are(large, LARGE_BYTES, 0);
    pattern_fill(tiny, TINY_BYTES, 1);
    large = ft_heap_realloc(heap, large, HUGE_BYTES);
    works = works && large != NULL && pattern_holds(tiny, TINY_BYTES, 1);
    ft_heap_free(heap, large);
    ft_heap_free(heap, tiny);
    return works;
}

#endif
