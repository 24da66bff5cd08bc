// SPDX-License-Identifier: MIT
// Memory of the system's own, for tables: while a trace is played through another malloc, nothing else may call that.
#ifndef FT_REPLAY_PAGES_H
#define FT_REPLAY_PAGES_H

#include <stddef.h>

// Zeroed memory; ends the process with a line if there is none. 0 bytes are one.
void *pages_take(size_t bytes);

// Gives it back.
void pages_give(void *pages, size_t bytes);

// Memory of twice the size, or of `least`, with what was in it; *bytes is the size before and after.
void *pages_grow(void *pages, size_t *bytes, size_t least);

#endif
