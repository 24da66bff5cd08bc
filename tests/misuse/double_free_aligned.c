// SPDX-License-Identifier: MIT
// An aligned chunk is freed twice.

#include "tests/misuse/misuse.h"

int main(void)
{
    void *ptr = aligned_alloc(4096, TINY_BYTES);
    free(ptr);
    free(launder(ptr));
    return heap_works() ? 0 : 1;
}
