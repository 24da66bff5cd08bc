// SPDX-License-Identifier: MIT
// Puts the application's errors into words: one line on standard error that names the misuse, the
// pointer, and what is known of it; and the calls that had it, if those are remembered (past.h), which
// takes their lock. Allocates nothing, writes nothing to the heap.
#ifndef FT_API_REPORT_H
#define FT_API_REPORT_H

#include "api/print.h"
#include "core/misuse.h"

#include <stdbool.h>
#include <stddef.h>

// Does with a misuse what the options say: abort after a line, go on after a line, or go on. call is the
// function that was misused; bytes the size that it was given, for the sized ones.
void report_misuse(const char *call, enum misuse_kind misuse, const void *ptr, size_t bytes,
                   const struct chunk *chunk);

// The same in parts, for whoever knows more of the pointer: begins the line, up to the pointer's address. False if the
// options say to go on without one.
bool report_begin(struct print *print, const char *call, enum misuse_kind misuse, const void *ptr);

// Ends the line, and writes it with what is remembered of the pointer, and of the start of the chunk that it leads into (or
// the pointer again); then aborts, or goes on.
void report_end(struct print *print, enum misuse_kind misuse, const void *ptr, const void *base);

#endif
