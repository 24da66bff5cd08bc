// SPDX-License-Identifier: MIT
#include "api/watch.h"

#include "api/event.h"
#include "api/history.h"
#include "api/leaks.h"
#include "api/log.h"
#include "api/stacks.h"

#include <errno.h>
#include <string.h>

enum { HISTORY_WITH_BONUS = 1000 }; // calls, unless the option says more

// The number of the calling thread: they are counted as they first call.
static unsigned thread_number(void)
{
    unsigned *number = platform_thread_number();
    if (*number == 0) {
        // Relaxed: a number of its own is all that is wanted.
        *number =
            atomic_fetch_add_explicit(&global.watch.thread_count, 1, memory_order_relaxed) + 1;
    }
    return *number;
}

// Tells everybody who watches.
static void tell(struct ft_malloc_event *event, const void *frame)
{
    int saved = errno;
    // A thread that had its heap before: from now on its calls are seen, too.
    global_put_aside();
    event->thread = thread_number();
    // Asked here, so that who watches with one option does not pay for the others.
    if (global.stacks.each != 0) {
        stacks_note(event, frame);
    }
    if (trace_is_on(&global.trace)) {
        trace_call(event);
    } else {
        event->order = global_number_call(false);
    }
    if (log_is_on()) {
        log_event(event);
    }
    if (global.history.room != 0) {
        history_note(event);
    }
    if (global.leaks.early_count != 0 && event_is_end(event)) {
        leaks_note_end(event->ptr);
    }
    errno = saved;
}

static bool has_bonus(void)
{
    return global.options.bonus == SWITCH_ON;
}

static bool wants_leaks(void)
{
    return has_bonus() || global.options.leaks != LEAKS_SILENT;
}

static bool perturbs(void)
{
    return global.options.perturb != options_word(COUNT_NONE);
}

// What glibc fills with: the byte itself what is freed, its complement what is new.
static void fill_new(unsigned char *ptr, size_t from, size_t to)
{
    if (perturbs() && ptr != NULL && from < to) {
        memset(ptr + from, (int)(~global.options.perturb & UINT8_MAX), to - from);
    }
}

static void fill_freed(void *ptr, size_t bytes)
{
    if (perturbs()) {
        memset(ptr, (int)global.options.perturb, bytes);
    }
}

void watch_alloc(void *ptr, size_t bytes, size_t align, enum slow_how how, const void *frame)
{
    if (how == SLOW_QUIET || (how == SLOW_TRY && ptr == NULL)) {
        return;
    }
    bool is_zeroed = how == SLOW_ZEROED;
    struct ft_malloc_event event = {
        .kind = is_zeroed                 ? FT_MALLOC_EVENT_CALLOC
                : align > SIZE_CLASS_STEP ? FT_MALLOC_EVENT_ALIGNED
                                          : FT_MALLOC_EVENT_MALLOC,
        .result = ptr,
        .bytes = bytes,
        .align = align,
    };
    if (!is_zeroed) {
        fill_new(ptr, 0, bytes);
    }
    tell(&event, frame);
}

void watch_resize(const struct chunk *chunk, void *result, size_t bytes, const void *frame)
{
    struct ft_malloc_event event = {
        .kind = FT_MALLOC_EVENT_REALLOC,
        .ptr = chunk->base,
        .held = chunk->requested,
        .result = result,
        .bytes = bytes,
        .align = SIZE_CLASS_STEP,
    };
    fill_new(result, chunk->requested, bytes);
    tell(&event, frame);
    if (event_is_end(&event)) {
        fill_freed(event.ptr, event.held);
    }
}

void watch_misuse(enum ft_malloc_event_kind kind, void *ptr, size_t bytes, const void *frame)
{
    struct ft_malloc_event event = {
        .kind = kind,
        .ptr = ptr,
        .bytes = bytes,
        .align = kind == FT_MALLOC_EVENT_FREE ? 0 : SIZE_CLASS_STEP,
        .is_misuse = true,
    };
    tell(&event, frame);
}

void watch_free(const struct chunk *chunk, void *ptr, const void *frame)
{
    if (!chunk_is_held_at(chunk, ptr)) {
        watch_misuse(FT_MALLOC_EVENT_FREE, ptr, 0, frame);
        return;
    }
    struct ft_malloc_event event = {
        .kind = FT_MALLOC_EVENT_FREE,
        .ptr = ptr,
        .held = chunk->requested,
    };
    tell(&event, frame);
    fill_freed(event.ptr, event.held);
}

void watch_start(void)
{
    if (!options_watch(&global.options)) {
        return;
    }
    size_t room = global.options.history;
    if (room == options_word(COUNT_NONE)) {
        room = has_bonus() ? HISTORY_WITH_BONUS : 0;
    }
    history_open(room);
    stacks_open(options_stacks(&global.options));
    trace_open();
    if (wants_leaks()) {
        leaks_begin();
    }
    global_put_aside();
    atomic_store_explicit(&global.watch.is_on, true, memory_order_relaxed);
}

void watch_before_fork(void)
{
    history_before_fork();
    stacks_before_fork();
    trace_before_fork();
}

void watch_after_fork(void)
{
    trace_after_fork();
    stacks_after_fork();
    history_after_fork();
}

void watch_after_fork_in_child(void)
{
    history_after_fork_in_child();
    stacks_after_fork_in_child();
    output_after_fork_in_child();
    if (watch_is_on() && wants_leaks()) {
        leaks_begin();
    }
    trace_after_fork_in_child();
}

void watch_end(void)
{
    if (!watch_is_on()) {
        return;
    }
    trace_end(thread_number());
    if (has_bonus()) {
        history_print(output_descriptor());
    }
    if (wants_leaks() && leaks_report(output_descriptor()) && global.options.leaks == LEAKS_FAIL) {
        platform_end(LEAKS_STATUS);
    }
}
