// SPDX-License-Identifier: MIT
// One schedule, played again and told step by step.
#include "tests/explore/world.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 512, PATH_BYTES = 256, NAME_BYTES = 128 };

static const char *const kinds[] = {
    [EXPLORE_LOAD] = "load",         [EXPLORE_STORE] = "store",
    [EXPLORE_EXCHANGE] = "exchange", [EXPLORE_ADD] = "fetch and add",
    [EXPLORE_AND] = "fetch and and", [EXPLORE_OR] = "fetch and or",
    [EXPLORE_COMPARE] = "compare",   [EXPLORE_LOCK] = "lock",
};

// Where in the sources an address of the code is: FILE:LINE if addr2line knows, else the address.
static void name_code(const void *code, char *name, size_t bytes)
{
    char command[LINE_BYTES];
    char path[PATH_BYTES];
    FILE *file = fopen("/proc/self/cmdline", "re");
    size_t count = file != NULL ? fread(path, 1, sizeof path - 1, file) : 0;
    path[count] = '\0'; // the program's name ends with a 0 of its own
    if (file != NULL) {
        (void)fclose(file);
    }
    (void)snprintf(command, sizeof command, "addr2line -s -e '%s' %" PRIxPTR " 2>/dev/null", path,
                   (uintptr_t)code - 1);
    (void)snprintf(name, bytes, "%p", code);
    FILE *answer = popen(command, "r"); // NOLINT(cert-env33-c)
    if (answer == NULL) {
        return;
    }
    char line[NAME_BYTES];
    if (fgets(line, sizeof line, answer) != NULL && line[0] != '?') {
        line[strcspn(line, " \n")] = '\0';
        (void)snprintf(name, bytes, "%s", line);
    }
    (void)pclose(answer);
}

// What an address of the scenario's memory is called.
static void name_place(const struct explore_scenario *scenario, const void *at, char *name,
                       size_t bytes)
{
    name[0] = '\0';
    if (scenario->name_of != NULL) {
        scenario->name_of(world_memory(), at, name, bytes);
    }
    if (name[0] == '\0') {
        (void)snprintf(name, bytes, "memory + %" PRIuPTR,
                       (uintptr_t)at - (uintptr_t)world_memory());
    }
}

// What lies at an address, as a number.
static uint64_t value_at(const struct explore_access *access)
{
    uint64_t value = 0; // the machines that this runs on are little-endian
    memcpy(&value, (const void *)(uintptr_t)access->at, access->bytes);
    return value;
}

static void print_step(const struct explore_scenario *scenario, unsigned fiber,
                       const struct explore_access *access, uint64_t before)
{
    char place[NAME_BYTES];
    char code[NAME_BYTES];
    name_code(access->code, code, sizeof code);
    if (access->kind == EXPLORE_LOCK) {
        printf("  %c %-12s takes the lock  (%s)\n", (char)('a' + fiber),
               scenario->fibers[fiber].name, code);
        return;
    }
    name_place(scenario, (const void *)(uintptr_t)access->at, place, sizeof place);
    uint64_t after = value_at(access);
    printf("  %c %-12s %s of %s: 0x%" PRIx64, (char)('a' + fiber), scenario->fibers[fiber].name,
           kinds[access->kind], place, before);
    if (after != before) {
        printf(" becomes 0x%" PRIx64, after);
    }
    printf("  (%s)\n", code);
}

static void print_race(const struct explore_scenario *scenario, const struct world_race *race)
{
    char place[NAME_BYTES];
    char codes[2][NAME_BYTES];
    name_place(scenario, race->at, place, sizeof place);
    name_code(race->codes[0], codes[0], sizeof codes[0]);
    name_code(race->codes[1], codes[1], sizeof codes[1]);
    printf("  at %s, by %s and %s\n", place, codes[0], codes[1]);
}

// Plays one step. False if the fiber cannot make one.
static bool play_step(const struct explore_scenario *scenario, unsigned fiber, bool loud)
{
    if (fiber >= EXPLORE_FIBERS_MAX || !world_can_step(fiber)) {
        return false;
    }
    struct explore_access access = world_next(fiber);
    uint64_t before = value_at(&access);
    world_step(fiber);
    if (loud) {
        print_step(scenario, fiber, &access, before);
    }
    return true;
}

bool explore_replay(const struct explore_scenario *scenario, const char *schedule, bool loud,
                    struct explore_result *result)
{
    *result = (struct explore_result){.states = 0};
    world_begin(scenario);
    bool is_possible = true;
    while (is_possible && world_failure() == NULL && *schedule != '\0') {
        is_possible = play_step(scenario, (unsigned)(*schedule++ - 'a'), loud);
        result->steps += is_possible;
    }
    if (world_failure() == NULL) {
        result->endings = world_has_ended();
        world_judge();
    }
    if (world_race() != NULL && loud) {
        print_race(scenario, world_race());
    }
    if (world_failure() != NULL) {
        result->has_failed = true;
        (void)snprintf(result->message, sizeof result->message, "%s", world_failure());
    }
    return is_possible;
}
