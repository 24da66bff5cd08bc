// SPDX-License-Identifier: MIT
// Size classes: the rounding steps of TINY and SMALL chunks.
//
//   TINY   16 32 48 64 80 96 112 128     steps of 16 bytes
//          160 192 224 256 ... 1024      four steps for each doubling
//   SMALL  1280 1536 1792 2048 ... 32768 four steps for each doubling
//
// Rounding up to a class wastes less than 16 bytes below 129 and less than a quarter of the request
// above. Every class is a multiple of 16, so every chunk is aligned to 16.
//
// The slack of a chunk (class size less requested size) is kept in its state (state.h), and a request whose slack does not
// fit that of its class goes to a class where it does (only requests with an alignment meet this case).
#ifndef FT_CORE_SIZE_CLASS_H
#define FT_CORE_SIZE_CLASS_H

#include "core/bits.h"
#include "core/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SIZE_CLASS_STEP = 16, // bytes between the first classes, and the alignment of every chunk
    SIZE_CLASS_LINEAR_COUNT = 8, // classes in steps of 16 bytes: up to 128
    SIZE_CLASS_TINY_COUNT = 20,  // classes with one-byte states
    SIZE_CLASS_COUNT = 40,       // all classes
    SIZE_CLASS_NONE = SIZE_CLASS_COUNT,
    SIZE_CLASS_TINY_MAX = 1024,   // bytes of the largest TINY class
    SIZE_CLASS_SMALL_MAX = 32768, // bytes of the largest class
};

// ANY. The smallest class that holds this many bytes. bytes is at most SIZE_CLASS_SMALL_MAX.
static inline unsigned size_class_of(size_t bytes)
{
    ASSERT(bytes <= SIZE_CLASS_SMALL_MAX);
    if (bytes <= SIZE_CLASS_LINEAR_COUNT * SIZE_CLASS_STEP) {
        return bytes == 0 ? 0 : (unsigned)((bytes - 1) / SIZE_CLASS_STEP);
    }
    // The two bits below the highest one of (bytes - 1) choose the step within the doubling.
    unsigned high = bits_highest(bytes - 1);
    unsigned step = (unsigned)((bytes - 1) >> (high - 2)) & 3U;
    return SIZE_CLASS_LINEAR_COUNT + (high - 7) * 4 + step;
}

// ANY. The chunk size of a class, in bytes.
static inline size_t size_class_bytes(unsigned size_class)
{
    ASSERT(size_class < SIZE_CLASS_COUNT);
    if (size_class < SIZE_CLASS_LINEAR_COUNT) {
        return (size_t)SIZE_CLASS_STEP * (size_class + 1);
    }
    unsigned doubling = (size_class - SIZE_CLASS_LINEAR_COUNT) / 4;
    unsigned step = (size_class - SIZE_CLASS_LINEAR_COUNT) % 4;
    return (size_t)(5 + step) << (5 + doubling);
}

// ANY. The largest slack that a chunk of this class can note in its state, in bytes.
size_t size_class_slack_max(unsigned size_class);

// ANY. The smallest class whose chunks hold `bytes`, are aligned to `align` (a power of two) in a
// zone whose base is, and can note the slack; SIZE_CLASS_NONE if there is none.
unsigned size_class_of_aligned(size_t bytes, size_t align);

#endif
