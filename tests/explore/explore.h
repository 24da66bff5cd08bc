// SPDX-License-Identifier: MIT
// Explores every interleaving of a few fibers that run real code, by trying each order of their atomic accesses.
//
//   code under test ──► hooks ──► explore_point() ─┐ each atomic access stops its fiber
//                                                  ▼
//   search: choose a fiber ─► it does its access, and goes on to its next ─► seen this state before? ─► choose …
//
// The code is compiled with -fsanitize=thread, which makes the compiler call a function at each memory access; the
// functions are those of hooks.c, not the sanitizer's. A step of a fiber is one atomic access, or the taking of the
// lock, and what follows until the next. The state is all that fibers can see: the scenario's memory, their stacks
// and registers, and who holds the lock. A state that was seen before is not explored again, so the search ends, and
// then every order has been seen in which sequentially consistent accesses can happen.
//
// A step may go on over plain accesses because no other fiber can tell when they are done: a fiber that makes one to the
// same place after another fiber's, and not ordered after it, has raced with it, and the search says so (race.h). It may
// go on over letting go of the lock, because who waits for that can as well wait until the step is over.
//
// Atomic accesses happen in one order that all fibers see: what they could read by a weaker model the search cannot
// see. What it does see is whether the orders that they name keep plain accesses apart.
#ifndef FT_TESTS_EXPLORE_EXPLORE_H
#define FT_TESTS_EXPLORE_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    EXPLORE_FIBERS_MAX = 4,
    EXPLORE_MEMORY_MAX = 32 << 10,
    EXPLORE_DEPTH_MAX = 2000, // steps of one execution
};

// What a fiber does, with the scenario's memory.
struct explore_fiber {
    const char *name;
    void (*run)(void *memory);
};

struct explore_scenario {
    const char *name;
    const char *about; // one sentence
    size_t
        memory_bytes; // of the memory that all functions get, zeroed at first; fibers share nothing else
    void (*set_up)(void *memory);                    // may be NULL
    struct explore_fiber fibers[EXPLORE_FIBERS_MAX]; // those behind the last have no name
    void (*verdict)(void *memory); // calls explore_fail() if the end is wrong; may be NULL
    size_t states_max;             // the search gives up beyond so many states; 0: it does not
    bool
        with_orders; // a race that the orders of atomic accesses do not prevent counts, too (race.h)
    const void *plan; // the scenario's own, for explore_plan()
    // Writes what an address of the memory is called, or nothing. May be NULL.
    void (*name_of)(const void *memory, const void *at, char *name, size_t bytes);
};

struct explore_result {
    size_t states;   // different ones, the ends included
    size_t steps;    // that were tried
    size_t endings;  // different states in which all fibers have ended
    size_t deepest;  // steps of the longest execution
    bool is_partial; // the search gave up
    bool has_failed;
    char message[256]; // what is wrong
    char schedule[EXPLORE_DEPTH_MAX +
                  1]; // how to get there: a letter for each step, a for the first fiber
};

// Explores all of a scenario, until something is wrong.
void explore_run(const struct explore_scenario *scenario, struct explore_result *result);

// Plays one schedule, and prints each of its steps if `loud`. At its end the verdict is asked for if all fibers have
// ended. False if the schedule asks for a fiber that cannot go on.
bool explore_replay(const struct explore_scenario *scenario, const char *schedule, bool loud,
                    struct explore_result *result);

// ---- for scenarios ------------------------------------------------------------------------------

// Something is wrong. The first message counts.
__attribute__((format(printf, 1, 2))) void explore_fail(const char *format, ...);

// The scenario's plan, and which of its fibers is running.
const void *explore_plan(void);
unsigned explore_self(void);

// The lock. A fiber waits until it is free. Outside of fibers it does nothing.
void explore_lock(void);
void explore_unlock(void);

// ---- for hooks ----------------------------------------------------------------------------------

enum explore_kind {
    EXPLORE_LOAD,
    EXPLORE_STORE,
    EXPLORE_EXCHANGE,
    EXPLORE_ADD,
    EXPLORE_AND,
    EXPLORE_OR,
    EXPLORE_COMPARE,
    EXPLORE_LOCK,
};

// What a fiber is about to do.
struct explore_access {
    enum explore_kind kind;
    uint32_t bytes;
    const volatile void *at;
    const void *code; // the address behind the access
};

// An atomic access comes next. Other fibers may go on before it is done.
void explore_point(enum explore_kind kind, const volatile void *at, uint32_t bytes,
                   const void *code);

// That access has been done, with this order: it has read the object, or written it, or both.
void explore_done(const volatile void *at, bool has_read, bool has_written, int order);

// An access that is not atomic comes next. Other fibers do not go on before it is done, but must not be in its way.
void explore_plain(const void *at, size_t bytes, bool is_write, const void *code);

#endif
