// SPDX-License-Identifier: MIT
// A SMALL chunk aligned to 64 is freed as one aligned to 1 MiB.

#include "tests/misuse/misuse.h"

int main(void)
{
    void *first = aligned_alloc(64, 3000);
    void *second = aligned_alloc(64, 3000);
    void *ptr = is_aligned(first, 1 << 20) ? second : first;
    free_aligned_sized(launder(ptr), 1 << 20, 3000);
    free(first);
    free(second);
    return heap_works() ? 0 : 1;
}
