// SPDX-License-Identifier: MIT
// The first call that a program makes is a bad free, in its first constructor.

#include "tests/misuse/misuse.h"

__attribute__((constructor(101))) static void free_at_once(void)
{
    char on_stack[64] = "";
    free(launder(on_stack));
}

int main(void)
{
    return heap_works() ? 0 : 1;
}
