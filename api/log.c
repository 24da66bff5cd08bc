// SPDX-License-Identifier: MIT
#include "api/log.h"

#include "api/event.h"
#include "api/global.h"
#include "api/print.h"
#include "core/dump.h"

enum { LOG_DUMP_BYTES = 512 }; // of a new chunk: what a line and it take fits into one buffer

static void tell_bytes(struct text *text, const char *what, size_t bytes)
{
    text_string(text, what);
    text_decimal(text, bytes);
    text_string(text, " bytes");
}

static void tell_chunk(struct text *text, const char *what, const void *ptr, size_t bytes)
{
    tell_bytes(text, what, bytes);
    text_string(text, " at ");
    text_pointer(text, (uintptr_t)ptr);
}

// "[DEBUG] Allocated 112 bytes at 0x7fcab18b8040". A misuse has a line of its own, on standard error.
static void tell_event(struct text *text, const struct ft_malloc_event *event)
{
    if (event->is_misuse) {
        return;
    }
    text_string(text, "[DEBUG] ");
    if (event->kind == FT_MALLOC_EVENT_FREE || (event->bytes == 0 && event_is_end(event))) {
        tell_chunk(text, "Freed ", event->ptr, event->held);
    } else if (event->result == NULL) {
        tell_bytes(text, "Refused ", event->bytes);
    } else if (event->kind == FT_MALLOC_EVENT_REALLOC) {
        tell_chunk(text, "Reallocated ", event->result, event->bytes);
        tell_chunk(text, " (was ", event->ptr, event->held);
        text_string(text, ")");
    } else {
        tell_chunk(text, "Allocated ", event->result, event->bytes);
    }
    text_string(text, "\n");
}

static void tell_content(struct text *text, const struct ft_malloc_event *event)
{
    struct dump dump = {.has_row = false};
    size_t bytes = event->bytes < LOG_DUMP_BYTES ? event->bytes : LOG_DUMP_BYTES;
    (void)dump_rows(&dump, text, (uintptr_t)event->result, event->result, bytes, true);
    if (event->bytes > LOG_DUMP_BYTES) {
        tell_bytes(text, "and ", event->bytes - LOG_DUMP_BYTES);
        text_string(text, " more\n");
    }
}

void log_event(const struct ft_malloc_event *event)
{
    const struct options *options = &global.options;
    int descriptor = log_is_on() ? output_descriptor() : -1;
    if (descriptor < 0) {
        return;
    }
    struct print print;
    print_begin(&print);
    if (options->debug == SWITCH_ON) {
        tell_event(&print.text, event);
    }
    if (options->bonus == SWITCH_ON && event_is_new(event)) {
        tell_content(&print.text, event);
    }
    print_tell(&print, descriptor);
}
