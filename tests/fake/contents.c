// SPDX-License-Identifier: MIT
#include "tests/fake/contents.h"

#include "tests/core/random.h"

// Up to so many bytes, the places lie this far apart.
static const struct {
    size_t bytes;
    size_t step;
} steps[] = {
    {512, 1},
    {4096, 64},
    {1 << 16, 1 << 15},
    {1 << 20, 1 << 18},
    {32 << 20, 1 << 20},
    {1 << 29, 1 << 24},
    {SIZE_MAX, 1 << 26},
};

static size_t step_for(size_t bytes)
{
    unsigned index = 0;
    while (bytes > steps[index].bytes) {
        index++;
    }
    return steps[index].step;
}

static unsigned char byte_for(uint64_t seed, size_t offset)
{
    struct random random = {.state = seed + offset};
    return (unsigned char)random_next(&random);
}

void contents_fill(const struct played *chunk)
{
    size_t step = step_for(chunk->bytes);
    for (size_t at = 0; at < chunk->bytes; at += step) {
        chunk->ptr[at] = byte_for(chunk->seed, at);
    }
    if (chunk->bytes != 0) {
        chunk->ptr[chunk->bytes - 1] = byte_for(chunk->seed, chunk->bytes - 1);
    }
}

bool contents_are_kept(const struct played *chunk, const unsigned char *ptr, size_t kept)
{
    size_t step = step_for(chunk->bytes);
    for (size_t at = 0; at < kept; at += step) {
        if (ptr[at] != byte_for(chunk->seed, at)) {
            return false;
        }
    }
    return kept == 0 || kept != chunk->bytes || ptr[kept - 1] == byte_for(chunk->seed, kept - 1);
}

size_t contents_first_nonzero(const unsigned char *ptr, size_t from, size_t bytes)
{
    size_t step = step_for(bytes);
    for (size_t at = from % step == 0 ? from : from - from % step + step; at < bytes; at += step) {
        if (ptr[at] != 0) {
            return at;
        }
    }
    return bytes > from && ptr[bytes - 1] != 0 ? bytes - 1 : bytes;
}
