// SPDX-License-Identifier: MIT
// A chunk of a heap is resized after it was freed.

#include "tests/misuse/misuse.h"

int main(void)
{
    struct ft_heap *heap = ft_heap_create(&(struct ft_heap_options){.tag = "mine"});
    void *ptr = ft_heap_malloc(heap, SMALL_BYTES);
    ft_heap_free(heap, ptr);
    errno = 0;
    bool is_good = ft_heap_realloc(heap, launder(ptr), TINY_BYTES) == NULL && errno == EINVAL &&
                   own_heap_works(heap);
    ft_heap_destroy(heap);
    return is_good && heap_works() ? 0 : 1;
}
