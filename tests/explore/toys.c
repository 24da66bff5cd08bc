// SPDX-License-Identifier: MIT
#include "tests/explore/toys.h"

#include <stdatomic.h>

struct toy {
    _Atomic uint64_t number;
    _Atomic uint64_t bits;
    _Atomic uint8_t is_announced;
    _Atomic uint8_t is_listed;
    _Atomic uint8_t flags[2];
    _Atomic uint16_t apart[2];
    _Atomic uint32_t state;
    uint64_t seen[2]; // each is one fiber's
    uint64_t taken;
};

static uint64_t load(const _Atomic uint64_t *at)
{
    return atomic_load_explicit(at, memory_order_acquire);
}

static void store(_Atomic uint64_t *at, uint64_t value)
{
    atomic_store_explicit(at, value, memory_order_release);
}

// ---- a number -----------------------------------------------------------------------------------

static void add_by_store(void *memory)
{
    struct toy *toy = memory;
    store(&toy->number, load(&toy->number) + 1);
}

static void add_at_once(void *memory)
{
    struct toy *toy = memory;
    atomic_fetch_add_explicit(&toy->number, 1, memory_order_relaxed);
}

static void add_locked(void *memory)
{
    explore_lock();
    add_by_store(memory);
    explore_unlock();
}

static void verdict_two(void *memory)
{
    struct toy *toy = memory;
    if (load(&toy->number) != 2) {
        explore_fail("the number is %d", (int)load(&toy->number));
    }
}

const struct explore_scenario toy_load_and_store = {
    .name = "load_and_store",
    .memory_bytes = sizeof(struct toy),
    .fibers = {{"one", add_by_store}, {"other", add_by_store}},
    .verdict = verdict_two,
};

const struct explore_scenario toy_fetch_and_add = {
    .name = "fetch_and_add",
    .memory_bytes = sizeof(struct toy),
    .fibers = {{"one", add_at_once}, {"other", add_at_once}},
    .verdict = verdict_two,
};

const struct explore_scenario toy_locked = {
    .name = "locked",
    .memory_bytes = sizeof(struct toy),
    .fibers = {{"one", add_locked}, {"other", add_locked}},
    .verdict = verdict_two,
};

// ---- who sees whom ------------------------------------------------------------------------------

unsigned toy_looks_seen;

static void look(struct toy *toy, unsigned self)
{
    atomic_store_explicit(&toy->flags[self], 1, memory_order_seq_cst);
    toy->seen[self] = atomic_load_explicit(&toy->flags[1 - self], memory_order_seq_cst);
}

static void look_first(void *memory)
{
    look(memory, 0);
}

static void look_second(void *memory)
{
    look(memory, 1);
}

static void verdict_looks(void *memory)
{
    const struct toy *toy = memory;
    toy_looks_seen |= 1U << (toy->seen[0] + 2 * toy->seen[1]);
}

const struct explore_scenario toy_looks = {
    .name = "looks",
    .memory_bytes = sizeof(struct toy),
    .fibers = {{"first", look_first}, {"second", look_second}},
    .verdict = verdict_looks,
};

// ---- a thing given back -------------------------------------------------------------------------

enum { STATE_GONE, STATE_HELD };

static void set_up_held(void *memory)
{
    struct toy *toy = memory;
    atomic_store_explicit(&toy->state, STATE_HELD, memory_order_relaxed);
}

static uint64_t give_by_compare(struct toy *toy)
{
    uint32_t expected = STATE_HELD;
    return atomic_compare_exchange_strong_explicit(&toy->state, &expected, STATE_GONE,
                                                   memory_order_relaxed, memory_order_relaxed);
}

static uint64_t give_by_store(struct toy *toy)
{
    if (atomic_load_explicit(&toy->state, memory_order_relaxed) != STATE_HELD) {
        return 0;
    }
    atomic_store_explicit(&toy->state, STATE_GONE, memory_order_relaxed);
    return 1;
}

static void compare_first(void *memory)
{
    struct toy *toy = memory;
    toy->seen[0] = give_by_compare(toy);
}

static void compare_second(void *memory)
{
    struct toy *toy = memory;
    toy->seen[1] = give_by_compare(toy);
}

static void store_first(void *memory)
{
    struct toy *toy = memory;
    toy->seen[0] = give_by_store(toy);
}

static void verdict_given_once(void *memory)
{
    const struct toy *toy = memory;
    if (toy->seen[0] + toy->seen[1] != 1) {
        explore_fail("given back %d times", (int)(toy->seen[0] + toy->seen[1]));
    }
}

const struct explore_scenario toy_give_by_compare = {
    .name = "give_by_compare",
    .memory_bytes = sizeof(struct toy),
    .set_up = set_up_held,
    .fibers = {{"first", compare_first}, {"second", compare_second}},
    .verdict = verdict_given_once,
};

const struct explore_scenario toy_give_by_store = {
    .name = "give_by_store",
    .memory_bytes = sizeof(struct toy),
    .set_up = set_up_held,
    .fibers = {{"first", store_first}, {"second", compare_second}},
    .verdict = verdict_given_once,
};

// ---- bits that are sent -------------------------------------------------------------------------

static void send(struct toy *toy, uint64_t bit)
{
    atomic_fetch_or_explicit(&toy->bits, bit, memory_order_release);
    if (atomic_exchange_explicit(&toy->is_announced, 1, memory_order_acq_rel) == 0) {
        atomic_store_explicit(&toy->is_listed, 1, memory_order_release);
    }
}

static void send_first(void *memory)
{
    send(memory, 1);
}

static void send_second(void *memory)
{
    send(memory, 2);
}

static void take(struct toy *toy, bool clears_before)
{
    if (atomic_exchange_explicit(&toy->is_listed, 0, memory_order_acquire) == 0) {
        return;
    }
    if (clears_before) {
        atomic_exchange_explicit(&toy->is_announced, 0, memory_order_acq_rel);
    }
    toy->taken += atomic_exchange_explicit(&toy->bits, 0, memory_order_acquire);
    if (!clears_before) {
        atomic_store_explicit(&toy->is_announced, 0, memory_order_release);
    }
}

static void take_clearing_before(void *memory)
{
    take(memory, true);
}

static void take_clearing_after(void *memory)
{
    take(memory, false);
}

static void verdict_taken(void *memory)
{
    struct toy *toy = memory;
    take(toy, true);
    if (toy->taken != 3) {
        explore_fail("taken is %d", (int)toy->taken);
    }
}

const struct explore_scenario toy_clear_before = {
    .name = "clear_before",
    .memory_bytes = sizeof(struct toy),
    .fibers = {{"first", send_first}, {"second", send_second}, {"owner", take_clearing_before}},
    .verdict = verdict_taken,
};

const struct explore_scenario toy_clear_after = {
    .name = "clear_after",
    .memory_bytes = sizeof(struct toy),
    .fibers = {{"first", send_first}, {"second", send_second}, {"owner", take_clearing_after}},
    .verdict = verdict_taken,
};

// ---- how much there is to see -------------------------------------------------------------------

static void store_apart(struct toy *toy, unsigned self)
{
    for (unsigned value = 1; value <= TOY_STORES; value++) {
        atomic_store_explicit(&toy->apart[self], (uint16_t)value, memory_order_relaxed);
    }
}

static void store_apart_first(void *memory)
{
    store_apart(memory, 0);
}

static void store_apart_second(void *memory)
{
    store_apart(memory, 1);
}

const struct explore_scenario toy_apart = {
    .name = "apart",
    .memory_bytes = sizeof(struct toy),
    .fibers = {{"first", store_apart_first}, {"second", store_apart_second}},
};

static void wait_for_number(void *memory)
{
    struct toy *toy = memory;
    while (load(&toy->number) == 0) {
    }
    toy->taken = 3;
}

const struct explore_scenario toy_waits = {
    .name = "waits",
    .memory_bytes = sizeof(struct toy),
    .fibers = {{"waits", wait_for_number}, {"raises", add_at_once}},
    .verdict = verdict_taken,
};

// Numbers in an array stay on the stack, others in registers.
static void add_locals(void *memory)
{
    struct toy *toy = memory;
    volatile uint64_t numbers[4] = {1, 2, 3, 4};
    uint64_t sum = 0;
    for (unsigned index = 0; index < 4; index++) {
        sum += numbers[index];
        uint64_t before = atomic_fetch_add_explicit(&toy->number, 1, memory_order_relaxed);
        numbers[index] = before - before;
    }
    atomic_fetch_add_explicit(&toy->bits, sum + numbers[3], memory_order_relaxed);
}

static void verdict_locals(void *memory)
{
    struct toy *toy = memory;
    if (load(&toy->bits) != 30 || load(&toy->number) != 12) {
        explore_fail("the sums are %d and %d", (int)load(&toy->bits), (int)load(&toy->number));
    }
}

const struct explore_scenario toy_locals = {
    .name = "locals",
    .memory_bytes = sizeof(struct toy),
    .fibers = {{"first", add_locals}, {"second", add_locals}, {"third", add_locals}},
    .verdict = verdict_locals,
};

// ---- places that are not atomic -----------------------------------------------------------------

static void write_and_raise(void *memory)
{
    struct toy *toy = memory;
    toy->taken = 3;
    store(&toy->number, 1);
}

static void write_and_raise_relaxed(void *memory)
{
    struct toy *toy = memory;
    toy->taken = 3;
    atomic_store_explicit(&toy->number, 1, memory_order_relaxed);
}

static void read_after(void *memory)
{
    struct toy *toy = memory;
    if (load(&toy->number) != 0) {
        toy->seen[0] = toy->taken;
    }
}

static void read_anyway(void *memory)
{
    struct toy *toy = memory;
    (void)load(&toy->number);
    toy->seen[0] = toy->taken;
}

static void write_locked(void *memory)
{
    struct toy *toy = memory;
    explore_lock();
    toy->taken = 3;
    explore_unlock();
    add_at_once(memory);
}

static void read_locked(void *memory)
{
    explore_lock();
    read_anyway(memory);
    explore_unlock();
}

const struct explore_scenario toy_reads_after = {
    .name = "reads_after",
    .memory_bytes = sizeof(struct toy),
    .fibers = {{"writes", write_and_raise}, {"reads", read_after}},
    .verdict = verdict_taken,
};

const struct explore_scenario toy_reads_anyway = {
    .name = "reads_anyway",
    .memory_bytes = sizeof(struct toy),
    .fibers = {{"writes", write_and_raise}, {"reads", read_anyway}},
    .verdict = verdict_taken,
};

const struct explore_scenario toy_reads_relaxed = {
    .name = "reads_relaxed",
    .memory_bytes = sizeof(struct toy),
    .fibers = {{"writes", write_and_raise_relaxed}, {"reads", read_after}},
    .verdict = verdict_taken,
};

const struct explore_scenario toy_reads_locked = {
    .name = "reads_locked",
    .memory_bytes = sizeof(struct toy),
    .fibers = {{"writes", write_locked}, {"reads", read_locked}},
    .verdict = verdict_taken,
};
