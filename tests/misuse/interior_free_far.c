// SPDX-License-Identifier: MIT
// A pointer 32 MiB into a chunk of 64 MiB is freed.

#include "tests/misuse/misuse.h"

int main(void)
{
    char *ptr = malloc(HUGE_BYTES);
    free(at_distance(ptr, HUGE_BYTES / 2));
    free(ptr);
    return heap_works() ? 0 : 1;
}
