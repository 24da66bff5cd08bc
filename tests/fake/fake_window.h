// SPDX-License-Identifier: MIT
// The fake's address space: spans with and without access, places, limits, and the books of both. What
// lies above calls it on behalf of a platform, or of a kernel.
#ifndef FT_TESTS_FAKE_FAKE_WINDOW_H
#define FT_TESTS_FAKE_FAKE_WINDOW_H

#include "tests/fake/fake.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum window_access { WINDOW_NOTHING, WINDOW_CLOSED, WINDOW_OPEN };

// What fake_reset() was told last.
extern struct fake_config fake_config;

// Says what was broken, and ends the process.
_Noreturn void window_complain(const char *what, uintptr_t base, size_t bytes);

// Where `bytes` may go, at a multiple of align; 0: nowhere.
uintptr_t window_find(size_t bytes, size_t align);

// Gives a range this access, and zero bytes where it is open. False if a limit is in the way; then
// nothing has changed.
bool window_change(uintptr_t base, size_t bytes, enum window_access access);

// Bytes of a range that are there; only_open: that are open.
size_t window_bytes_in(uintptr_t base, size_t bytes, bool only_open);

// Makes static memory of the program, which is in no span, zero pages of the real system's, that can be written or not.
void window_show_static(uintptr_t base, size_t bytes, bool is_open);

// Whether an address lies in the window.
bool window_holds(uintptr_t address);

// Counts a call and spoils errno.
void window_count(enum fake_call call);

// Counts a call that can be refused; whether the faults say that it is.
bool window_is_refused(enum fake_call call);

// Returns done; if it is false, that is a refusal.
bool window_refuse_unless(bool done);

// Keeps the list of grants.
void window_grant(uintptr_t base, size_t bytes);
void window_ungrant(uintptr_t base, size_t bytes, bool done);

// Dirt at the start of every page.
void window_leave_dirt(uintptr_t base, size_t bytes);

// Zeroes what a purge zeroes that is refused by plan.
void window_purge_in_part(uintptr_t base, size_t bytes);

// Takes what was written, if output is kept. False: it is to be written.
bool window_keeps_output(const void *bytes, size_t length);

#endif
