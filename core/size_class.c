// SPDX-License-Identifier: MIT
#include "core/size_class.h"

#include "core/bits.h"
#include "core/check.h"
#include "core/state.h"

unsigned size_class_of(size_t bytes)
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

size_t size_class_bytes(unsigned size_class)
{
    ASSERT(size_class < SIZE_CLASS_COUNT);
    if (size_class < SIZE_CLASS_LINEAR_COUNT) {
        return (size_t)SIZE_CLASS_STEP * (size_class + 1);
    }
    unsigned doubling = (size_class - SIZE_CLASS_LINEAR_COUNT) / 4;
    unsigned step = (size_class - SIZE_CLASS_LINEAR_COUNT) % 4;
    return (size_t)(5 + step) << (5 + doubling);
}

size_t size_class_slack_max(unsigned size_class)
{
    return (size_class < SIZE_CLASS_TINY_COUNT ? UINT8_MAX : UINT16_MAX) - STATE_LIVE;
}

unsigned size_class_of_aligned(size_t bytes, size_t align)
{
    ASSERT(bits_is_power_of_two(align));
    if (bytes > SIZE_CLASS_SMALL_MAX || align > SIZE_CLASS_SMALL_MAX) {
        return SIZE_CLASS_NONE;
    }
    for (unsigned size_class = size_class_of(bytes); size_class < SIZE_CLASS_COUNT; size_class++) {
        size_t chunk = size_class_bytes(size_class);
        if (chunk % align == 0 && chunk - bytes <= size_class_slack_max(size_class)) {
            return size_class;
        }
    }
    return SIZE_CLASS_NONE;
}
