// SPDX-License-Identifier: MIT
// A pointer to static data is freed.

#include "tests/misuse/misuse.h"

int main(void)
{
    static char in_data[64] = "x";
    free(launder(in_data));
    return heap_works() ? 0 : 1;
}
