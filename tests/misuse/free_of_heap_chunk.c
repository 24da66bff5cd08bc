// SPDX-License-Identifier: MIT
// A chunk of a heap is freed by free.

#include "tests/misuse/misuse.h"

int main(void)
{
    struct ft_heap *heap = ft_heap_create(&(struct ft_heap_options){.tag = "mine"});
    void *ptr = ft_heap_malloc(heap, SMALL_BYTES);
    free(launder(ptr));
    bool is_good = ft_heap_usable_size(heap, ptr) == SMALL_BYTES && own_heap_works(heap);
    ft_heap_destroy(heap);
    return is_good && heap_works() ? 0 : 1;
}
