// SPDX-License-Identifier: MIT
// A chunk of HUGE_BYTES is freed twice in a row.

#include "tests/misuse/misuse.h"

int main(void)
{
    void *ptr = malloc(HUGE_BYTES);
    free(ptr);
    free(launder(ptr));
    return heap_works() ? 0 : 1;
}
