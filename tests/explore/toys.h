// SPDX-License-Identifier: MIT
// Small scenarios, whose right answers are known, for the test of the explorer.
#ifndef FT_TESTS_EXPLORE_TOYS_H
#define FT_TESTS_EXPLORE_TOYS_H

#include "tests/explore/explore.h"

// Two fibers add to a number: by a load and a store, by one access, or by a load and a store under the lock.
extern const struct explore_scenario toy_load_and_store;
extern const struct explore_scenario toy_fetch_and_add;
extern const struct explore_scenario toy_locked;

// Each of two fibers says that it is there, and looks whether the other is. toy_looks_seen has a bit for each pair of
// answers that an end had: bit 0 if nobody saw the other, bit 1 if only the first did, and so on.
extern const struct explore_scenario toy_looks;
extern unsigned toy_looks_seen;

// Two fibers give the same thing back: found to be held by a compare-and-exchange, or by a load before a store.
extern const struct explore_scenario toy_give_by_compare;
extern const struct explore_scenario toy_give_by_store;

// Two fibers send a bit each, and announce it unless that is done; the third takes what is announced. It clears the
// announcement before it takes the bits, or, wrongly, after it.
extern const struct explore_scenario toy_clear_before;
extern const struct explore_scenario toy_clear_after;

// Each of two fibers makes TOY_STORES stores that the other does not see.
enum { TOY_STORES = 7 };
extern const struct explore_scenario toy_apart;

// A fiber waits in a loop until another has raised a flag.
extern const struct explore_scenario toy_waits;

// Fibers with numbers on their stacks that must be theirs still when they go on.
extern const struct explore_scenario toy_locals;

// One fiber writes, another reads, a place that is not atomic: after it has seen a flag that was raised in between,
// whether it has seen it or not, after a flag whose order is too weak, or under the lock.
extern const struct explore_scenario toy_reads_after;
extern const struct explore_scenario toy_reads_anyway;
extern const struct explore_scenario toy_reads_relaxed;
extern const struct explore_scenario toy_reads_locked;

// What stops the search in other ways than by a verdict: a fiber takes the lock twice, ends with it, lets go of what
// it has not, traps in one of the orders, never ends, or the verdict traps.
extern const struct explore_scenario toy_takes_twice;
extern const struct explore_scenario toy_keeps;
extern const struct explore_scenario toy_lets_go;
extern const struct explore_scenario toy_traps;
extern const struct explore_scenario toy_endless;
extern const struct explore_scenario toy_turns;
extern const struct explore_scenario toy_verdict_traps;

#endif
