// SPDX-License-Identifier: MIT
// Plays a script through malloc itself, of any library: in a process of its own, which has the library preloaded and calls
// nothing of it but what the script says. One thread makes all calls, in their order.
#ifndef FT_REPLAY_PLAY_H
#define FT_REPLAY_PLAY_H

#include "tools/replay.d/script.h"

#include <stdbool.h>

enum { PLAY_LIBRARIES_MAX = 16 };

// Plays a script through each of these NAME=PATH (an empty path: what the process has anyway), in turns, and tells what it
// took as a table. False if one of them cannot be had, or has failed.
bool play_compare(const struct script *script, char *const *libraries, unsigned count);

// The process that plays: the arguments behind --play.
int play_main(char **arguments);

#endif
