// SPDX-License-Identifier: MIT
// What a played chunk holds: bytes that follow from its seed, at every place of a small chunk and at some
// of a large one, the first and the last always. The places in a smaller chunk are among those in a
// larger one, so that what was written before a realloc is found after it.
#ifndef FT_TESTS_FAKE_CONTENTS_H
#define FT_TESTS_FAKE_CONTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct played {
    unsigned char *ptr; // NULL: none
    size_t bytes;
    size_t align;  // that was asked for
    uint64_t seed; // of its contents
};

// Writes them.
void contents_fill(const struct played *chunk);

// Whether the first `kept` of the chunk's bytes, now at ptr, are what they were.
bool contents_are_kept(const struct played *chunk, const unsigned char *ptr, size_t kept);

// The first place from `from` on where a chunk of `bytes` is not zero; `bytes` if there is none. Looks
// where contents_fill() writes.
size_t contents_first_nonzero(const unsigned char *ptr, size_t from, size_t bytes);

#endif
