// SPDX-License-Identifier: MIT
// A chunk of 48847 bytes is freed as one of 42.

#include "tests/misuse/misuse.h"

int main(void)
{
    void *ptr = malloc(LARGE_BYTES);
    free_sized(launder(ptr), TINY_BYTES);
    free(launder(ptr));
    return heap_works() ? 0 : 1;
}
