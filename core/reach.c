// SPDX-License-Identifier: MIT
#include "core/reach.h"

#include "core/check.h"

enum { LIST_END = 1, LIST_INDEX = 2 };

void reach_init(struct reach *reach, void *region, size_t bytes)
{
    *reach = (struct reach){
        .chunks = region,
        .room = bytes / sizeof(struct reach_chunk),
        .first = LIST_END,
    };
}

bool reach_add(struct reach *reach, uintptr_t base, size_t bytes)
{
    if (reach->count == reach->room) {
        return false;
    }
    ASSERT(reach->count == 0 || reach->chunks[reach->count - 1].base < base);
    reach->chunks[reach->count++] = (struct reach_chunk){.base = base, .bytes = bytes};
    return true;
}

// How many chunks begin at an address or below.
static size_t count_to(const struct reach *reach, uintptr_t address)
{
    size_t low = 0;
    size_t high = reach->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (reach->chunks[middle].base <= address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

// The chunk that an address lies in.
static struct reach_chunk *find(const struct reach *reach, uintptr_t address)
{
    size_t below = count_to(reach, address);
    if (below == 0) {
        return NULL;
    }
    struct reach_chunk *chunk = &reach->chunks[below - 1];
    bool is_in = address == chunk->base || address - chunk->base < chunk->bytes;
    return is_in ? chunk : NULL;
}

void reach_look(struct reach *reach, const uintptr_t *words, size_t count)
{
    for (size_t index = 0; index < count; index++) {
        struct reach_chunk *chunk = find(reach, words[index]);
        if (chunk != NULL && chunk->next == 0) {
            chunk->next = reach->first;
            reach->first = (size_t)(chunk - reach->chunks) + LIST_INDEX;
        }
    }
}

const struct reach_chunk *reach_next(struct reach *reach)
{
    if (reach->first == LIST_END) {
        return NULL;
    }
    struct reach_chunk *chunk = &reach->chunks[reach->first - LIST_INDEX];
    reach->first = chunk->next;
    return chunk;
}

const struct reach_chunk *reach_above(const struct reach *reach, uintptr_t address)
{
    const struct reach_chunk *chunk = find(reach, address);
    size_t below = count_to(reach, address);
    if (chunk != NULL) {
        return chunk;
    }
    return below < reach->count ? &reach->chunks[below] : NULL;
}

bool reach_has(const struct reach *reach, uintptr_t base)
{
    const struct reach_chunk *chunk = find(reach, base);
    return chunk == NULL || chunk->next != 0;
}
