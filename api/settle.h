// SPDX-License-Identifier: MIT
// What a call that did more than to pop or push a chunk does at its end.
#ifndef FT_API_SETTLE_H
#define FT_API_SETTLE_H

#include "core/heap.h"

// Gives back what the heap's last call has emptied: zones, its own and those of heaps without a thread, and what of their
// memory is more than may be kept. heap may be NULL. The lock is not held.
void settle_heap(struct heap *heap);

// Reports in the name of `call` that two threads freed one chunk at a time, if that has come out by now.
void settle_twice(const char *call);

#endif
