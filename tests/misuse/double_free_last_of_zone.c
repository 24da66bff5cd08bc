// SPDX-License-Identifier: MIT
// The second free comes when nothing else in the chunk's zone lives.

#include "tests/misuse/misuse.h"

int main(void)
{
    void *ptr = malloc(777);
    void *other = malloc(777);
    free(other);
    free(ptr);
    free(launder(ptr));
    return heap_works() ? 0 : 1;
}
