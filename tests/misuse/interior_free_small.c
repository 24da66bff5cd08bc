// SPDX-License-Identifier: MIT
// A pointer 16 bytes into a chunk of SMALL_BYTES is freed.

#include "tests/misuse/misuse.h"

int main(void)
{
    char *ptr = malloc(SMALL_BYTES);
    free(at_distance(ptr, 16));
    pattern_fill(ptr, SMALL_BYTES, 1);
    free(ptr);
    return heap_works() ? 0 : 1;
}
