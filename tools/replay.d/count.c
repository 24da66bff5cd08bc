// SPDX-License-Identifier: MIT
#include "tools/replay.d/count.h"

#include "tools/replay.d/replay.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// The functions of calls.h, in which all that a call does is done.
static const char *const names[] = {"call_malloc", "call_calloc", "call_aligned", "call_realloc",
                                    "call_free"};

enum { NAME_COUNT = sizeof(names) / sizeof(names[0]), LINE_BYTES = 4096 };

// What a profile says of them: its short number for each, its calls and their instructions.
struct profile {
    uint64_t ids[NAME_COUNT];
    bool has_id[NAME_COUNT];
    uint64_t calls[NAME_COUNT];
    uint64_t instructions[NAME_COUNT];
};

int count_main(const char *path)
{
    struct script script;
    struct replay replay;
    if (!script_read(&script, path, true) || !replay_begin(&replay, &script)) {
        return 1;
    }
    while (replay.next < script.count) {
        (void)replay_step(&replay);
    }
    return 0;
}

// Which of the functions a line "fn=(12) name", or "cfn=(12)" means; NAME_COUNT: none. A number gets its name once.
static unsigned function_of(struct profile *profile, const char *text)
{
    char *end;
    if (*text != '(') {
        return NAME_COUNT;
    }
    uint64_t id = strtoull(text + 1, &end, 10);
    bool has_name = end[0] == ')' && end[1] == ' ';
    for (unsigned index = 0; index < NAME_COUNT; index++) {
        if (has_name && strcmp(end + 2, names[index]) == 0) {
            profile->ids[index] = id;
            profile->has_id[index] = true;
        }
        if (profile->has_id[index] && profile->ids[index] == id) {
            return index;
        }
    }
    return NAME_COUNT;
}

// Reads callgrind's profile: behind a "cfn=" and its "calls=" comes a line whose last number is what the calls cost.
static void read_profile(struct profile *profile, FILE *file)
{
    char line[LINE_BYTES];
    unsigned called = NAME_COUNT;
    bool is_cost = false;
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "fn=", 3) == 0) {
            (void)function_of(profile, line + 3);
        } else if (strncmp(line, "cfn=", 4) == 0) {
            called = function_of(profile, line + 4);
        } else if (strncmp(line, "calls=", 6) == 0 && called != NAME_COUNT) {
            profile->calls[called] += strtoull(line + 6, NULL, 10);
            is_cost = true;
        } else if (is_cost) {
            const char *last = strrchr(line, ' ');
            profile->instructions[called] += last != NULL ? strtoull(last + 1, NULL, 10) : 0;
            is_cost = false;
        }
    }
}

static bool run_callgrind(const char *output, const char *path)
{
    char option[PATH_MAX + 64];
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    if (length < 0) {
        return false;
    }
    self[length] = '\0';
    snprintf(option, sizeof(option), "--callgrind-out-file=%s", output);
    pid_t child = fork();
    if (child == 0) {
        execlp("valgrind", "valgrind", "-q", "--tool=callgrind", option, self, "--count", path,
               (char *)NULL);
        fprintf(stderr, "ft_replay: there is no valgrind here\n");
        _exit(127);
    }
    int status = 0;
    return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static void tell(const struct profile *profile)
{
    printf("  %-16s%16s%20s%16s\n", "call", "calls", "instructions", "of one call");
    for (unsigned index = 0; index < NAME_COUNT; index++) {
        if (profile->calls[index] != 0) {
            printf("  %-16s%16" PRIu64 "%20" PRIu64 "%16.1f\n", names[index] + strlen("call_"),
                   profile->calls[index], profile->instructions[index],
                   (double)profile->instructions[index] / (double)profile->calls[index]);
        }
    }
}

bool count_instructions(const char *path)
{
    char output[] = "/tmp/ft_replay.XXXXXX";
    int descriptor = mkstemp(output);
    if (descriptor < 0) {
        perror("ft_replay: a file for the profile");
        return false;
    }
    bool is_run = run_callgrind(output, path);
    FILE *file = fdopen(descriptor, "r");
    if (is_run && file != NULL) {
        struct profile profile = {.ids = {0}};
        read_profile(&profile, file);
        tell(&profile);
    }
    if (file != NULL) {
        fclose(file);
    }
    unlink(output);
    return is_run;
}
