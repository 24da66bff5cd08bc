// SPDX-License-Identifier: MIT
// Makes a trace that shows a failure small: leaves out the lives of chunks, and single calls, as long as the failure shows.
#ifndef FT_REPLAY_REDUCE_H
#define FT_REPLAY_REDUCE_H

#include "tools/replay.d/script.h"

#include <stdbool.h>

// Writes to `path` the calls that are left of a script, and tells them. The failure is that `command`, a shell's, with the path
// of a trace behind it, ends with status 0; without one, that the core finds the misuse that it finds first in the whole.
// False and a line on standard error if the failure does not show at all, or the trace cannot be written.
bool reduce_script(const struct script *script, const char *command, const char *path);

#endif
