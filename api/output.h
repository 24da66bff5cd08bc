// SPDX-License-Identifier: MIT
// Where that goes which options ask for: standard error as it was at the start, another descriptor, or a file.
#ifndef FT_API_OUTPUT_H
#define FT_API_OUTPUT_H

#include "platform/platform.h"

#include <stdbool.h>

struct output {
    struct platform_kept errors; // standard error
    struct platform_kept kept;   // what the option `output` says, or the same
    bool is_open;
    bool is_own; // a file that each process has for itself
};

// Opens what the option `output` says, at the start, if any option writes. Complains on standard error of what cannot be
// had, and takes that instead.
void output_open(void);

// In a forked child, before anybody else calls: a file of the parent's own is not the child's.
void output_after_fork_in_child(void);

// The descriptor to write to: the kept one, or standard error if that is the same file. -1 if there is none, or if the program
// has closed both.
int output_descriptor(void);

// The descriptor for what is told whatever the options say, of misuse and of exhausted memory: standard error as it was at
// the start, if any option writes; else what is standard error by now. -1 as above.
int output_errors(void);

#endif
