// SPDX-License-Identifier: MIT
// The trace: all calls, in a file that core/trace.h tells the form of. Each process has a file of its own.
//
// A call is written into a block of the file, which is mapped. So whatever ends the process, all its calls are in the file
// but those that have not returned yet; and nothing has to be done at the end.
//
// A thread writes into one of a few lanes, by its number, each with a block and a lock of its own. The lock is held while a
// call is numbered and written, so that the calls of a lane come in order.
#ifndef FT_API_TRACE_H
#define FT_API_TRACE_H

#include "api/ft_malloc.h"
#include "api/trace_modules.h"
#include "core/trace.h"
#include "platform/platform.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

// A lane, guarded by its lock.
struct trace_lane {
    _Alignas(64) struct platform_lock lock;
    uint8_t *block; // the one that is being written; NULL: none yet, or no more
    uint32_t used;  // bytes of it
    uint64_t sequence;
    uint64_t time;       // when the clock was last read for it; 0: not yet
    uint32_t until_look; // calls until it is read again
    struct trace_state state;
};

struct trace {
    struct trace_lane *lanes;  // NULL: nobody wants a trace
    size_t lanes_bytes;        // and of what follows them
    struct platform_lock lock; // guards the file's descriptor
    char *path;                // of the file
    uint8_t *frames;           // room for one call stack as data for each lane
    _Atomic uintptr_t *told;   // a bit for each call stack: those that are in the file
    size_t told_bytes;
    struct trace_modules *modules; // those that are in the file; NULL: no call stacks are
    struct platform_kept file;
    uint64_t began;               // when
    size_t process;               // whose it is
    _Atomic uint64_t block_count; // of the file
    _Atomic bool is_over;         // the file has no room left
};

// Begins the trace that the option asks for, at the start, and notes the chunks that there are by then. Complains on
// standard error if the file cannot be had; then there is none.
void trace_open(void);

// Around a fork, by a thread that has the arena's lock: takes those of all lanes, of the file, of the modules, in this order,
// so that every lane is whole.
void trace_before_fork(void);
void trace_after_fork(void);

// A forked child, in its one thread: its trace begins anew, in another file.
void trace_after_fork_in_child(void);

// Whether calls are traced.
static inline bool trace_is_on(const struct trace *trace)
{
    // Relaxed: who comes late finds it out with the lane's lock.
    return trace->lanes != NULL && !atomic_load_explicit(&trace->is_over, memory_order_relaxed);
}

// Numbers a call and writes it, while trace_is_on(). When the file has no room left, one line on standard error says so, and
// from then on nothing is written.
void trace_call(struct ft_malloc_event *event);

// At the process's end, by the thread of this number: notes how many chunks and bytes it has.
void trace_end(uint32_t thread);

#endif
