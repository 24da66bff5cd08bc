// SPDX-License-Identifier: MIT
#include "api/history.h"

#include "api/event.h"
#include "api/export.h"
#include "api/global.h"
#include "api/print.h"
#include "core/bits.h"

#include <string.h>

enum { ROOM_BYTES = 256 }; // no line is longer

void history_open(size_t room)
{
    if (room == 0) {
        return;
    }
    size_t page = platform_page_bytes();
    size_t bytes = bits_align_up(room * sizeof(struct ft_malloc_event), page);
    global.history.events = platform_map(bytes, page);
    global.history.room = global.history.events != NULL ? room : 0;
}

void history_note(const struct ft_malloc_event *event)
{
    struct history *history = &global.history;
    if (history->room == 0) {
        return;
    }
    global_lock_other(&global.history.lock);
    struct ft_malloc_event *place = &history->events[(event->order - 1) % history->room];
    // Whoever comes late finds a later call there.
    if (place->order < event->order) {
        *place = *event;
    }
    history->last = event->order > history->last ? event->order : history->last;
    global_unlock_other(&global.history.lock);
}

bool history_next(uint64_t order, struct ft_malloc_event *event)
{
    const struct history *history = &global.history;
    if (history->room == 0) {
        return false;
    }
    bool is_found = false;
    global_lock_other(&global.history.lock);
    if (order + history->room < history->last) {
        order = history->last - history->room;
    }
    while (order < history->last && !is_found) {
        order++;
        *event = history->events[(order - 1) % history->room];
        is_found = event->order == order;
    }
    global_unlock_other(&global.history.lock);
    return is_found;
}

// Arrays: pointers would be relocated when any process starts.
static const char names[][16] = {
    [FT_MALLOC_EVENT_MALLOC] = "malloc",   [FT_MALLOC_EVENT_CALLOC] = "calloc",
    [FT_MALLOC_EVENT_REALLOC] = "realloc", [FT_MALLOC_EVENT_ALIGNED] = "aligned_alloc",
    [FT_MALLOC_EVENT_FREE] = "free",
};

// "[1] 0x7f929c336040 -> 0x7f929c336080 : 64 bytes"
static void tell_chunk(struct text *text, const struct ft_malloc_event *event, const void *ptr,
                       size_t bytes)
{
    text_string(text, "[");
    text_decimal(text, event->order);
    text_string(text, "] ");
    text_pointer(text, (uintptr_t)ptr);
    text_string(text, " -> ");
    text_pointer(text, (uintptr_t)ptr + bytes);
    text_string(text, " : ");
    text_decimal(text, bytes);
    text_string(text, " bytes");
}

void history_tell_call(struct text *text, const struct ft_malloc_event *event)
{
    bool is_new = event_is_new(event);
    tell_chunk(text, event, is_new ? event->result : event->ptr,
               is_new ? event->bytes : event->held);
    text_string(text, ", ");
    text_string(text, names[event->kind]);
    if (event->kind == FT_MALLOC_EVENT_REALLOC) {
        text_string(text, " of ");
        text_pointer(text, (uintptr_t)event->ptr);
    }
    text_string(text, event->is_misuse ? " (misuse) by thread " : " by thread ");
    text_decimal(text, event->thread);
    text_string(text, "\n");
}

static void print_history(int descriptor, bool all)
{
    struct ft_malloc_event event = {.order = 0};
    struct print print;
    print_begin(&print);
    text_string(&print.text, "=============== ALLOCATION HISTORY ===============\n");
    while (history_next(event.order, &event)) {
        if (all) {
            history_tell_call(&print.text, &event);
        } else if (event_is_new(&event)) {
            tell_chunk(&print.text, &event, event.result, event.bytes);
            text_string(&print.text, "\n");
        }
        if (print.text.length > PRINT_BYTES - ROOM_BYTES) {
            print_tell(&print, descriptor);
        }
    }
    text_string(&print.text, "==================================================\n");
    print_tell(&print, descriptor);
}

void history_print(int descriptor)
{
    print_history(descriptor, false);
}

void history_print_calls(int descriptor)
{
    print_history(descriptor, true);
}

void history_before_fork(void)
{
    platform_lock(&global.history.lock);
}

void history_after_fork(void)
{
    platform_unlock(&global.history.lock);
}

void history_after_fork_in_child(void)
{
    platform_lock_reset(&global.history.lock);
}
