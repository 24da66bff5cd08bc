// SPDX-License-Identifier: MIT
#include "tests/explore/seen.h"

#include <stdlib.h>

enum { CAPACITY_FIRST = 1 << 12 };

static bool is_empty(const struct world_print *print)
{
    return print->words[0] == 0 && print->words[1] == 0;
}

// Where a print is, or where it belongs.
static struct world_print *find(const struct seen *seen, struct world_print print)
{
    size_t at = print.words[0] & (seen->capacity - 1);
    for (;;) {
        struct world_print *place = &seen->prints[at];
        if (is_empty(place) ||
            (place->words[0] == print.words[0] && place->words[1] == print.words[1])) {
            return place;
        }
        at = (at + 1) & (seen->capacity - 1);
    }
}

static void grow(struct seen *seen)
{
    struct seen larger = {.capacity = seen->capacity == 0 ? CAPACITY_FIRST : seen->capacity * 2};
    larger.prints = calloc(larger.capacity, sizeof *larger.prints);
    if (larger.prints == NULL) {
        abort();
    }
    for (size_t at = 0; at < seen->capacity; at++) {
        if (!is_empty(&seen->prints[at])) {
            *find(&larger, seen->prints[at]) = seen->prints[at];
        }
    }
    larger.count = seen->count;
    free(seen->prints);
    *seen = larger;
}

bool seen_add(struct seen *seen, struct world_print print)
{
    if (is_empty(&print)) {
        print.words[0] = 1; // as good as any
    }
    if (seen->count * 2 >= seen->capacity) {
        grow(seen);
    }
    struct world_print *place = find(seen, print);
    if (!is_empty(place)) {
        return false;
    }
    *place = print;
    seen->count++;
    return true;
}

void seen_clear(struct seen *seen)
{
    free(seen->prints);
    *seen = (struct seen){.capacity = 0};
}
