// SPDX-License-Identifier: MIT
// A pointer one byte into a chunk is freed.

#include "tests/misuse/misuse.h"

int main(void)
{
    char *ptr = malloc(TINY_BYTES);
    free(at_distance(ptr, 1));
    free(ptr);
    return heap_works() ? 0 : 1;
}
