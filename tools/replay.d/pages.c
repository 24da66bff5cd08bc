// SPDX-License-Identifier: MIT
#include "tools/replay.d/pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void *pages_take(size_t bytes)
{
    void *pages = mmap(NULL, bytes != 0 ? bytes : 1, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED) {
        fprintf(stderr, "ft_replay: there is no memory for %zu bytes of tables\n", bytes);
        exit(1);
    }
    return pages;
}

void pages_give(void *pages, size_t bytes)
{
    if (pages != NULL) {
        munmap(pages, bytes != 0 ? bytes : 1);
    }
}

void *pages_grow(void *pages, size_t *bytes, size_t least)
{
    size_t grown = *bytes * 2 > least ? *bytes * 2 : least;
    void *more = pages_take(grown);
    if (pages != NULL) {
        memcpy(more, pages, *bytes);
        pages_give(pages, *bytes);
    }
    *bytes = grown;
    return more;
}
