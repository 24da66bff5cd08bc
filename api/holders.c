// SPDX-License-Identifier: MIT
#include "api/holders.h"

#include <stdint.h>
#include <string.h>

// Threads are told apart by addresses far from each other: of those that are alike, other places.
static struct holder *place_of(struct holders *holders, const void *thread)
{
    uint64_t scattered = (uint64_t)(uintptr_t)thread * UINT64_C(0x9E3779B97F4A7C15);
    return &holders->places[scattered >> (64 - HOLDERS_SHIFT)];
}

void holders_note(struct holders *holders, const void *thread, struct heap *heap)
{
    *place_of(holders, thread) = (struct holder){.thread = thread, .heap = heap};
}

struct heap *holders_take(struct holders *holders, const void *thread)
{
    struct holder *place = place_of(holders, thread);
    if (place->thread != thread) {
        return NULL;
    }
    place->thread = NULL;
    return place->heap;
}

void holders_clear(struct holders *holders)
{
    memset(holders, 0, sizeof(*holders));
}
