// SPDX-License-Identifier: MIT
// An event is one call of the program's, as those see it who watch (watch.h). The struct is that of ft_malloc.h.
#ifndef FT_API_EVENT_H
#define FT_API_EVENT_H

#include "api/ft_malloc.h"

#include <stdbool.h>

// Whether the call has handed out a chunk.
static inline bool event_is_new(const struct ft_malloc_event *event)
{
    return event->kind != FT_MALLOC_EVENT_FREE && event->result != NULL;
}

// Whether the call has taken back the chunk at event->ptr.
static inline bool event_is_end(const struct ft_malloc_event *event)
{
    bool is_moved = event->result != NULL && event->result != event->ptr;
    bool is_shrunk_to_nothing = event->result == NULL && event->bytes == 0;
    return !event->is_misuse &&
           (event->kind == FT_MALLOC_EVENT_FREE ||
            (event->kind == FT_MALLOC_EVENT_REALLOC && (is_moved || is_shrunk_to_nothing)));
}

#endif
