// SPDX-License-Identifier: MIT
// Which files' code a trace has told of already, so that a library that comes later is told when the first call stack leads
// into it, and not only at the process's end, which may never come.
//
// What a frame holds may be no code at all, and code may have no file: so when the mappings were read for nothing, twice as
// many call stacks are let pass as the time before until they are read again.
#ifndef FT_API_TRACE_MODULES_H
#define FT_API_TRACE_MODULES_H

#include "api/modules.h"
#include "platform/platform.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TRACE_MODULES_MAX = 1000 }; // that are known; when there are more, none is looked for

struct trace_modules {
    struct platform_lock lock; // guards the rest
    size_t count;
    uint32_t
        left; // call stacks that lead to what is not known and are let pass before it is looked for
    uint32_t left_out; // how many that were the last time
    struct trace_module {
        uintptr_t start;
        size_t bytes;
    } known[TRACE_MODULES_MAX];
};

// Forgets all.
void trace_modules_clear(struct trace_modules *modules);

// Whether the mappings should be read again, because one of these frames leads to nothing that is known.
bool trace_modules_lack(struct trace_modules *modules, const uintptr_t *frames, size_t count);

// Notes what was read. True if it is not known yet.
bool trace_modules_add(struct trace_modules *modules, const struct module_place *place);

// Behind all that were read: whether there was anything new.
void trace_modules_were_read(struct trace_modules *modules, bool found_any);

#endif
