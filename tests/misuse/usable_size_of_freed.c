// SPDX-License-Identifier: MIT
// The usable size of a freed chunk is asked for.

#include "tests/misuse/misuse.h"

int main(void)
{
    void *ptr = malloc(TINY_BYTES);
    free(ptr);
    return malloc_usable_size(launder(ptr)) == 0 && heap_works() ? 0 : 1;
}
