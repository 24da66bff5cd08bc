// SPDX-License-Identifier: MIT
// The size of what lies inside a chunk of a heap is asked for.

#include "tests/misuse/misuse.h"

int main(void)
{
    struct ft_heap *heap = ft_heap_create(&(struct ft_heap_options){.tag = "mine"});
    void *ptr = ft_heap_malloc(heap, LARGE_BYTES);
    bool is_good = ft_heap_usable_size(heap, at_distance(ptr, 32)) == 0 &&
                   ft_heap_usable_size(heap, ptr) == LARGE_BYTES && own_heap_works(heap);
    ft_heap_destroy(heap);
    return is_good && heap_works() ? 0 : 1;
}
