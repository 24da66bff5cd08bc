// SPDX-License-Identifier: MIT
// ft_replay: what a trace tells.
#include "tools/replay.d/count.h"
#include "tools/replay.d/play.h"
#include "tools/replay.d/reduce.h"
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
    "ft_replay --callgrind FILE  counts the instructions of each kind of call (wants valgrind)\n"
    "ft_replay --reduce OUT [--while COMMAND] FILE\n"
    "                            writes to OUT the few calls that show what the trace shows: that "
    "COMMAND,\n"
    "                            with a trace's path behind it, ends with 0; or the first misuse\n"
    "\n"
    "A trace is made by FT_MALLOC_TRACE=FILE, or by tools/run --trace FILE PROGRAM.\n"
    "The exit status is 0; 1 if the trace cannot be read, or does not end with what the program\n"
    "had; 2 if it was called in another way.\n";

struct command {
    const char *path;
    uint64_t until;
    bool prints;
    bool counts;
    const char *reduced; // path
    const char *predicate;
    char *libraries[PLAY_LIBRARIES_MAX];
    unsigned library_count;
};

static bool read_number(const char *text, uint64_t *number)
{
    char *end;
    *number = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && *number != 0;
}

// The word behind an option; NULL if there is none.
static char *read_word(char ***arguments)
{
    return (*arguments)[1] != NULL ? *++*arguments : NULL;
}

// Reads the option at *arguments, and moves on to its word. False if it is none.
static bool read_option(struct command *command, char ***arguments)
{
    const char *word = **arguments;
    if (strcmp(word, "--print") == 0) {
        command->prints = true;
        return true;
    }
    if (strcmp(word, "--callgrind") == 0) {
        command->counts = true;
        return true;
    }
    char *value = read_word(arguments);
    if (value == NULL) {
        return false;
    }
    if (strcmp(word, "--until") == 0) {
        return read_number(value, &command->until);
    }
    if (strcmp(word, "--lib") == 0 && command->library_count < PLAY_LIBRARIES_MAX) {
        command->libraries[command->library_count++] = value;
        return true;
    }
    if (strcmp(word, "--reduce") == 0) {
        command->reduced = value;
        return true;
    }
    if (strcmp(word, "--while") == 0) {
        command->predicate = value;
        return true;
    }
    return false;
}

// The command that the arguments are; false if they are none.
static bool read_arguments(struct command *command, char **arguments)
{
    for (; *arguments != NULL; arguments++) {
        if (**arguments != '-' && command->path == NULL) {
            command->path = *arguments;
        } else if (!read_option(command, &arguments)) {
            return false;
        }
    }
    return command->path != NULL && (command->predicate == NULL || command->reduced != NULL);
}

static bool run(const struct command *command)
{
    struct script script;
    if (command->prints) {
        return report_records(command->path);
    }
    if (!script_read(&script, command->path, false)) {
        return false;
    }
    bool is_good;
    if (command->counts) {
        is_good = count_instructions(command->path);
    } else if (command->library_count != 0) {
        is_good = play_compare(&script, command->libraries, command->library_count);
    } else if (command->reduced != NULL) {
        is_good = reduce_script(&script, command->predicate, command->reduced);
    } else {
        is_good = report_replay(&script, command->until);
    }
    script_clear(&script);
    return is_good;
}

int main(int count, char **arguments)
{
    struct command command = {.path = NULL};
    // Called by play_compare() alone.
    if (count == 5 && strcmp(arguments[1], "--play") == 0) {
        return play_main(arguments + 2);
    }
    // And by count_instructions() alone.
    if (count == 3 && strcmp(arguments[1], "--count") == 0) {
        return count_main(arguments[2]);
    }
    if (count == 2 && strcmp(arguments[1], "--help") == 0) {
        fputs(usage, stdout);
        return 0;
    }
    if (!read_arguments(&command, arguments + 1)) {
        fputs(usage, stderr);
        return 2;
    }
    return run(&command) ? 0 : 1;
}
