// SPDX-License-Identifier: MIT
// A heap is freed as if it were a chunk.

#include "tests/misuse/misuse.h"

int main(void)
{
    struct ft_heap *heap = ft_heap_create(NULL);
    free(launder(heap));
    bool is_good = own_heap_works(heap);
    ft_heap_destroy(heap);
    return is_good && heap_works() ? 0 : 1;
}
