// SPDX-License-Identifier: MIT
// A freed chunk of SMALL_BYTES is resized.

#include "tests/misuse/misuse.h"

int main(void)
{
    void *ptr = malloc(SMALL_BYTES);
    free(ptr);
    errno = 0;
    void *result = realloc(launder(ptr), 2 * SMALL_BYTES);
    return result == NULL && errno == EINVAL && heap_works() ? 0 : 1;
}
