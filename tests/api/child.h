// SPDX-License-Identifier: MIT
// A child process with what it wrote and how it ended: either a program, or a function of ours.
// Nothing here allocates, so that a test's heap is as the test left it.

#ifndef FT_TESTS_CHILD_H
#define FT_TESTS_CHILD_H

#include <stdbool.h>
#include <stddef.h>

enum { CHILD_TEXT_BYTES = 16384, CHILD_SECONDS_MAX = 60 };

struct child {
    int status; // as waitpid gives it
    char out[CHILD_TEXT_BYTES];
    char err[CHILD_TEXT_BYTES];
};

// Runs argv[0] with its arguments. `environment` is a list of NAME=VALUE that ends with NULL and is
// added to ours, less every FT_MALLOC variable. A child that takes longer than CHILD_SECONDS_MAX
// dies of SIGALRM. Output beyond the buffers is cut.
void child_run(struct child *child, char *const argv[], const char *const environment[]);

// The same for a function in a forked child; what it returns is the exit status.
void child_call(struct child *child, int (*function)(void *), void *argument);

// Runs a program with two arguments, the name of one of its histories and a number, and two variables, and fails the test if
// its exit status is not 0.
void child_play(struct child *child, const char *program, const char *history, size_t number,
                const char *first, const char *second);

bool child_exited_with(const struct child *child, int exit_status);
bool child_died_of(const struct child *child, int signal_number);

// Lines in a text, a last one without its newline included.
size_t text_line_count(const char *text);

#endif
