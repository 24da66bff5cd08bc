// SPDX-License-Identifier: MIT
// What tools/run shows first: a few chunks of each kind, and the heap as show_alloc_mem() prints it.

#include "ft_malloc.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum { CHUNK_COUNT = 7 };

static const size_t sizes[CHUNK_COUNT] = {1, 42, 84, 1000, 3725, 48847, 10 * 1024 * 1024};

int main(void)
{
    // Without a buffer of stdio's, the heap below holds this program's own chunks only.
    setvbuf(stdout, NULL, _IONBF, 0);

    void *chunks[CHUNK_COUNT];
    for (size_t i = 0; i < CHUNK_COUNT; i++) {
        chunks[i] = malloc(sizes[i]);
        if (chunks[i] == NULL) {
            perror("malloc");
            return EXIT_FAILURE;
        }
        printf("   malloc(%zu)\n", sizes[i]);
    }
    printf("   free(the chunk of %zu bytes), so that it is not in the list\n\n", sizes[2]);
    free(chunks[2]);
    chunks[2] = NULL;

    show_alloc_mem();

    for (size_t i = 0; i < CHUNK_COUNT; i++) {
        free(chunks[i]);
    }
    return EXIT_SUCCESS;
}
