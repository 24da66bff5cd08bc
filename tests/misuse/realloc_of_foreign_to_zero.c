// SPDX-License-Identifier: MIT
// A pointer to the stack is resized to nothing, which would free it.

#include "tests/misuse/misuse.h"

int main(void)
{
    char on_stack[64] = "";
    errno = 0;
    void *result = realloc(launder(on_stack), any_size(0));
    return result == NULL && errno == EINVAL && heap_works() ? 0 : 1;
}
