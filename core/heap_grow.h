// SPDX-License-Identifier: MIT
// Where a heap gets chunks of a class of which it has none.
#ifndef FT_CORE_HEAP_GROW_H
#define FT_CORE_HEAP_GROW_H

#include "core/heap.h"

// OWNER. Whether a SMALL class has shown little use so far: it has no zone yet, or the first one, of which few chunks were ever
// handed out; nor did it get many of other classes. zone: the heap's fullest of the class, or NULL. Never on a buffer.
bool heap_uses_little(const struct heap *heap, unsigned size_class, const struct zone *zone);

#endif
