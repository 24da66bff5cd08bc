// SPDX-License-Identifier: MIT
// A chunk of a heap is freed twice.

#include "tests/misuse/misuse.h"

int main(void)
{
    struct ft_heap *heap = ft_heap_create(&(struct ft_heap_options){.tag = "mine"});
    void *ptr = ft_heap_malloc(heap, TINY_BYTES);
    ft_heap_free(heap, ptr);
    errno = 5;
    ft_heap_free(heap, launder(ptr));
    bool is_good = errno == 5 && own_heap_works(heap);
    ft_heap_destroy(heap);
    return is_good && heap_works() ? 0 : 1;
}
