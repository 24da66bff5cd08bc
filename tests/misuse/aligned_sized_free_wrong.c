// SPDX-License-Identifier: MIT
// An aligned chunk of 256 bytes is freed as one of 5000.

#include "tests/misuse/misuse.h"

int main(void)
{
    void *ptr = aligned_alloc(64, 256);
    free_aligned_sized(launder(ptr), 64, 5000);
    free(launder(ptr));
    return heap_works() ? 0 : 1;
}
