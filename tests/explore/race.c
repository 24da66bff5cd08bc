// SPDX-License-Identifier: MIT
#include "tests/explore/race.h"

#include <string.h>

static uint8_t greater(uint8_t one, uint8_t other)
{
    return one > other ? one : other;
}

// ---- ranges -------------------------------------------------------------------------------------

static unsigned range_count(const struct race_range *ranges)
{
    unsigned count = 0;
    while (count < RACE_RANGES_MAX && ranges[count].end != 0) {
        count++;
    }
    return count;
}

static void remove_range(struct race_range *ranges, unsigned index)
{
    memmove(&ranges[index], &ranges[index + 1], (RACE_RANGES_MAX - 1 - index) * sizeof(*ranges));
    ranges[RACE_RANGES_MAX - 1] = (struct race_range){.end = 0};
}

// Whether who races with `older` races with `newer`, too.
static bool is_covered(const struct race_range *older, const struct race_range *newer)
{
    return newer->start <= older->start && older->end <= newer->end &&
           newer->is_write >= older->is_write;
}

static void note(struct race_range *ranges, const struct race_range *access)
{
    struct race_range added = *access;
    for (unsigned index = range_count(ranges); index-- != 0;) {
        struct race_range *range = &ranges[index];
        if (range->epoch == added.epoch && is_covered(&added, range)) {
            return;
        }
        bool touches = added.start <= range->end && range->start <= added.end;
        if (touches && range->epoch == added.epoch && range->is_write == added.is_write) {
            added.start = added.start < range->start ? added.start : range->start;
            added.end = added.end > range->end ? added.end : range->end;
            added.code = range->code;
        }
        if (is_covered(range, &added)) {
            remove_range(ranges, index);
        }
    }
    unsigned count = range_count(ranges);
    if (count < RACE_RANGES_MAX) {
        ranges[count] = added;
    }
}

const struct race_range *race_access(struct race_state *state, unsigned self,
                                     const struct race_range *access, unsigned *other)
{
    struct race_range own = *access;
    own.epoch = (uint8_t)(state->ended[self] + 1);
    note(state->ranges[self], &own);
    for (*other = 0; *other < EXPLORE_FIBERS_MAX; ++*other) {
        const struct race_range *range = state->ranges[*other];
        unsigned count = *other != self ? range_count(range) : 0;
        for (; count != 0; range++, count--) {
            if (access->start < range->end && range->start < access->end &&
                (access->is_write || range->is_write) &&
                range->epoch > state->known[self][*other]) {
                return range;
            }
        }
    }
    return NULL;
}

// ---- what fibers know of each other -------------------------------------------------------------

// The place at an address, or where it belongs.
static unsigned find_place(const struct race_state *state, uint32_t at)
{
    unsigned index = 0;
    while (index < state->place_count && state->places[index].at < at) {
        index++;
    }
    return index;
}

static bool is_place(const struct race_state *state, unsigned index, uint32_t at)
{
    return index < state->place_count && state->places[index].at == at;
}

static void remove_place(struct race_state *state, unsigned index)
{
    memmove(&state->places[index], &state->places[index + 1],
            (state->place_count - 1 - index) * sizeof(*state->places));
    state->places[--state->place_count] = (struct race_place){.at = 0};
}

void race_acquire(struct race_state *state, unsigned self, uint32_t place)
{
    unsigned index = find_place(state, place);
    if (!is_place(state, index, place)) {
        return;
    }
    for (unsigned fiber = 0; fiber < EXPLORE_FIBERS_MAX; fiber++) {
        uint8_t *known = &state->known[self][fiber];
        *known = greater(*known, state->places[index].released[fiber]);
    }
}

void race_overwrite(struct race_state *state, uint32_t place)
{
    unsigned index = find_place(state, place);
    if (is_place(state, index, place)) {
        remove_place(state, index);
    }
}

void race_release(struct race_state *state, unsigned self, uint32_t place, bool adds)
{
    if (!adds) {
        race_overwrite(state, place);
    }
    unsigned index = find_place(state, place);
    if (!is_place(state, index, place)) {
        if (state->place_count == RACE_PLACES_MAX) {
            return;
        }
        memmove(&state->places[index + 1], &state->places[index],
                (state->place_count - index) * sizeof(*state->places));
        state->places[index] = (struct race_place){.at = place};
        state->place_count++;
    }
    state->ended[self]++;
    uint8_t *released = state->places[index].released;
    for (unsigned fiber = 0; fiber < EXPLORE_FIBERS_MAX; fiber++) {
        released[fiber] = greater(released[fiber], state->known[self][fiber]);
    }
    released[self] = state->ended[self];
}

// ---- the same state in the same form ------------------------------------------------------------

// The last epoch of a fiber that all others know which may still want to.
static uint8_t known_by_all(const struct race_state *state, unsigned of, unsigned fiber_count,
                            unsigned is_over)
{
    uint8_t least = UINT8_MAX;
    for (unsigned fiber = 0; fiber < fiber_count; fiber++) {
        if (fiber != of && (is_over >> fiber & 1) == 0 && state->known[fiber][of] < least) {
            least = state->known[fiber][of];
        }
    }
    return least;
}

// How many of the fiber's epochs up to this one have ranges.
static uint8_t rank(const bool has_ranges[UINT8_MAX + 1], uint8_t epoch)
{
    unsigned count = 0;
    for (unsigned earlier = 1; earlier <= epoch; earlier++) {
        count += has_ranges[earlier];
    }
    return (uint8_t)count;
}

static void settle_fiber(struct race_state *state, unsigned of, uint8_t least)
{
    bool has_ranges[UINT8_MAX + 1] = {false};
    struct race_range *ranges = state->ranges[of];
    for (unsigned index = range_count(ranges); index-- != 0;) {
        if (ranges[index].epoch <= least) {
            remove_range(ranges, index);
        } else {
            has_ranges[ranges[index].epoch] = true;
        }
    }
    for (unsigned index = range_count(ranges); index-- != 0;) {
        ranges[index].epoch = rank(has_ranges, ranges[index].epoch);
    }
    for (unsigned fiber = 0; fiber < EXPLORE_FIBERS_MAX; fiber++) {
        state->known[fiber][of] = rank(has_ranges, state->known[fiber][of]);
    }
    for (unsigned index = 0; index < state->place_count; index++) {
        state->places[index].released[of] = rank(has_ranges, state->places[index].released[of]);
    }
    state->ended[of] = rank(has_ranges, state->ended[of]);
}

void race_settle(struct race_state *state, unsigned fiber_count, unsigned is_over)
{
    static const uint8_t nothing[EXPLORE_FIBERS_MAX];
    for (unsigned fiber = 0; fiber < fiber_count; fiber++) {
        settle_fiber(state, fiber, known_by_all(state, fiber, fiber_count, is_over));
    }
    for (unsigned index = state->place_count; index-- != 0;) {
        if (memcmp(state->places[index].released, nothing, sizeof nothing) == 0) {
            remove_place(state, index);
        }
    }
}
