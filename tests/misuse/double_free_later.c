// SPDX-License-Identifier: MIT
// A chunk is freed a second time after three hundred others were freed.

#include "tests/misuse/misuse.h"

int main(void)
{
    void *ptrs[300];
    for (int index = 0; index < 300; index++) {
        ptrs[index] = malloc(TINY_BYTES);
    }
    void *ptr = launder(ptrs[150]);
    free(ptr);
    // Enough frees to bury the chunk in whatever lists there are; nothing takes it out again.
    for (int index = 0; index < 300; index++) {
        if (index != 150) {
            free(ptrs[index]);
        }
    }
    free(malloc(SMALL_BYTES));
    free(malloc(LARGE_BYTES));
    free(ptr);
    return heap_works() ? 0 : 1;
}
