// SPDX-License-Identifier: MIT
// A place ten chunks beyond a fresh one in the same zone is freed: it was never handed out.

#include "tests/misuse/misuse.h"

int main(void)
{
    char *ptr = malloc(TINY_BYTES);
    char *next = malloc(TINY_BYTES);
    intptr_t step = (intptr_t)next - (intptr_t)ptr;
    free(at_distance(next, step * 10));
    free(ptr);
    free(next);
    return heap_works() ? 0 : 1;
}
