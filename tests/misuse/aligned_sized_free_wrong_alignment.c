// SPDX-License-Identifier: MIT
// A chunk aligned to 64 is freed as one aligned to 1 MiB.

#include "tests/misuse/misuse.h"

int main(void)
{
    void *first = aligned_alloc(64, 256);
    void *second = aligned_alloc(64, 256);
    void *ptr = is_aligned(first, 1 << 20) ? second : first;
    free_aligned_sized(launder(ptr), 1 << 20, 256);
    free(first);
    free(second);
    return heap_works() ? 0 : 1;
}
