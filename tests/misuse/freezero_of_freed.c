// SPDX-License-Identifier: MIT
// A freed chunk is cleared and freed by freezero: it must not write to it.

#include "tests/misuse/misuse.h"

int main(void)
{
    void *neighbour = malloc(TINY_BYTES);
    void *ptr = launder(malloc(TINY_BYTES));
    memset(ptr, 0xA5, TINY_BYTES);
    free(ptr);
    freezero(launder(ptr), TINY_BYTES);
    bool untouched = bytes_are(launder(ptr), TINY_BYTES, 0xA5);
    free(neighbour);
    return untouched && heap_works() ? 0 : 1;
}
