// SPDX-License-Identifier: MIT
// ft_replay: what a trace tells.
#include "tools/replay.d/play.h"
#include "tools/replay.d/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "ft_replay FILE              replays a trace on the core, and reports\n"
    "ft_replay --until N FILE    up to and with call N, and then shows the heap\n"
    "ft_replay --print FILE      every record, a line each\n"
    "ft_replay --lib NAME=PATH … FILE\n"
    "                            plays the trace through malloc of these libraries, in turns: time "
    "and\n"
    "                            peak memory of each; of what the process has anyway, with NAME= "
    "alone\n"
    "\n"
    "A trace is made by FT_MALLOC_TRACE=FILE, or by tools/run --trace FILE PROGRAM.\n"
    "The exit status is 0; 1 if the trace cannot be read, or does not end with what the program\n"
    "had; 2 if it was called in another way.\n";

struct command {
    const char *path;
    uint64_t until;
    bool prints;
    char *libraries[PLAY_LIBRARIES_MAX];
    unsigned library_count;
};

static bool read_number(const char *text, uint64_t *number)
{
    char *end;
    *number = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && *number != 0;
}

// The command that the arguments are; false if they are none.
static bool read_arguments(struct command *command, char **arguments)
{
    for (; *arguments != NULL; arguments++) {
        const char *word = *arguments;
        if (strcmp(word, "--until") == 0) {
            if (arguments[1] == NULL || !read_number(*++arguments, &command->until)) {
                return false;
            }
        } else if (strcmp(word, "--lib") == 0) {
            if (arguments[1] == NULL || command->library_count == PLAY_LIBRARIES_MAX) {
                return false;
            }
            command->libraries[command->library_count++] = *++arguments;
        } else if (strcmp(word, "--print") == 0) {
            command->prints = true;
        } else if (*word == '-' || command->path != NULL) {
            return false;
        } else {
            command->path = word;
        }
    }
    return command->path != NULL;
}

int main(int count, char **arguments)
{
    struct command command = {.path = NULL};
    // Called by play_compare() alone.
    if (count == 5 && strcmp(arguments[1], "--play") == 0) {
        return play_main(arguments + 2);
    }
    if (count == 2 && strcmp(arguments[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (!read_arguments(&command, arguments + 1)) {
        fputs(usage, stderr);
        return 2;
    }
    if (command.prints) {
        return report_records(command.path) ? 0 : 1;
    }
    struct script script;
    if (!script_read(&script, command.path, false)) {
        return 1;
    }
    bool is_good = command.library_count != 0
                       ? play_compare(&script, command.libraries, command.library_count)
                       : report_replay(&script, command.until);
    script_clear(&script);
    return is_good ? 0 : 1;
}
