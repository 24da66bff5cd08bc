// SPDX-License-Identifier: MIT
// Takes out of a script what belongs to one machine and one run: addresses, the process's number, the clock. What is left can
// be given to anybody, is the same wherever it was recorded, and is shorter when it is compressed.
#ifndef FT_REPLAY_STRIP_H
#define FT_REPLAY_STRIP_H

#include "tools/replay.d/script.h"

// Chunks are put side by side, as far apart as misuses need to be told from each other; the time begins with the first call.
// The script is a whole one, as it was read.
void strip_script(struct script *script);

#endif
