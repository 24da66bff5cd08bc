// SPDX-License-Identifier: MIT
// A chunk of no bytes is freed twice.

#include "tests/misuse/misuse.h"

int main(void)
{
    void *ptr = malloc(any_size(0));
    free(ptr);
    free(launder(ptr));
    return heap_works() ? 0 : 1;
}
