// SPDX-License-Identifier: MIT
// An arena as text: a line for each zone, for each chunk in use, and for the sum.
#ifndef FT_CORE_SHOW_H
#define FT_CORE_SHOW_H

#include "core/text.h"
#include "core/walk.h"

enum { SHOW_LINE_BYTES = 128 }; // no line is longer

struct show {
    uint64_t total; // bytes requested of the chunks told so far
};

// ANY. Appends the line of one step of a walk; of its end, the sum.
void show_step(struct show *show, struct text *text, const struct walk_step *step);

#endif
