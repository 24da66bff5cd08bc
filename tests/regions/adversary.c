// SPDX-License-Identifier: MIT
#include "tests/regions/adversary.h"

#include <stdlib.h>

struct adversary adversary_new(size_t region_bytes, size_t room, uint64_t seed)
{
    struct adversary adversary = {
        .random = {.state = seed},
        .region_bytes = region_bytes,
        .room = room,
        .chunks = malloc(room * sizeof(struct adversary_chunk)),
    };
    if (adversary.chunks == NULL) {
        abort();
    }
    return adversary;
}

void adversary_delete(struct adversary *adversary)
{
    free(adversary->chunks);
}

static size_t size_up_to(struct adversary *adversary, size_t most)
{
    return random_size(&adversary->random, most);
}

static bool allocates(enum adversary_pattern pattern)
{
    return pattern <= PATTERN_EXHAUST;
}

// Begins another pattern: allocating ones while there is room, freeing ones while there is something.
static void choose(struct adversary *adversary)
{
    struct random *random = &adversary->random;
    do {
        adversary->pattern = (enum adversary_pattern)random_below(random, PATTERN_COUNT);
    } while (allocates(adversary->pattern) ? adversary->count == adversary->room
                                           : adversary->count == 0);
    if (adversary->pattern == PATTERN_EXHAUST && !random_chance(random, 10)) {
        adversary->pattern = PATTERN_SAME; // it refuses much, and what follows finds nothing
    }
    adversary->left = 1 + size_up_to(adversary, 4000);
    adversary->bytes = size_up_to(adversary, adversary->region_bytes / 64);
    adversary->align = (size_t)16 << random_below(random, 9);
    adversary->at = adversary->count;
    adversary->step = 2 + random_below(random, 120);
    if (adversary->pattern == PATTERN_SWEEP) {
        adversary->bytes = 0;
        adversary->step = 1 + random_below(random, 64);
    }
    if (!allocates(adversary->pattern) && random_chance(random, 25)) {
        adversary->left = adversary->count; // all of it
    }
}

static struct adversary_call alloc_call(struct adversary *adversary)
{
    struct adversary_call call = {.verb = ADVERSARY_ALLOC, .bytes = adversary->bytes};
    switch (adversary->pattern) {
    case PATTERN_SWEEP:
        adversary->bytes += adversary->step + adversary->bytes / 16;
        if (adversary->bytes > adversary->region_bytes / 32) {
            adversary->bytes = 0;
        }
        break;
    case PATTERN_ALIGNED:
        call.verb = ADVERSARY_ALIGNED;
        call.align = adversary->align;
        break;
    case PATTERN_EXHAUST: call.bytes = size_up_to(adversary, adversary->region_bytes / 4); break;
    default: break;
    }
    return call;
}

// The chunk that the next call is about.
static size_t pick(struct adversary *adversary)
{
    switch (adversary->pattern) {
    case PATTERN_OLDEST: return 0;
    case PATTERN_COMB:
        // From the newest down; one of each `step` stays.
        adversary->at -= adversary->at != 0;
        adversary->at -= adversary->at != 0 && adversary->left % adversary->step == 0;
        return adversary->at < adversary->count ? adversary->at : adversary->count - 1;
    case PATTERN_ANY:
    case PATTERN_RESIZE: return random_below(&adversary->random, (uint32_t)adversary->count);
    default: return adversary->count - 1;
    }
}

struct adversary_call adversary_next(struct adversary *adversary)
{
    bool is_over =
        allocates(adversary->pattern) ? adversary->count == adversary->room : adversary->count == 0;
    if (adversary->left == 0 || is_over) {
        choose(adversary);
    }
    adversary->left--;
    if (adversary->pattern == PATTERN_ONE && adversary->left % 2 == 1 &&
        adversary->count != adversary->room) {
        return (struct adversary_call){.verb = ADVERSARY_ALLOC, .bytes = adversary->bytes};
    }
    if (allocates(adversary->pattern)) {
        return alloc_call(adversary);
    }
    adversary->subject = pick(adversary);
    struct adversary_chunk *chunk = &adversary->chunks[adversary->subject];
    struct adversary_call call = {.verb = ADVERSARY_FREE, .ptr = chunk->ptr};
    if (adversary->pattern == PATTERN_RESIZE) {
        call.verb = ADVERSARY_RESIZE;
        call.bytes = random_chance(&adversary->random, 50)
                         ? chunk->bytes / 2
                         : size_up_to(adversary, chunk->bytes * 4);
    }
    return call;
}

void adversary_answer(struct adversary *adversary, const struct adversary_call *call, void *ptr,
                      bool resized)
{
    switch (call->verb) {
    case ADVERSARY_FREE:
        adversary->chunks[adversary->subject] = adversary->chunks[--adversary->count];
        return;
    case ADVERSARY_RESIZE:
        if (resized) {
            adversary->chunks[adversary->subject].bytes = call->bytes;
        }
        return;
    default: break;
    }
    if (ptr != NULL) {
        adversary->chunks[adversary->count++] = (struct adversary_chunk){ptr, call->bytes};
    } else if (adversary->left > 8) {
        adversary->left = 8; // a few more that are refused
    }
}
