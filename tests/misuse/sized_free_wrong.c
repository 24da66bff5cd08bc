// SPDX-License-Identifier: MIT
// A chunk of 42 bytes is freed as one of 100.

#include "tests/misuse/misuse.h"

int main(void)
{
    void *ptr = malloc(TINY_BYTES);
    free_sized(launder(ptr), 100);
    free(launder(ptr));
    return heap_works() ? 0 : 1;
}
