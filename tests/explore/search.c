// SPDX-License-Identifier: MIT
// The search, depth first: the fiber that made the last step goes on first, so that what is found has few switches.
#include "tests/explore/seen.h"
#include "tests/explore/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SAVED_BYTES_MAX = 256 << 20 }; // of all worlds on the way to the present one

// A world on the way to the present one.
struct stop {
    size_t saved_at; // where in the search's memory
    unsigned first;  // the fiber that is tried first
    unsigned tried;  // fibers that were tried, or could not go on
    unsigned chosen; // the fiber that is being tried
};

struct search {
    struct stop stops[EXPLORE_DEPTH_MAX];
    size_t depth;
    unsigned char *saved; // the worlds of all stops, one behind the other
    size_t saved_bytes;
    struct seen seen;
    struct explore_result *result;
};

// The present world becomes a stop, from which `first` goes on first.
static void push(struct search *search, unsigned first)
{
    if (search->depth == EXPLORE_DEPTH_MAX ||
        search->saved_bytes + WORLD_SAVED_MAX > SAVED_BYTES_MAX) {
        explore_fail("an execution has more than %zu steps", search->depth);
        return;
    }
    struct stop *stop = &search->stops[search->depth++];
    *stop = (struct stop){.saved_at = search->saved_bytes, .first = first};
    search->saved_bytes += world_save(search->saved + stop->saved_at);
    if (search->depth > search->result->deepest) {
        search->result->deepest = search->depth;
    }
}

// Chooses the next fiber to try from a stop. False if all were tried.
static bool choose(struct stop *stop)
{
    while (stop->tried < EXPLORE_FIBERS_MAX) {
        unsigned fiber = (stop->first + stop->tried++) % EXPLORE_FIBERS_MAX;
        if (world_can_step(fiber)) {
            stop->chosen = fiber;
            return true;
        }
    }
    return false;
}

// A world that was not seen before: its end is judged, or the search goes on from it.
static void enter(struct search *search, unsigned last)
{
    bool has_ended = world_has_ended();
    world_judge();
    if (has_ended) {
        search->result->endings++;
    } else if (world_failure() == NULL) {
        push(search, last);
    }
}

static void search_all(struct search *search, size_t states_max)
{
    seen_add(&search->seen, world_print_of());
    enter(search, 0);
    while (search->depth != 0 && world_failure() == NULL && !search->result->is_partial) {
        struct stop *stop = &search->stops[search->depth - 1];
        if (stop->tried != 0) { // else it is the present one
            world_restore(search->saved + stop->saved_at);
        }
        if (!choose(stop)) {
            search->saved_bytes = stop->saved_at;
            search->depth--;
            continue;
        }
        world_step(stop->chosen);
        search->result->steps++;
        if (world_failure() == NULL && seen_add(&search->seen, world_print_of())) {
            enter(search, stop->chosen);
        }
        search->result->is_partial = states_max != 0 && search->seen.count > states_max;
    }
    search->result->states = search->seen.count;
}

// Tells what is wrong, and the way there.
static void tell_failure(const struct search *search, struct explore_result *result)
{
    result->has_failed = true;
    (void)snprintf(result->message, sizeof result->message, "%s", world_failure());
    for (size_t step = 0; step < search->depth; step++) {
        result->schedule[step] = (char)('a' + search->stops[step].chosen);
    }
    result->schedule[search->depth] = '\0';
}

void explore_run(const struct explore_scenario *scenario, struct explore_result *result)
{
    *result = (struct explore_result){.states = 0};
    struct search *search = calloc(1, sizeof *search);
    unsigned char *saved = calloc(1, SAVED_BYTES_MAX);
    if (search == NULL || saved == NULL) {
        abort();
    }
    search->saved = saved;
    search->result = result;
    world_begin(scenario);
    if (world_failure() == NULL) {
        search_all(search, scenario->states_max);
    }
    if (world_failure() != NULL) {
        tell_failure(search, result);
    }
    seen_clear(&search->seen);
    free(saved);
    free(search);
}
