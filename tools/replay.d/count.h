// SPDX-License-Identifier: MIT
// The instructions of each kind of call, counted by valgrind's callgrind.
#ifndef FT_REPLAY_COUNT_H
#define FT_REPLAY_COUNT_H

#include "tools/replay.d/script.h"

#include <stdbool.h>

// Replays the trace at `path` under callgrind, and tells the instructions of a call of each kind. False and a line on standard
// error if there is no valgrind, or it has failed.
bool count_instructions(const char *path);

// The process that is counted: replays a trace, and says nothing.
int count_main(const char *path);

#endif
