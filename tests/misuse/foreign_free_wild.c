// SPDX-License-Identifier: MIT
// An address that no processor could map is freed.

#include "tests/misuse/misuse.h"

int main(void)
{
    free(at_distance(NULL, (intptr_t)0xDEADBEEFDEADBEEF));
    return heap_works() ? 0 : 1;
}
