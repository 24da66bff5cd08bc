// SPDX-License-Identifier: MIT
// Some misuses among calls that are none.
#include <stdlib.h>

static void *volatile seen;

// What the compiler does not know.
static char *launder(void *ptr)
{
    seen = ptr;
    return seen;
}

enum { AROUND = 2000 };

int main(void)
{
    char *chunks[AROUND];
    static char foreign[16];
    for (unsigned index = 0; index < AROUND; index++) {
        chunks[index] = malloc(index % 300 + 1);
    }
    for (unsigned index = 0; index < AROUND; index += 2) {
        free(chunks[index]);
    }
    free(launder(chunks[1000]));
    free(launder(chunks[1001] + 8));
    free(launder(foreign));
    if (realloc(launder(chunks[1002]), 77) != NULL) {
        return 1;
    }
    for (unsigned index = 1; index < AROUND; index += 2) {
        free(chunks[index]);
    }
    return 0;
}
