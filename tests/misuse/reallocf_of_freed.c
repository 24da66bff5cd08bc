// SPDX-License-Identifier: MIT
// A freed chunk is resized by reallocf, which must not free it once more.

#include "tests/misuse/misuse.h"

int main(void)
{
    void *ptr = malloc(TINY_BYTES);
    free(ptr);
    errno = 0;
    void *result = reallocf(launder(ptr), 100);
    return result == NULL && errno == EINVAL && heap_works() ? 0 : 1;
}
