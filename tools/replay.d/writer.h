// SPDX-License-Identifier: MIT
// Writes a script as a trace: in one lane, its calls numbered from 1, without call stacks.
#ifndef FT_REPLAY_WRITER_H
#define FT_REPLAY_WRITER_H

#include "tools/replay.d/script.h"

#include <stdbool.h>

// with_end: also what the process had when it came to its end, if the script says so. False and a line on standard error if
// the file cannot be written.
bool writer_write(const struct script *script, bool with_end, const char *path);

#endif
