// SPDX-License-Identifier: MIT
// The history: a ring of the last calls, in memory of its own.
#ifndef FT_API_HISTORY_H
#define FT_API_HISTORY_H

#include "api/ft_malloc.h"
#include "core/text.h"
#include "platform/platform.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct history {
    struct platform_lock lock;      // guards the rest; nothing is called with it held
    struct ft_malloc_event *events; // that of order n at (n - 1) % room
    size_t room;
    uint64_t last; // the highest order that was noted
};

// Makes room for so many calls, once. With 0, and without memory for them, none are kept.
void history_open(size_t room);

// Notes a call.
void history_note(const struct ft_malloc_event *event);

// The call that came first after the one of this order, of those that are kept. False if there is none.
bool history_next(uint64_t order, struct ft_malloc_event *event);

// Appends a call as a line.
void history_tell_call(struct text *text, const struct ft_malloc_event *event);

// Writes the allocations among the calls to a descriptor, a line for each.
void history_print(int descriptor);

// The same with what was called, and by which thread.
void history_print_calls(int descriptor);

// Around a fork, by a thread that has the arena's lock.
void history_before_fork(void);
void history_after_fork(void);
void history_after_fork_in_child(void);

#endif
