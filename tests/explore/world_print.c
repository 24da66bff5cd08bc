// SPDX-License-Identifier: MIT
// Worlds saved, and told apart.
#include "tests/explore/world.h"

#include <string.h>

enum { LANES = 4 };

size_t world_save(unsigned char *saved)
{
    struct world_part parts[WORLD_PARTS_MAX];
    unsigned count = world_parts(parts);
    size_t bytes = 0;
    for (unsigned index = 0; index < count; index++) {
        memcpy(saved + bytes, parts[index].start, parts[index].bytes);
        bytes += parts[index].bytes;
    }
    return bytes;
}

static uint64_t mix(uint64_t lane, uint64_t word)
{
    lane = (lane ^ word) * UINT64_C(0x9E3779B97F4A7C15);
    return lane ^ lane >> 31;
}

// Words go to lanes by turns, because a processor mixes several at a time.
static void mix_part(uint64_t lanes[LANES], const struct world_part *part)
{
    uint64_t mixed[LANES] = {lanes[0], lanes[1], lanes[2], lanes[3]};
    uint64_t words[LANES];
    const unsigned char *at = part->start;
    const unsigned char *end = at + part->bytes;
    for (; at + sizeof words <= end; at += sizeof words) {
        memcpy(words, at, sizeof words);
        mixed[0] = mix(mixed[0], words[0]);
        mixed[1] = mix(mixed[1], words[1]);
        mixed[2] = mix(mixed[2], words[2]);
        mixed[3] = mix(mixed[3], words[3]);
    }
    memset(words, 0, sizeof words);
    memcpy(words, at, (size_t)(end - at));
    for (unsigned lane = 0; lane < LANES; lane++) {
        lanes[lane] = mix(mixed[lane], words[lane]);
    }
}

struct world_print world_print_of(void)
{
    struct world_part parts[WORLD_PARTS_MAX];
    unsigned count = world_parts(parts);
    uint64_t lanes[LANES] = {1, 2, 3, 4};
    for (unsigned index = 0; index < count; index++) {
        mix_part(lanes, &parts[index]);
    }
    struct world_print print = {.words = {5, 6}};
    for (unsigned lane = 0; lane < LANES; lane++) {
        print.words[0] = mix(print.words[0], lanes[lane]);
        print.words[1] = mix(print.words[1], lanes[LANES - 1 - lane]);
    }
    return print;
}
