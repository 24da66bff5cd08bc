// SPDX-License-Identifier: MIT
// A place that was never handed out is resized.

#include "tests/misuse/misuse.h"

int main(void)
{
    char *ptr = malloc(TINY_BYTES);
    char *next = malloc(TINY_BYTES);
    intptr_t step = (intptr_t)next - (intptr_t)ptr;
    errno = 0;
    void *result = realloc(at_distance(next, step * 10), 100);
    bool refused = result == NULL && errno == EINVAL;
    free(ptr);
    free(next);
    return refused && heap_works() ? 0 : 1;
}
