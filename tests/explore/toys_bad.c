// SPDX-License-Identifier: MIT
// Scenarios that end in other ways than by a verdict.
#include "tests/explore/toys.h"

#include <stdatomic.h>

struct bad {
    _Atomic uint64_t number;
    uint64_t plain;
};

static void add_at_once(void *memory)
{
    struct bad *bad = memory;
    atomic_fetch_add_explicit(&bad->number, 1, memory_order_relaxed);
}

static void add_locked(void *memory)
{
    explore_lock();
    add_at_once(memory);
    explore_unlock();
}

static void take_twice(void *memory)
{
    (void)memory;
    explore_lock();
    explore_lock();
}

static void take_and_end(void *memory)
{
    (void)memory;
    explore_lock();
}

static void let_go(void *memory)
{
    (void)memory;
    explore_unlock();
}

static void trap_if_two(void *memory)
{
    struct bad *bad = memory;
    if (atomic_load_explicit(&bad->number, memory_order_relaxed) == 2) {
        __builtin_trap();
    }
}

static void add_for_ever(void *memory)
{
    for (;;) {
        add_at_once(memory);
    }
}

static void turn_for_ever(void *memory)
{
    const struct bad *bad = memory;
    for (volatile uint64_t turns = 0; bad->plain == 0; turns = turns + 1) {
    }
}

static void add_twice(void *memory)
{
    add_at_once(memory);
    add_at_once(memory);
}

const struct explore_scenario toy_takes_twice = {
    .name = "takes_twice",
    .memory_bytes = sizeof(struct bad),
    .fibers = {{"greedy", take_twice}, {"other", add_locked}},
};

const struct explore_scenario toy_keeps = {
    .name = "keeps",
    .memory_bytes = sizeof(struct bad),
    .fibers = {{"greedy", take_and_end}},
};

const struct explore_scenario toy_lets_go = {
    .name = "lets_go",
    .memory_bytes = sizeof(struct bad),
    .fibers = {{"hasty", let_go}},
};

const struct explore_scenario toy_traps = {
    .name = "traps",
    .memory_bytes = sizeof(struct bad),
    .fibers = {{"looks", trap_if_two}, {"adds", add_twice}},
};

const struct explore_scenario toy_endless = {
    .name = "endless",
    .memory_bytes = sizeof(struct bad),
    .fibers = {{"restless", add_for_ever}},
};

const struct explore_scenario toy_turns = {
    .name = "turns",
    .memory_bytes = sizeof(struct bad),
    .fibers = {{"restless", turn_for_ever}},
};

static void verdict_trap(void *memory)
{
    (void)memory;
    __builtin_trap();
}

const struct explore_scenario toy_verdict_traps = {
    .name = "verdict_traps",
    .memory_bytes = sizeof(struct bad),
    .fibers = {{"one", add_at_once}},
    .verdict = verdict_trap,
};
