// SPDX-License-Identifier: MIT
#include "tools/replay.d/calls.h"

void *call_malloc(struct ft_core_heap *heap, size_t bytes)
{
    return ft_core_alloc(heap, bytes);
}

void *call_calloc(struct ft_core_heap *heap, size_t bytes)
{
    return ft_core_alloc_zeroed(heap, 1, bytes);
}

void *call_aligned(struct ft_core_heap *heap, size_t align, size_t bytes)
{
    return ft_core_alloc_aligned(heap, align, bytes);
}

void *call_realloc(struct ft_core_heap *heap, void *ptr, size_t bytes)
{
    return ft_core_realloc(heap, ptr, bytes);
}

enum ft_core_misuse call_free(struct ft_core_heap *heap, void *ptr)
{
    return ft_core_free(heap, ptr);
}
