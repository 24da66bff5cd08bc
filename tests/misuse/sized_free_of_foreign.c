// SPDX-License-Identifier: MIT
// A pointer to the stack is freed with its size.

#include "tests/misuse/misuse.h"

int main(void)
{
    char on_stack[64] = "";
    free_sized(launder(on_stack), 64);
    return heap_works() ? 0 : 1;
}
