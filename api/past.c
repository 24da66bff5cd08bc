// SPDX-License-Identifier: MIT
#include "api/past.h"

#include "api/frames.h"
#include "api/global.h"

enum { CALLS_MAX = 4 }; // that are told

// The last calls that had the pointer: the one of place n at n % CALLS_MAX. Returns how many there were.
static size_t find_calls(struct ft_malloc_event *calls, const void *ptr, const void *base)
{
    size_t count = 0;
    struct ft_malloc_event event = {.order = 0};
    while (history_next(event.order, &event)) {
        if (event.ptr == ptr || event.ptr == base || event.result == base) {
            calls[count++ % CALLS_MAX] = event;
        }
    }
    return count;
}

void past_tell(struct print *print, int descriptor, const void *ptr, const void *base)
{
    struct ft_malloc_event calls[CALLS_MAX];
    size_t count = find_calls(calls, ptr, base);
    if (count == 0) {
        return;
    }
    // Slices are for tools, which the reports of leaks are written for.
    bool has_frames = global.stacks.each != 0 && !global.stacks.copies;
    struct modules modules = {.count = 0};
    if (has_frames) {
        modules_load(&modules);
    }
    for (size_t index = count > CALLS_MAX ? count - CALLS_MAX : 0; index < count; index++) {
        const struct ft_malloc_event *call = &calls[index % CALLS_MAX];
        history_tell_call(&print->text, call);
        if (has_frames && call->stack != 0) {
            frames_tell(print, descriptor, &modules, frames_of(&modules, call->stack));
        }
        print_tell(print, descriptor);
    }
    if (has_frames) {
        modules_unload(&modules);
    }
}
