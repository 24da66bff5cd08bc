// SPDX-License-Identifier: MIT
// What is remembered of a pointer that was misused: the calls that handed it out and took it back.
#ifndef FT_API_PAST_H
#define FT_API_PAST_H

#include "api/print.h"

// Writes the last few calls that had this pointer, or the start of the chunk that it leads into, to a descriptor, a line for
// each as in the history, with its call stack, if calls and stacks are kept; else nothing. print: empty, as it is
// afterwards. Takes the lock of the history.
void past_tell(struct print *print, int descriptor, const void *ptr, const void *base);

#endif
