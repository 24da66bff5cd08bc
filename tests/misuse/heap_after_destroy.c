// SPDX-License-Identifier: MIT
// A heap is used after it was destroyed.

#include "tests/misuse/misuse.h"

int main(void)
{
    struct ft_heap *heap = ft_heap_create(NULL);
    ft_heap_destroy(heap);
    errno = 0;
    return ft_heap_malloc(launder(heap), TINY_BYTES) == NULL && errno == EINVAL && heap_works() ? 0
                                                                                                : 1;
}
