// SPDX-License-Identifier: MIT
#include "tools/replay.d/strip.h"

#include "tools/replay.d/pages.h"

#include <stdbool.h>

enum {
    LEAST_SHIFT = 4, // chunks lie at multiples of 16
    FIRST_ADDRESS = 1 << 16,
    PROCESS = 1,
};

struct stripper {
    uint64_t *addresses; // given to whom the program had given this one, by lives: the last
    uint64_t *was;       // that the program had given
    uint64_t *vacant;    // addresses that may be given again, the last one first
    size_t vacant_count;
    uint64_t next;
    unsigned shift;
    bool is_reusing;
};

static bool is_misuse(const struct step *step)
{
    return step->kind == TRACE_MISUSED_FREE || step->kind == TRACE_MISUSED_REALLOC;
}

static uint64_t new_address(struct stripper *stripper)
{
    if (stripper->vacant_count != 0) {
        return stripper->vacant[--stripper->vacant_count];
    }
    uint64_t address = stripper->next;
    stripper->next += (uint64_t)1 << stripper->shift;
    return address;
}

static void vacate(struct stripper *stripper, uint64_t address)
{
    if (stripper->is_reusing) {
        stripper->vacant[stripper->vacant_count++] = address;
    }
}

// The address that stands for the one of a step.
static uint64_t address_for(struct stripper *stripper, const struct step *step)
{
    if (step->life == LIFE_NONE) {
        // A pointer of nobody's stays one, below all others, and none that is NULL.
        bool is_round = step->address != 0 && step->address % FIRST_ADDRESS == 0;
        return is_round ? FIRST_ADDRESS / 2 : step->address % FIRST_ADDRESS;
    }
    uint64_t *address = &stripper->addresses[step->life];
    if (is_misuse(step)) {
        return *address + step->offset;
    }
    if (step->kind == TRACE_FREE) {
        vacate(stripper, *address);
    } else if (*address == 0) {
        *address = new_address(stripper);
    } else if (step->is_done && step->address != stripper->was[step->life]) {
        // Moved: to where nothing is while it moves.
        uint64_t old = *address;
        *address = new_address(stripper);
        vacate(stripper, old);
    }
    stripper->was[step->life] = step->address;
    return *address;
}

// Whoever misuses a pointer says by the address alone which chunk is meant: then each has its own, and room for all of it.
static void plan(struct stripper *stripper, const struct script *script)
{
    stripper->is_reusing = script->kind_counts[TRACE_MISUSED_FREE] == 0 &&
                           script->kind_counts[TRACE_MISUSED_REALLOC] == 0;
    stripper->shift = LEAST_SHIFT;
    for (size_t index = 0; index < script->count && !stripper->is_reusing; index++) {
        while (stripper->shift < 47 && script->steps[index].bytes >> stripper->shift != 0) {
            stripper->shift++;
        }
    }
    stripper->next = FIRST_ADDRESS;
}

void strip_script(struct script *script)
{
    // One more than lives: a chunk that moves has two for a moment.
    size_t bytes = ((size_t)script->life_count + 1) * sizeof(uint64_t);
    struct stripper stripper = {
        .addresses = pages_take(bytes),
        .was = pages_take(bytes),
        .vacant = pages_take(bytes),
    };
    uint64_t began = script->count != 0 ? script->steps[0].time : 0;
    plan(&stripper, script);
    for (size_t index = 0; index < script->count; index++) {
        struct step *step = &script->steps[index];
        step->address = address_for(&stripper, step);
        step->time = step->time > began ? step->time - began : 0;
        step->stack = 0;
    }
    script->process = PROCESS;
    pages_give(stripper.addresses, bytes);
    pages_give(stripper.was, bytes);
    pages_give(stripper.vacant, bytes);
}
