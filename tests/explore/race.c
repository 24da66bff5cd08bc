// SPDX-License-Identifier: MIT
#include "tests/explore/race.h"

void race_note(struct race_ranges *own, const struct race_range *access)
{
    for (unsigned index = 0; index < RACE_RANGES_MAX; index++) {
        struct race_range *range = &own->ranges[index];
        if (range->end == 0) {
            *range = *access;
            return;
        }
        bool touches = access->start <= range->end && range->start <= access->end;
        if (touches && range->is_write == access->is_write) {
            range->start = access->start < range->start ? access->start : range->start;
            range->end = access->end > range->end ? access->end : range->end;
            return;
        }
    }
}

const struct race_range *race_find(const struct race_ranges *other, const struct race_range *access)
{
    for (unsigned index = 0; index < RACE_RANGES_MAX && other->ranges[index].end != 0; index++) {
        const struct race_range *range = &other->ranges[index];
        if (access->start < range->end && range->start < access->end &&
            (access->is_write | range->is_write) != 0) {
            return range;
        }
    }
    return NULL;
}
