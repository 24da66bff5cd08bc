// SPDX-License-Identifier: MIT
// 200 MB of blocks of 1 KiB, all written to, then freed but for one in KEEP_EVERY (0: none), in the order in which
// they were made or in a random one. One small chunk that was made after them stays: a program goes on.
//
//   program KEEP_EVERY in-order|random
//                        prints what is resident with all of them, at once after the frees, after malloc_trim,
//                        and after what else the allocator has for it, in bytes
//
// A megabyte here is a million bytes.
#include "memory.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 1024, BLOCK_COUNT = 200000000 / BLOCK_BYTES, AFTER_BYTES = 64 };

static char *blocks[BLOCK_COUNT];
static unsigned order[BLOCK_COUNT];

static void choose_order(bool is_random)
{
    uint64_t seed = 47;
    for (unsigned i = 0; i < BLOCK_COUNT; i++) {
        size_t other = is_random ? random_below(&seed, i + 1) : i;
        order[i] = order[other];
        order[other] = i;
    }
}

// The lists are written to from end to end before anything is measured.
static size_t resident_less_lists(void)
{
    return resident_bytes() - sizeof blocks - sizeof order;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s KEEP_EVERY in-order|random\n", argv[0]);
        return 2;
    }
    unsigned keep_every = (unsigned)strtoul(argv[1], NULL, 10);
    choose_order(strcmp(argv[2], "random") == 0);
    for (size_t i = 0; i < BLOCK_COUNT; i++) {
        blocks[i] = chunk_new(BLOCK_BYTES);
        memset(blocks[i], 1, BLOCK_BYTES);
    }
    void *after = chunk_new(AFTER_BYTES);
    size_t full = resident_less_lists();
    for (size_t i = 0; i < BLOCK_COUNT; i++) {
        if (keep_every == 0 || order[i] % keep_every != 0) {
            free(blocks[order[i]]);
        }
    }
    size_t at_once = resident_less_lists();
    trim();
    size_t trimmed = resident_less_lists();
    trim_by_own_name();
    size_t trimmed_by_own_name = resident_less_lists();
    printf("full %zu\nat-once %zu\ntrimmed %zu\nown %zu\n", full, at_once, trimmed,
           trimmed_by_own_name);
    free(after);
    return 0;
}
