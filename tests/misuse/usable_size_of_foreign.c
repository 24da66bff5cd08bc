// SPDX-License-Identifier: MIT
// The usable size of a pointer to the stack is asked for.

#include "tests/misuse/misuse.h"

int main(void)
{
    char on_stack[64] = "";
    return malloc_usable_size(launder(on_stack)) == 0 && heap_works() ? 0 : 1;
}
