// SPDX-License-Identifier: MIT
// A chunk is freed that realloc has already freed by moving it.

#include "tests/misuse/misuse.h"

int main(void)
{
    void *ptr = malloc(TINY_BYTES);
    // Moves, and frees the old place by itself.
    void *moved = realloc(launder(ptr), LARGE_BYTES);
    free(launder(ptr));
    free(moved);
    return heap_works() ? 0 : 1;
}
