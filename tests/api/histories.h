// SPDX-License-Identifier: MIT
// Tests each of which is the program started anew, because what a process has done before, a fork among it, would be seen.
#ifndef FT_TESTS_HISTORIES_H
#define FT_TESTS_HISTORIES_H

#include <stddef.h>

enum { HISTORY_SKIPPED = 77 };

struct history {
    const char *name;
    int (*play)(void); // 0, what went wrong, or HISTORY_SKIPPED; in the new process
};

// What main() returns. Without an argument each history is a test, in a process of its own; with the name of one, it is
// played in this one.
int histories_main(int argument_count, char **arguments, const struct history *histories,
                   size_t count);

#endif
