// SPDX-License-Identifier: MIT
// A pointer into a chunk is resized.

#include "tests/misuse/misuse.h"

int main(void)
{
    char *ptr = malloc(SMALL_BYTES);
    errno = 0;
    void *result = realloc(at_distance(ptr, 32), 100);
    bool refused = result == NULL && errno == EINVAL;
    free(ptr);
    return refused && heap_works() ? 0 : 1;
}
