// SPDX-License-Identifier: MIT
// What a replay shows, as text on standard output.
#ifndef FT_REPLAY_REPORT_H
#define FT_REPLAY_REPORT_H

#include "tools/replay.d/replay.h"

#include <stdbool.h>

// Replays a script to its end, or up to and with the call of this number (0: to its end; then the heap follows as text), and
// reports. False if what is live at the end is not what the program said.
bool report_replay(const struct script *script, uint64_t until);

// The words for what is wrong with a pointer.
const char *report_misuse_words(enum ft_core_misuse misuse);

// Every record of a trace as a line. False and a line on standard error if it cannot be read.
bool report_records(const char *path);

#endif
