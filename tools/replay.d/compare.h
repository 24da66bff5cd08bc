// SPDX-License-Identifier: MIT
// Plays a script through several libraries, each in processes of its own (play.h), and tells what each took.
#ifndef FT_REPLAY_COMPARE_H
#define FT_REPLAY_COMPARE_H

#include "tools/replay.d/script.h"

#include <stdbool.h>

enum { COMPARE_LIBRARIES_MAX = 16 };

// Through each of these NAME=PATH (an empty path: what the process has anyway), in turns, as a table on standard output.
// False and a line on standard error if one of them cannot be had, or has failed.
bool compare_libraries(const struct script *script, char *const *libraries, unsigned count);

#endif
