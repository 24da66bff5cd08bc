// SPDX-License-Identifier: MIT
// The address 16 is freed.

#include "tests/misuse/misuse.h"

int main(void)
{
    free(at_distance(NULL, 16));
    return heap_works() ? 0 : 1;
}
