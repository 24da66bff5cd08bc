// SPDX-License-Identifier: MIT
#include "tests/explore/random_plan.h"

enum { STEPS_MAX = 3, SHARED_SLOTS = 4, OWN_SLOT = 4, STARTS = 6 };

struct source {
    uint32_t state;
    bool is_freed[KIT_SLOTS];
    unsigned shared;  // slots that everybody may free
    bool has_misused; // one chunk at most is freed twice
};

static uint32_t random_below(struct source *source, uint32_t limit)
{
    source->state = source->state * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)source->state * limit >> 32);
}

static char digit(unsigned slot)
{
    return (char)('0' + slot);
}

// A slot that everybody may free; in a plan with a misuse one that is freed already, once.
static unsigned shared_slot(struct source *source, bool misuses)
{
    unsigned slot = 0;
    while (slot < source->shared && source->is_freed[slot]) {
        slot++;
    }
    if (misuses && !source->has_misused && slot != 0) {
        source->has_misused = true;
        return slot - 1;
    }
    return slot;
}

// Writes a program. Each fiber has a slot of its own, for what it allocates.
static void make_program(struct source *source, const struct kit_plan *plan, unsigned self,
                         char *program)
{
    bool has_own = false;
    uint32_t steps = 1 + random_below(source, STEPS_MAX);
    for (uint32_t step = 0; step < steps; step++) {
        uint32_t what = random_below(source, 8);
        unsigned slot = shared_slot(source, plan->misuses);
        if (what < 4 && slot < source->shared) {
            *program++ = '-';
            *program++ = digit(slot);
            source->is_freed[slot] = true;
        } else if (what < 6) {
            *program++ = has_own ? '-' : '+';
            *program++ = digit(OWN_SLOT + self);
            has_own = !has_own;
        } else {
            const char *others = plan->parcels ? "dst" : "dtd";
            *program++ = others[random_below(source, 3)];
        }
    }
    if (random_below(source, 4) == 0) {
        *program++ = 'r';
    }
    *program = '\0';
}

void random_plan_make(struct random_plan *made, uint32_t seed)
{
    static const enum kit_start starts[STARTS] = {KIT_OWNED, KIT_FULL, KIT_FULL,
                                                  KIT_HOME,  KIT_HOME, KIT_LAST};
    struct source source = {.state = seed * 2654435761U};
    *made = (struct random_plan){.plan.name = "random"};
    made->plan.about = "a plan that chance has made";
    made->plan.start = starts[random_below(&source, STARTS)];
    source.shared = made->plan.start == KIT_LAST ? 2 : SHARED_SLOTS;
    made->plan.parcels = random_below(&source, 3) == 0;
    made->plan.as_core = !made->plan.parcels && random_below(&source, 2) == 0;
    // Whoever frees a chunk of a zone that is given back meanwhile may read what is being written.
    made->plan.misuses = random_below(&source, 2) == 0 && made->plan.start != KIT_LAST;
    uint32_t fibers = 2 + random_below(&source, KIT_HEAPS_MAX - 1);
    for (unsigned fiber = 0; fiber < fibers; fiber++) {
        make_program(&source, &made->plan, fiber, made->programs[fiber]);
        made->plan.programs[fiber] = made->programs[fiber];
    }
}
