// SPDX-License-Identifier: MIT
// A pointer to static memory is freed by reallocarr, which must say so and leave the pointer.

#include "tests/misuse/misuse.h"

static char ours[64];

int main(void)
{
    void *target = launder(ours);
    const void *before = target;
    errno = 1234;
    int error = reallocarr(&target, 0, 33);
    return error == EINVAL && errno == 1234 && target == before && heap_works() ? 0 : 1;
}
