// SPDX-License-Identifier: MIT
// What chunks hold. A word of a chunk's contents tells the chunk and the place, so that one chunk's bytes
// are never taken for another's. Few words of a large chunk are written, its ends always; of one chunk in
// sixteen, every word.
#ifndef FT_TESTS_MODEL_PATTERN_H
#define FT_TESTS_MODEL_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { PATTERN_FULL_BYTES_MAX = 1 << 16 };

static inline uint64_t pattern_word(uint32_t tag, size_t offset)
{
    return (tag + ((uint64_t)offset << 32) + offset) * 0x9E3779B97F4A7C15 + tag;
}

// From one word to the next that is written.
static inline size_t pattern_stride(size_t bytes, uint32_t tag)
{
    if (bytes <= 64 || (tag % 16 == 0 && bytes <= PATTERN_FULL_BYTES_MAX)) {
        return 8;
    }
    size_t eighth = bytes >> 3 & ~(size_t)7;
    return eighth > 8 ? eighth : 8;
}

static inline void pattern_fill(unsigned char *ptr, size_t bytes, uint32_t tag)
{
    size_t words_end = bytes & ~(size_t)7;
    size_t stride = pattern_stride(bytes, tag);
    for (size_t at = 0; at < words_end; at += stride) {
        uint64_t word = pattern_word(tag, at);
        memcpy(ptr + at, &word, 8);
    }
    if (words_end != 0) {
        uint64_t word = pattern_word(tag, words_end - 8);
        memcpy(ptr + words_end - 8, &word, 8);
    }
    uint64_t word = pattern_word(tag, words_end);
    memcpy(ptr + words_end, &word, bytes - words_end);
}

static inline bool pattern_word_is(const unsigned char *ptr, uint32_t tag, size_t at)
{
    uint64_t word;
    memcpy(&word, ptr + at, 8);
    return word == pattern_word(tag, at);
}

// Whether the first `kept` bytes of a chunk that was filled as one of `bytes` bytes are as they were.
static inline bool pattern_holds(const unsigned char *ptr, size_t bytes, size_t kept, uint32_t tag)
{
    size_t words_end = bytes & ~(size_t)7;
    size_t kept_end = (kept < bytes ? kept : bytes) & ~(size_t)7;
    size_t stride = pattern_stride(bytes, tag);
    for (size_t at = 0; at < kept_end; at += stride) {
        if (!pattern_word_is(ptr, tag, at)) {
            return false;
        }
    }
    if (kept < bytes) {
        return true;
    }
    if (words_end != 0 && !pattern_word_is(ptr, tag, words_end - 8)) {
        return false;
    }
    uint64_t word = pattern_word(tag, words_end);
    return memcmp(ptr + words_end, &word, bytes - words_end) == 0;
}

#endif
