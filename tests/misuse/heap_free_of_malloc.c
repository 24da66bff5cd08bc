// SPDX-License-Identifier: MIT
// A chunk of malloc is freed in a heap.

#include "tests/misuse/misuse.h"

int main(void)
{
    struct ft_heap *heap = ft_heap_create(&(struct ft_heap_options){.tag = "mine"});
    void *ptr = malloc(LARGE_BYTES);
    pattern_fill(ptr, LARGE_BYTES, 1);
    ft_heap_free(heap, launder(ptr));
    bool is_good = pattern_holds(ptr, LARGE_BYTES, 1) && own_heap_works(heap);
    free(ptr);
    ft_heap_destroy(heap);
    return is_good && heap_works() ? 0 : 1;
}
