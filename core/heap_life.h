// SPDX-License-Identifier: MIT
// What the life of a heap consists of.
#ifndef FT_CORE_HEAP_LIFE_H
#define FT_CORE_HEAP_LIFE_H

#include "core/heap.h"

// OWNER. Makes a heap one that owns nothing, whatever it has held so far; what belongs to its memory stays.
void heap_begin(struct heap *heap);

// LOCKED. Adds a heap to those that wait for a thread.
void heap_make_idle(struct arena *arena, struct heap *heap);

#endif
