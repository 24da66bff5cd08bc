// SPDX-License-Identifier: MIT
// How much of a limited address space a program can use.
//
//   program fill BYTES   blocks of that size, 0: of 16 bytes to 1 MiB, each written to, until there is no
//                        more. Prints their bytes; frees them; prints how many bytes it then gets.
//   program lower MIB    limits itself to so much when 6 MiB are in use and the allocator has reserved what it
//                        likes to, then prints how many of 200 operations on at most 3 MiB more succeeded
//
// `fill` is run under a limit that is in force from the start (ulimit -v).
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum {
    MIXED_COINS = 16,
    MIXED_BYTES_MIN = 16,
    OPERATION_COUNT = 200,
    OPERATION_BYTES_MAX = 65536,
    PLACE_COUNT = 50,
    EARLY_COUNT = 100
};

// ---- fill -----------------------------------------------------------------------------------

struct block {
    struct block *next;
};

// Evenly spread over the powers of two from 16 bytes to 1 MiB.
static size_t mixed_bytes(uint64_t *seed)
{
    size_t power = (size_t)MIXED_BYTES_MIN << random_below(seed, MIXED_COINS);
    return power + random_below(seed, power + 1);
}

static size_t fill(size_t block_bytes)
{
    uint64_t seed = 53;
    struct block *first = NULL;
    size_t sum = 0;
    for (;;) {
        size_t bytes = block_bytes != 0 ? block_bytes : mixed_bytes(&seed);
        struct block *block = malloc(bytes);
        if (block == NULL) {
            break;
        }
        memset(block, 1, bytes);
        block->next = first;
        first = block;
        sum += bytes;
    }
    while (first != NULL) {
        struct block *next = first->next;
        free(first);
        first = next;
    }
    return sum;
}

// ---- lower ----------------------------------------------------------------------------------

static void *early[EARLY_COUNT];
static void *places[PLACE_COUNT];

// Each makes, resizes or frees the chunk of a place.
static unsigned operate(void)
{
    uint64_t seed = 59;
    unsigned succeeded = 0;
    for (unsigned i = 0; i < OPERATION_COUNT; i++) {
        void **place = &places[random_below(&seed, PLACE_COUNT)];
        size_t bytes = 1 + random_below(&seed, OPERATION_BYTES_MAX);
        if (*place != NULL && random_below(&seed, 3) == 0) {
            free(*place);
            *place = NULL;
            succeeded++;
            continue;
        }
        void *chunk = *place == NULL ? malloc(bytes) : realloc(*place, bytes);
        if (chunk != NULL) {
            memset(chunk, 1, bytes);
            *place = chunk;
            succeeded++;
        }
    }
    return succeeded;
}

static int lower(size_t limit_bytes)
{
    for (unsigned i = 0; i < EARLY_COUNT; i++) {
        early[i] = chunk_new(OPERATION_BYTES_MAX);
    }
    size_t space_bytes = address_space_bytes();
    struct rlimit limit = {limit_bytes, limit_bytes};
    if (setrlimit(RLIMIT_AS, &limit) != 0) {
        fail("the limit cannot be set");
    }
    unsigned succeeded = operate();
    printf("space %zu\nsucceeded %u\n", space_bytes, succeeded);
    return 0;
}

int main(int argc, char **argv)
{
    size_t number = argc == 3 ? (size_t)strtoull(argv[2], NULL, 10) : 0;
    if (argc == 3 && strcmp(argv[1], "fill") == 0) {
        size_t first = fill(number);
        size_t again = fill(number);
        printf("usable %zu\nagain %zu\n", first, again);
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "lower") == 0) {
        return lower(number << 20);
    }
    fprintf(stderr, "usage: %s fill BYTES | lower MIB\n", argv[0]);
    return 2;
}
