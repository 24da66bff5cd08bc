// SPDX-License-Identifier: MIT
// Every interleaving of the core's frees, and of what brings chunks home, in small scenarios.
//
//   test_explore_core                       all scenarios
//   test_explore_core NAME ...              those
//   test_explore_core --replay NAME SCHEDULE
//   test_explore_core --random SEED COUNT   COUNT scenarios that chance makes, from SEED on
//
// The name of a scenario that chance made is its seed.
#include "tests/explore/plans.h"
#include "tests/explore/random_plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANDOM_STATES_MAX = 1 << 18, BASE = 10, SEED_BYTES = 24 };

static const struct kit_plan *find(const char *name)
{
    static struct random_plan made;
    char *end;
    unsigned long seed = strtoul(name, &end, BASE);
    if (*end == '\0') {
        random_plan_make(&made, (uint32_t)seed);
        made.plan.name = name;
        return &made.plan;
    }
    for (unsigned index = 0; index < plan_count; index++) {
        if (strcmp(plans[index].name, name) == 0) {
            return &plans[index];
        }
    }
    (void)fprintf(stderr, "there is no scenario %s\n", name);
    return NULL;
}

static bool replay(const struct kit_plan *plan, const char *schedule)
{
    static struct explore_result result;
    const struct explore_scenario scenario = kit_scenario(plan);
    bool is_possible = explore_replay(&scenario, schedule, true, &result);
    if (!is_possible) {
        printf("after %zu steps the schedule asks for a fiber that cannot go on\n", result.steps);
    }
    printf("%s: %s\n", plan->name, result.has_failed ? result.message : "nothing is wrong");
    return is_possible && !result.has_failed;
}

static bool explore(const struct kit_plan *plan, size_t states_max)
{
    static struct explore_result result;
    struct explore_scenario scenario = kit_scenario(plan);
    scenario.states_max = states_max;
    explore_run(&scenario, &result);
    printf("%-20s %9zu states %9zu steps %6zu endings, up to %3zu steps deep%s\n", plan->name,
           result.states, result.steps, result.endings, result.deepest,
           result.is_partial ? ", and more" : "");
    (void)fflush(stdout);
    if (!result.has_failed) {
        return true;
    }
    printf("%s: %s (%s | %s | %s)\n  %s\nthe schedule: --replay %s %s\n", plan->name, plan->about,
           plan->programs[0], plan->programs[1] != NULL ? plan->programs[1] : "",
           plan->programs[2] != NULL ? plan->programs[2] : "", result.message, plan->name,
           result.schedule);
    return replay(plan, result.schedule);
}

// Goes on after a failure. Returns the exit status.
static int explore_random(unsigned long seed, unsigned long count)
{
    unsigned long failed = 0;
    for (unsigned long end = seed + count; seed < end; seed++) {
        char name[SEED_BYTES];
        (void)snprintf(name, sizeof name, "%lu", seed);
        failed += !explore(find(name), RANDOM_STATES_MAX);
    }
    printf("%lu scenarios, %lu of them wrong\n", count, failed);
    return failed == 0 ? 0 : 1;
}

int main(int count, char **arguments)
{
    if (count == 4 && strcmp(arguments[1], "--replay") == 0) {
        const struct kit_plan *plan = find(arguments[2]);
        return plan != NULL && replay(plan, arguments[3]) ? 0 : 1;
    }
    bool good = true;
    if (count == 4 && strcmp(arguments[1], "--random") == 0) {
        return explore_random(strtoul(arguments[2], NULL, BASE), strtoul(arguments[3], NULL, BASE));
    }
    for (int argument = 1; argument < count && good; argument++) {
        const struct kit_plan *plan = find(arguments[argument]);
        good = plan != NULL && explore(plan, 0);
    }
    for (unsigned index = 0; index < plan_count && count == 1 && good; index++) {
        good = explore(&plans[index], 0);
    }
    return good ? 0 : 1;
}
