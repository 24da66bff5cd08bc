// SPDX-License-Identifier: MIT
// A freed chunk is resized by recallocarray, which clears what it frees: it must not write to it.

#include "tests/misuse/misuse.h"

int main(void)
{
    void *neighbour = malloc(TINY_BYTES);
    void *ptr = launder(malloc(TINY_BYTES));
    memset(ptr, 0xA5, TINY_BYTES);
    free(ptr);
    errno = 0;
    void *result = recallocarray(launder(ptr), TINY_BYTES, 5000, 1);
    bool refused = result == NULL && errno == EINVAL;
    bool untouched = bytes_are(launder(ptr), TINY_BYTES, 0xA5);
    free(neighbour);
    return refused && untouched && heap_works() ? 0 : 1;
}
