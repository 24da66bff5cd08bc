// SPDX-License-Identifier: MIT
// Has a crash, a trap of the core, a sanitizer's finding or a loop without end say what was being played.
#ifndef FT_TESTS_MODEL_WATCH_H
#define FT_TESTS_MODEL_WATCH_H

#include "tests/model/model.h"

// From now on, what ends this process tells of this model.
void watch_begin(const struct model *model);

// The process is to end if it plays one case for longer than so many seconds.
void watch_seconds(unsigned seconds);

#endif
