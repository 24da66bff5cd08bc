// SPDX-License-Identifier: MIT
// Commits the misuse that its argument names, or asks for more than there is, and says that it went on. It is compiled twice: as it
// stands, and with PROBE_OPTIONS as the program's own options.

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/api/entry.h"

#ifdef PROBE_OPTIONS
const char *ft_malloc_options = PROBE_OPTIONS;
#endif

int main(int argument_count, char **arguments)
{
    char on_stack[64] = "";
    const char *misuse = argument_count > 1 ? arguments[1] : "none";
    void *volatile ptr = malloc(100);
    if (strcmp(misuse, "double") == 0) {
        free(ptr);
        free(launder(ptr));
    } else if (strcmp(misuse, "foreign") == 0) {
        free(launder(on_stack));
    } else if (strcmp(misuse, "refused") == 0) {
        free(ptr);
        ptr = malloc(any_size(PTRDIFF_MAX));
    } else {
        free(ptr);
    }
    puts("went on");
    return 0;
}
