// SPDX-License-Identifier: MIT
// A call stack as lines of a report, which tools/symbols finds functions and lines by.
#ifndef FT_API_FRAMES_H
#define FT_API_FRAMES_H

#include "api/modules.h"
#include "api/print.h"
#include "core/backtrace_table.h"

#include <stdint.h>

// The stack of this number as far as it makes sense: what is no code was no return address, and what lies behind it neither.
struct backtrace_key frames_of(const struct modules *modules, uint32_t stack);

// Appends a line for each frame, "    #0 /usr/bin/program+0x1234", and writes to the descriptor what finds no room.
void frames_tell(struct print *print, int descriptor, const struct modules *modules,
                 struct backtrace_key key);

#endif
