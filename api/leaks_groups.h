// SPDX-License-Identifier: MIT
// Leaks by the call stacks that they were allocated by.
#ifndef FT_API_LEAKS_GROUPS_H
#define FT_API_LEAKS_GROUPS_H

#include "api/leaks_scan.h"

// Writes the groups of leaks that have a call stack to a descriptor, those of most bytes first, each with its stack; and
// what of the stacks tools want, if slices were copied. Without memory for it, nothing is written but a line that says so.
// scan: of which those are marked that it has not reached.
void leaks_groups_print(int descriptor, const struct leaks_scan *scan);

#endif
