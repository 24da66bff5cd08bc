// SPDX-License-Identifier: MIT
// A chunk of LARGE_BYTES is freed twice in a row.

#include "tests/misuse/misuse.h"

int main(void)
{
    void *ptr = malloc(LARGE_BYTES);
    free(ptr);
    free(launder(ptr));
    return heap_works() ? 0 : 1;
}
