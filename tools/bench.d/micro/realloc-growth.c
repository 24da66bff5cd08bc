// SPDX-License-Identifier: MIT
// An array that grows as programs let arrays grow: by doubling from 16 bytes to 16 MiB, by a quarter from
// 64 bytes to 4 MiB. Each growth stores one byte in each new page, and in the last new byte, then the array
// is freed. An operation is one array; without a part it is both, one after the other.
#include "workload.h"

#include <stdlib.h>
#include <string.h>

enum {
    STRIDE_BYTES = 4096, // the smallest page there is: at least one store in each page
    DOUBLING_FIRST = 16,
    DOUBLING_LAST = 16 << 20,
    QUARTER_FIRST = 64,
    QUARTER_LAST = 4 << 20,
};

static int does_doubling = 1;
static int does_quarter = 1;

static void set_up(const char *part)
{
    does_doubling = strcmp(part, "quarter") != 0;
    does_quarter = strcmp(part, "doubling") != 0;
}

static void touch_new(char *array, size_t old_bytes, size_t new_bytes)
{
    for (size_t at = old_bytes; at < new_bytes; at += STRIDE_BYTES) {
        touch(array + at);
    }
    touch(array + new_bytes - 1);
}

static char *grow(char *array, size_t old_bytes, size_t new_bytes)
{
    array = realloc(array, new_bytes);
    if (array == NULL) {
        abort();
    }
    touch_new(array, old_bytes, new_bytes);
    return array;
}

static void grow_by_doubling(void)
{
    char *array = grow(NULL, 0, DOUBLING_FIRST);
    for (size_t bytes = DOUBLING_FIRST; bytes < DOUBLING_LAST; bytes *= 2) {
        array = grow(array, bytes, bytes * 2);
    }
    free(array);
}

static void grow_by_a_quarter(void)
{
    char *array = grow(NULL, 0, QUARTER_FIRST);
    size_t bytes = QUARTER_FIRST;
    while (bytes < QUARTER_LAST) {
        size_t more_bytes = bytes + bytes / 4;
        array = grow(array, bytes, more_bytes);
        bytes = more_bytes;
    }
    free(array);
}

static void run(uint64_t rounds)
{
    for (uint64_t round = 0; round < rounds; round++) {
        if (does_doubling) {
            grow_by_doubling();
        }
        if (does_quarter) {
            grow_by_a_quarter();
        }
    }
}

const struct workload workload = {
    .set_up = set_up,
    .run = run,
    .round_operations = 1,
    .warm_up_rounds = 20,
};
