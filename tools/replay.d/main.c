// SPDX-License-Identifier: MIT
// ft_replay: what a trace tells.
#include "tools/replay.d/compare.h"
#include "tools/replay.d/count.h"
#include "tools/replay.d/moves.h"
#include "tools/replay.d/play.h"
#include "tools/replay.d/reduce.h"
#include "tools/replay.d/report.h"
#include "tools/replay.d/strip.h"
#include "tools/replay.d/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "ft_replay FILE              replays a trace on the core, and reports\n"
    "ft_replay --until N FILE    up to and with call N, and then shows the heap\n"
    "ft_replay --print FILE      every record, a line each\n"
    "ft_replay --lib NAME=PATH … FILE\n"
    "                            plays the trace through malloc of these libraries, in turns: "
    "time\n"
    "                            and peak memory of each; of what the process has anyway, with\n"
    "                            NAME= alone. One thread makes the calls of all\n"
    "ft_replay --callgrind FILE  counts the instructions of each kind of call (wants valgrind)\n"
    "ft_replay --reduce OUT [--while COMMAND] FILE\n"
    "                            writes to OUT the few calls that show what the trace shows: that\n"
    "                            COMMAND, with a trace's path behind it, ends with 0; or the "
    "first\n"
    "                            misuse\n"
    "ft_replay --strip OUT FILE  writes to OUT the trace without what belongs to a machine: "
    "addresses,\n"
    "                            call stacks with their files' names, the process's number, the "
    "date\n"
    "ft_replay --moves OUT FILE  writes to OUT the calls in a short form,\n"
    "ft_replay --play OUT [N]    and plays that N times (once) through this process's own malloc, "
    "in\n"
    "                            one thread: a line of what it took\n"
    "\n"
    "A trace is made by FT_MALLOC_TRACE=FILE, or by tools/run --trace FILE PROGRAM. zstd may have\n"
    "compressed it.\n"
    "The exit status is 0; 1 if the trace cannot be read, or does not end with what the program\n"
    "had, or a file cannot be written; 2 if it was called in another way.\n";

// What is made of the trace.
enum task {
    TASK_REPLAY,
    TASK_PRINT,
    TASK_COUNT,
    TASK_COMPARE,
    TASK_REDUCE,
    TASK_STRIP,
    TASK_MOVES
};

struct command {
    enum task task;
    const char *path;
    uint64_t until;
    const char *output; // path
    const char *predicate;
    char *libraries[COMPARE_LIBRARIES_MAX];
    unsigned library_count;
};

static bool read_number(const char *text, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && *number != 0 && errno == 0;
}

// The word behind an option; NULL if there is none.
static char *read_word(char ***arguments)
{
    return (*arguments)[1] != NULL ? *++*arguments : NULL;
}

// One command has one task.
static bool set_task(struct command *command, enum task task)
{
    bool is_first = command->task == TASK_REPLAY || command->task == task;
    command->task = task;
    return is_first;
}

static bool set_output(struct command *command, enum task task, const char *output)
{
    bool is_first = command->output == NULL;
    command->output = output;
    return set_task(command, task) && is_first;
}

// Reads the option at *arguments, and moves on to its word. False if it is none.
static bool read_option(struct command *command, char ***arguments)
{
    const char *word = **arguments;
    if (strcmp(word, "--print") == 0) {
        return set_task(command, TASK_PRINT);
    }
    if (strcmp(word, "--callgrind") == 0) {
        return set_task(command, TASK_COUNT);
    }
    char *value = read_word(arguments);
    if (value == NULL) {
        return false;
    }
    if (strcmp(word, "--until") == 0) {
        return read_number(value, &command->until);
    }
    if (strcmp(word, "--lib") == 0 && command->library_count < COMPARE_LIBRARIES_MAX) {
        command->libraries[command->library_count++] = value;
        return set_task(command, TASK_COMPARE);
    }
    if (strcmp(word, "--reduce") == 0) {
        return set_output(command, TASK_REDUCE, value);
    }
    if (strcmp(word, "--strip") == 0) {
        return set_output(command, TASK_STRIP, value);
    }
    if (strcmp(word, "--moves") == 0) {
        return set_output(command, TASK_MOVES, value);
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
    return command->path != NULL && (command->predicate == NULL || command->task == TASK_REDUCE) &&
           (command->until == 0 || command->task == TASK_REPLAY);
}

static bool write_moves(const struct script *script, const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool is_written = file >= 0 && moves_write(script, file);
    if (!is_written) {
        fprintf(stderr, "ft_replay: %s cannot be written: %s\n", path, strerror(errno));
    }
    if (file >= 0) {
        close(file);
    }
    return is_written;
}

static bool run(const struct command *command)
{
    struct script script;
    if (command->task == TASK_PRINT) {
        return report_records(command->path);
    }
    if (!script_read(&script, command->path, false)) {
        return false;
    }
    bool is_good = false;
    switch (command->task) {
    case TASK_COUNT: is_good = count_instructions(command->path); break;
    case TASK_COMPARE:
        is_good = compare_libraries(&script, command->libraries, command->library_count);
        break;
    case TASK_REDUCE: is_good = reduce_script(&script, command->predicate, command->output); break;
    case TASK_STRIP:
        strip_script(&script);
        is_good = writer_write(&script, true, command->output);
        break;
    case TASK_MOVES: is_good = write_moves(&script, command->output); break;
    default: is_good = report_replay(&script, command->until); break;
    }
    script_clear(&script);
    return is_good;
}

static int play(int count, char **arguments)
{
    uint64_t times = 1;
    if (count < 1 || count > 2 || (count == 2 && !read_number(arguments[1], &times))) {
        fputs(usage, stderr);
        return 2;
    }
    return play_moves(arguments[0], times) ? 0 : 1;
}

int main(int count, char **arguments)
{
    struct command command = {.path = NULL};
    if (count >= 2 && strcmp(arguments[1], "--play") == 0) {
        return play(count - 2, arguments + 2);
    }
    // Called by count_instructions() alone.
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
