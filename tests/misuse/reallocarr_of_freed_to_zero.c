// SPDX-License-Identifier: MIT
// A freed chunk is freed by reallocarr, which must say so and leave the pointer.

#include "tests/misuse/misuse.h"

int main(void)
{
    void *ptr = malloc(TINY_BYTES);
    free(ptr);
    void *target = launder(ptr);
    const void *before = target;
    errno = 1234;
    int error = reallocarr(&target, 0, 33);
    return error == EINVAL && errno == 1234 && target == before && heap_works() ? 0 : 1;
}
