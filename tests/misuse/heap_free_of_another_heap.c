// SPDX-License-Identifier: MIT
// A chunk is freed in another heap than it came from.

#include "tests/misuse/misuse.h"

int main(void)
{
    struct ft_heap *heap = ft_heap_create(&(struct ft_heap_options){.tag = "mine"});
    struct ft_heap *other = ft_heap_create(&(struct ft_heap_options){.tag = "yours"});
    void *ptr = ft_heap_malloc(other, TINY_BYTES);
    ft_heap_free(heap, launder(ptr));
    bool is_good = ft_heap_usable_size(other, ptr) == TINY_BYTES && own_heap_works(heap) &&
                   own_heap_works(other);
    ft_heap_destroy(heap);
    ft_heap_destroy(other);
    return is_good && heap_works() ? 0 : 1;
}
