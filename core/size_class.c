// SPDX-License-Identifier: MIT
#include "core/size_class.h"

#include "core/bits.h"
#include "core/check.h"
#include "core/state.h"

size_t size_class_slack_max(unsigned size_class)
{
    return size_class < SIZE_CLASS_TINY_COUNT ? STATE_SLACK_TINY : STATE_SLACK_SMALL;
}

unsigned size_class_of_aligned(size_t bytes, size_t align)
{
    ASSERT(bits_is_power_of_two(align));
    if (bytes > SIZE_CLASS_SMALL_MAX || align > SIZE_CLASS_SMALL_MAX) {
        return SIZE_CLASS_NONE;
    }
    // The largest class has every alignment up to its size; only of no bytes at all it cannot note the slack.
    unsigned size_class = size_class_of(bytes);
    while (size_class < SIZE_CLASS_COUNT &&
           (size_class_bytes(size_class) % align != 0 ||
            size_class_bytes(size_class) - bytes > size_class_slack_max(size_class))) {
        size_class++;
    }
    return size_class;
}
