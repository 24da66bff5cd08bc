// SPDX-License-Identifier: MIT
// A library that allocates as it is loaded, and leaves some of it behind when it is gone.

#include <string.h>

#include "tests/api/entry.h"

static void *volatile made_on_load;

__attribute__((constructor)) static void on_load(void)
{
    void *left = malloc(611);
    made_on_load = calloc(5, 1000);
    if (left != NULL) {
        memset(left, 'l', 611);
    }
}

__attribute__((destructor)) static void on_unload(void)
{
    free(made_on_load);
}
