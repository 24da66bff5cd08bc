// SPDX-License-Identifier: MIT
// A freed chunk of LARGE_BYTES is resized.

#include "tests/misuse/misuse.h"

int main(void)
{
    void *ptr = malloc(LARGE_BYTES);
    free(ptr);
    errno = 0;
    void *result = realloc(launder(ptr), 2 * LARGE_BYTES);
    return result == NULL && errno == EINVAL && heap_works() ? 0 : 1;
}
