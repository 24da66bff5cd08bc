// SPDX-License-Identifier: MIT
// A mapping that is not ours is freed.

#include <sys/mman.h>

#include "tests/misuse/misuse.h"

int main(void)
{
    void *mapped = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    free(mapped);
    return heap_works() ? 0 : 1;
}
