// SPDX-License-Identifier: MIT
// A C program that knows nothing of us, to be run with our library preloaded: it says which of the
// libraries in its address space are ours or libstdc++, and allocates.

#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    char line[4096];
    int ours = 0;
    int of_cxx = 0;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        ours |= strstr(line, "libft_malloc") != NULL;
        of_cxx |= strstr(line, "libstdc++") != NULL;
    }
    char *text = strdup("a chunk by strdup");
    char *longer = realloc(text, 100000);
    if (maps == NULL || longer == NULL || strcmp(longer, "a chunk by strdup") != 0) {
        return 1;
    }
    fclose(maps);
    free(longer);
    printf("libft_malloc %d libstdc++ %d\n", ours, of_cxx);
    return 0;
}
