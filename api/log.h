// SPDX-License-Identifier: MIT
// What the options `debug` and `bonus` say of each call, as it is made.
#ifndef FT_API_LOG_H
#define FT_API_LOG_H

#include "api/ft_malloc.h"
#include "api/global.h"

#include <stdbool.h>

// Whether an option asks for anything.
static inline bool log_is_on(void)
{
    return global.options.debug == SWITCH_ON || global.options.bonus == SWITCH_ON;
}

// Writes a line about a call, and what is in the chunk that it has handed out, as far as options ask for that. In one
// piece, so that the words of several threads do not mix.
void log_event(const struct ft_malloc_event *event);

#endif
