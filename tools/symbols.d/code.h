// SPDX-License-Identifier: MIT
// Places in code: which function and line of which source lie at an offset of a file, by elfutils' libdwfl.
#ifndef FT_TOOLS_CODE_H
#define FT_TOOLS_CODE_H

#include <stdbool.h>
#include <stdint.h>

// A place as a report has it.
struct code_place {
    char *path;
    uint64_t offset; // in the file
};

// Prints the functions that a return address is in, the innermost first: inlined ones have a line each, before the one
// that they are a part of. number counts the lines. False if nothing is known of the place: nothing is printed.
bool code_print(const struct code_place *place, unsigned *number);

#endif
