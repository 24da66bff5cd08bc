// SPDX-License-Identifier: MIT
// Unwinds a slice of a stack that a report holds, by the call frame information of the files that were mapped.
#ifndef FT_TOOLS_UNWIND_H
#define FT_TOOLS_UNWIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UNWIND_REGISTERS = 8, UNWIND_FRAMES_MAX = 256 };

struct unwind_slice {
    uint64_t registers[UNWIND_REGISTERS]; // rip rsp rbp rbx r12 r13 r14 r15
    uint64_t base;
    uint64_t *words;
    size_t count;
};

// Addresses where the calls go on, the innermost first.
struct unwind {
    uint64_t frames[UNWIND_FRAMES_MAX];
    size_t count;
    bool is_complete; // the last has no caller
};

// Makes what was mapped known: lines as in /proc/PID/maps. To be called before slices of another process are unwound.
void unwind_begin(char *mappings, size_t bytes);

// Unwinds a slice.
void unwind(const struct unwind_slice *slice, struct unwind *found);

#endif
