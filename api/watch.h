// SPDX-License-Identifier: MIT
// The one place where every call of the program can be seen, by the log, the history, the leak report and whatever else
// wants to. Nothing of it costs a program that did not ask: while somebody watches, no thread has its heap in the slot
// that the fast paths read, so that every call takes the slow way (as those of a thread in its first calls do), and there
// alone it is asked whether somebody watches.
//
// Each event is told while the calling thread holds every chunk that it names: an allocation after it was served, a free
// before the chunk is given up, a realloc between the two. So the order in which events are told is one in which the calls
// could have been made one by one, without a lock around a call: of one chunk no two are told in the wrong order.
//
// A misuse is an event, too, and changes nothing. Not seen are calls before the options could be read (the loader's), and
// those on heaps of the program's own; of the latter the regions are seen.
#ifndef FT_API_WATCH_H
#define FT_API_WATCH_H

#include "api/ft_malloc.h"
#include "api/global.h"
#include "api/slow.h"
#include "core/chunk.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

// Whether somebody watches.
static inline bool watch_is_on(void)
{
    // Relaxed: set before the program has a second thread.
    return __builtin_expect(atomic_load_explicit(&global.watch.is_on, memory_order_relaxed), 0);
}

// Begins to watch if an option asks for it. To be called once, by the thread that reads the options.
void watch_start(void);

// The calls. errno is kept. frame: the frame of a function that the program has called, or that such a one has called; call
// stacks begin with who called that.

// A chunk was served, or refused: ptr is NULL. Nothing if it was asked for quietly: then it is a part of another call.
__attribute__((cold)) void watch_alloc(void *ptr, size_t bytes, size_t align, enum slow_how how,
                                       const void *frame);

// A chunk that the program holds becomes another one, or stays where it is; result is NULL if that is refused, or if
// bytes is 0 and it is freed.
__attribute__((cold)) void watch_resize(const struct chunk *chunk, void *result, size_t bytes,
                                        const void *frame);

// ptr, which was found to be this chunk, is about to be freed; or not, because that is a misuse.
__attribute__((cold)) void watch_free(const struct chunk *chunk, void *ptr, const void *frame);

// ptr cannot be freed, or resized to so many bytes, because that is a misuse.
__attribute__((cold)) void watch_misuse(enum ft_malloc_event_kind kind, void *ptr, size_t bytes,
                                        const void *frame);

// Around a fork.
void watch_before_fork(void);
void watch_after_fork(void);
void watch_after_fork_in_child(void);

// At the process's end: the reports that options ask for. May not return.
void watch_end(void);

#endif
