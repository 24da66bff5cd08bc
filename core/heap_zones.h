// SPDX-License-Identifier: MIT
// The zones that a heap owns, in lists by class and fill, so that the fullest is found first.
#ifndef FT_CORE_HEAP_ZONES_H
#define FT_CORE_HEAP_ZONES_H

#include "core/heap.h"

// OWNER. Moves a zone to the list of its fill. One that has nothing to hand out is in none, and nobody's.
void heap_relist(struct heap *heap, struct zone *zone);

// OWNER. A zone has got chunks back: to its list, or, if it has all of them and is not the last, on its way out.
void heap_settle(struct heap *heap, struct zone *zone);

// OWNER. Takes an empty zone out of its list, for heap_give_empty().
void heap_send_out(struct heap *heap, struct zone *zone);

// OWNER. The first zone of the fullest list of a class, or NULL.
struct zone *heap_fullest_zone(const struct heap *heap, unsigned size_class);

#endif
