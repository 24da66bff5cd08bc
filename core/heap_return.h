// SPDX-License-Identifier: MIT
// What a heap gives back to the system out of zones that are in use: pages that only free chunks touch, once the heap
// keeps more of them than it may. Zones of the emptiest lists come first.
#ifndef FT_CORE_HEAP_RETURN_H
#define FT_CORE_HEAP_RETURN_H

#include "core/heap.h"

enum { HEAP_RETURN_BYTES_MIN = 16 << 10 }; // shorter ranges leave in a trim alone

// OWNER. How many bytes side by side are worth a purge now; 0: nothing is to leave. What is free in the zones beyond a
// quarter of the arena's dirty_bytes_max and half of what is in use in the same zones leaves with time, which is told by
// what the heap takes out of its zones: T bytes taken are worth one range of 2^41 / T bytes. As much more stays as left
// and was taken again, up to dirty_bytes_max, less an eighth of what leaves from then on. Beyond that and a share of four
// times dirty_bytes_max, of 64 MiB at most, it leaves at once. The share is one part in n^2, of n heaps.
size_t heap_worth_leaving(struct heap *heap);

// OWNER. The next range of pages to purge, of at least so many bytes; it is to be purged, and heap_left() called, before
// any other call for this heap. Looks at `zone_count` zones at most. False if there is none in them, or no zone is left to
// be looked at: then the next search begins anew. False also where so many purges have split mappings that no more may.
bool heap_next_leaving(struct heap *heap, size_t least_bytes, size_t zone_count,
                       struct leaving *leaving);

// OWNER. What became of it.
void heap_left(struct heap *heap, const struct leaving *leaving, enum left left);

// OWNER. The next search begins at the first zone.
void heap_search_anew(struct heap *heap);

// ANY. Every heap is to give back all it can, those of threads that are elsewhere when they come by.
void heap_demand_trim(struct arena *arena);

// OWNER. Whether the next heap_trim_is_due() will say so, in an arena that memory goes back from.
static inline bool heap_trim_waits(const struct heap *heap)
{
    // Relaxed: who sees it late does his part late.
    return heap_returns(heap)->trim !=
           atomic_load_explicit(&heap_arena(heap)->trim_count, memory_order_relaxed);
}

// OWNER. Whether that was demanded since the heap was last asked this, or made.
bool heap_trim_is_due(struct heap *heap);

#endif
