// SPDX-License-Identifier: MIT
// A chunk is freed twice with its right size.

#include "tests/misuse/misuse.h"

int main(void)
{
    void *ptr = malloc(TINY_BYTES);
    free_sized(ptr, TINY_BYTES);
    free_sized(launder(ptr), TINY_BYTES);
    return heap_works() ? 0 : 1;
}
