// SPDX-License-Identifier: MIT
// A pointer to the stack is freed.

#include "tests/misuse/misuse.h"

int main(void)
{
    char on_stack[64] = "";
    free(launder(on_stack));
    return heap_works() ? 0 : 1;
}
