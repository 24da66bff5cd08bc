// SPDX-License-Identifier: MIT
#include "tests/regions/traces.h"

#include "tests/regions/maker.h"

#include <stdlib.h>

enum { STEADY_PERCENT = 40, FILL_STEP_PERCENT = 5, FILL_PERCENT_MAX = 120 };

static const char *const names[TRACE_KIND_COUNT] = {
    "frames", "packets", "trees", "strings", "uniform", "skewed", "lifo", "phases", "pools", "comb",
};

const char *trace_name(enum trace_kind kind)
{
    return names[kind];
}

// A size for what a larger region has more of: up to a part of the region, 64 KiB at most.
static uint32_t sized_to(const struct maker *maker, uint32_t part)
{
    size_t bytes = maker->region_bytes / part;
    return bytes > 65536 ? 65536 : (uint32_t)bytes;
}

// How many calls come at once: up to `most`, a few on the smallest regions.
static uint32_t burst(struct maker *maker, uint32_t most)
{
    size_t most_here = maker->region_bytes >> 14;
    return maker_between(maker, 1, most_here < most ? (uint32_t)most_here : most);
}

static bool is_below(const struct maker *maker)
{
    return maker->live_bytes < maker->target;
}

static void free_any_until_below(struct maker *maker, unsigned bag)
{
    while (!is_below(maker) && maker_count(maker, bag) != 0) {
        maker_free_any(maker, bag);
    }
}

// ---- sizes --------------------------------------------------------------------------------------

struct range {
    uint32_t percent;
    uint32_t first;
    uint32_t last;
};

static uint32_t size_from(struct maker *maker, const struct range *ranges)
{
    uint32_t percent = random_below(&maker->random, 100);
    while (percent >= ranges->percent) {
        percent -= ranges->percent;
        ranges++;
    }
    return maker_between(maker, ranges->first, ranges->last);
}

static const struct range skewed[] = {
    {25, 1, 16},   {30, 17, 32},   {25, 33, 64},    {10, 65, 128},
    {6, 129, 512}, {2, 513, 1024}, {2, 1025, 4096},
};
static const struct range objects[] = {{70, 32, 256}, {25, 257, 1024}, {5, 1025, 2048}};
static const struct range words[] = {{70, 1, 12}, {25, 13, 40}, {5, 41, 200}};

// ---- what happens next, for each kind ---------------------------------------------------------------

enum { LEVEL, FRAME };

static void step_frames(struct maker *maker)
{
    for (unsigned object = burst(maker, 24); object-- > 0;) {
        maker_alloc(maker, FRAME, maker_between(maker, 16, 320), 0);
    }
    maker_alloc(maker, FRAME, maker_between(maker, 64, 512), 64);
    for (unsigned spawned = 0; spawned < 4 && is_below(maker); spawned++) {
        maker_alloc(maker, LEVEL, size_from(maker, objects), 0);
    }
    if (is_below(maker) && random_chance(&maker->random, 10)) {
        maker_alloc(maker, LEVEL, maker_between(maker, 1024, sized_to(maker, 24)), 0);
    }
    maker_free_all(maker, FRAME);
    free_any_until_below(maker, LEVEL);
    // The end of a level: most of it goes.
    if (random_below(&maker->random, (uint32_t)(maker->region_bytes >> 6)) == 0) {
        for (size_t gone = maker_count(maker, LEVEL) * 3 / 4; gone-- > 0;) {
            maker_free_any(maker, LEVEL);
        }
    }
}

static void step_packets(struct maker *maker)
{
    for (unsigned packet = burst(maker, 12); packet-- > 0;) {
        uint32_t what = random_below(&maker->random, 10);
        uint32_t bytes = what < 4 ? maker_between(maker, 60, 128) : what < 6 ? 590 : 1514;
        maker_alloc(maker, 0, 56, 0);
        maker_alloc(maker, 0, bytes, 0);
    }
    // Some are answered late.
    if (random_chance(&maker->random, 20) && maker_count(maker, 0) != 0) {
        maker_move_newest(maker, 0, 1);
    }
    while (!is_below(maker) && maker_count(maker, 0) != 0) {
        maker_free_oldest(maker, 0);
    }
    if (random_chance(&maker->random, 20) || maker_count(maker, 0) == 0) {
        free_any_until_below(maker, 1);
        if (maker_count(maker, 1) > 8) {
            maker_free_oldest(maker, 1);
        }
    }
}

static void step_trees(struct maker *maker)
{
    unsigned tree = (unsigned)(maker->turn % BAG_COUNT);
    for (unsigned node = 0; node < 8; node++) {
        maker_alloc(maker, tree, random_chance(&maker->random, 75) ? 40 : 88, 0);
        if (random_chance(&maker->random, 50)) {
            maker_alloc(maker, tree, size_from(maker, words), 0);
        }
    }
    if (random_below(&maker->random, (uint32_t)(maker->region_bytes >> 13)) == 0) {
        maker->turn++;
    }
    for (unsigned older = 0; !is_below(maker) && older < BAG_COUNT; older++) {
        unsigned victim = random_below(&maker->random, BAG_COUNT);
        // Children before parents, or parents before children.
        while (maker_count(maker, victim) != 0 && (older & 1) != 0) {
            maker_free_newest(maker, victim);
        }
        maker_free_all(maker, victim);
    }
}

static void step_strings(struct maker *maker)
{
    uint32_t longest = sized_to(maker, 24);
    if (is_below(maker) && (maker_count(maker, 0) == 0 || random_chance(&maker->random, 25))) {
        maker_alloc(maker, 0, maker_between(maker, 8, 80), 0);
    }
    if (maker_count(maker, 0) != 0) {
        maker_resize_any(maker, 0, 150, 8); // it is the newest now
        if (maker_newest_bytes(maker, 0) > longest) {
            maker_free_newest(maker, 0);
        } else if (maker_newest_bytes(maker, 0) > longest / 8 &&
                   random_chance(&maker->random, 25)) {
            // Full-grown: it is cut to what it holds and stays.
            maker_resize_newest(maker, 0, 80, 0);
            maker_move_newest(maker, 0, 1);
        }
    }
    while (!is_below(maker)) {
        unsigned bag = random_below(&maker->random, 2);
        maker_free_any(maker, maker_count(maker, bag) != 0 ? bag : 1 - bag);
    }
}

// Below the target mostly more, above it less, and always a little of both.
static bool wants_more(struct maker *maker, unsigned bag)
{
    return maker_count(maker, bag) == 0 || (is_below(maker) && !random_chance(&maker->random, 20));
}

static void step_uniform(struct maker *maker)
{
    if (wants_more(maker, 0)) {
        maker_alloc(maker, 0, maker_between(maker, 16, 512), 0);
        return;
    }
    maker_free_any(maker, 0);
}

static void step_skewed(struct maker *maker)
{
    if (wants_more(maker, 0)) {
        maker_alloc(maker, 0, size_from(maker, skewed), 0);
        return;
    }
    maker_free_any(maker, 0);
}

static void step_lifo(struct maker *maker)
{
    for (unsigned call = burst(maker, 30); call-- > 0;) {
        maker_alloc(maker, 0, size_from(maker, random_chance(&maker->random, 80) ? words : objects),
                    0);
    }
    if (!is_below(maker)) {
        size_t low = maker->target - maker_between(maker, 1, (uint32_t)(maker->target / 2));
        while (maker->live_bytes > low) {
            maker_free_newest(maker, 0);
        }
    }
}

static void step_phases(struct maker *maker)
{
    static const struct range mixes[3][2] = {
        {{90, 8, 64}, {10, 64, 256}},
        {{80, 100, 400}, {20, 400, 900}},
        {{60, 500, 1500}, {40, 1500, 4000}},
    };
    if (++maker->phase >= maker->region_bytes / 256) {
        maker->phase = 0;
        maker->turn++;
        for (size_t gone = maker_count(maker, 0) * 2 / 3; gone-- > 0;) {
            maker_free_any(maker, 0);
        }
    }
    if (wants_more(maker, 0)) {
        maker_alloc(maker, 0, size_from(maker, mixes[maker->turn % 3]), 0);
        return;
    }
    maker_free_any(maker, 0);
}

static void step_pools(struct maker *maker)
{
    static const uint32_t sizes[4] = {24, 40, 136, 1032};
    unsigned pool = random_below(&maker->random, 4);
    if (wants_more(maker, pool)) {
        maker_alloc(maker, pool, sizes[pool], 0);
        return;
    }
    maker_free_any(maker, pool);
}

enum { TEETH, GAPS };

static void step_comb(struct maker *maker)
{
    static const uint32_t sizes[] = {24,  40,  56,  72,  88,  112, 136,  168, 216,
                                     264, 328, 408, 520, 648, 808, 1032, 1288};
    if (is_below(maker)) {
        size_t size = maker->turn % (sizeof sizes / sizeof sizes[0]);
        maker_alloc(maker, ++maker->phase % 8 == 0 ? TEETH : GAPS, sizes[size], 0);
        return;
    }
    maker->turn++;
    maker_free_all(maker, GAPS);
    while (maker->live_bytes > maker->target / 2) {
        maker_free_oldest(maker, TEETH);
    }
}

// ---- the whole --------------------------------------------------------------------------------------

static void (*const steps[TRACE_KIND_COUNT])(struct maker *) = {
    step_frames, step_packets, step_trees,  step_strings, step_uniform,
    step_skewed, step_lifo,    step_phases, step_pools,   step_comb,
};

// Calls at one level of filling: about as many as there are chunks by then.
static size_t calls_at_level(const struct maker *maker, size_t op_count)
{
    size_t calls = 2 * maker->live_count + 64;
    size_t share = op_count / (FILL_PERCENT_MAX / FILL_STEP_PERCENT);
    return calls < share ? calls : share;
}

struct trace trace_make(enum trace_kind kind, enum trace_plan plan, size_t region_bytes,
                        size_t op_count, uint64_t seed)
{
    struct maker maker = {
        .region_bytes = region_bytes,
        .target = region_bytes / 100 * STEADY_PERCENT,
        .random = {.state = seed ^ (uint64_t)kind << 32},
    };
    if (plan == TRACE_STEADY) {
        while (maker.trace.count < op_count) {
            steps[kind](&maker);
        }
        return maker_finish(&maker, true);
    }
    for (unsigned percent = FILL_STEP_PERCENT; percent <= FILL_PERCENT_MAX;
         percent += FILL_STEP_PERCENT) {
        maker.target = region_bytes / 100 * percent;
        do {
            steps[kind](&maker);
        } while (is_below(&maker) && maker.live_bytes + region_bytes / 64 < maker.target);
        size_t end = maker.trace.count + calls_at_level(&maker, op_count);
        while (maker.trace.count < end) {
            steps[kind](&maker);
        }
    }
    return maker_finish(&maker, false);
}

void trace_free(struct trace *trace)
{
    free(trace->ops);
    *trace = (struct trace){.ops = NULL};
}
