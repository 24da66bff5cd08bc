// SPDX-License-Identifier: MIT
// Heaps of the program's own, as the api sees them: what ft_malloc.h promises of ft_heap_create() and its kin.
//
//   first region, or the caller's buffer                     a region that was added
//   +---------+----------------+-----------------------+    +---------------------+-------------------+
//   | nothing | struct ft_heap | an arena of ft_core's |    | struct heaps_region | more of the arena |
//   +---------+----------------+-----------------------+    +---------------------+-------------------+
//
// Regions are LARGE chunks of the process's heap. Whatever is done to a heap is done under its lock, with one way
// into the arena for all threads, so that the arena's "exclusive" always holds.
//
// Locks are taken in this order: that of the list, those of heaps, that of the process's arena. No thread takes two
// of heaps but the one that forks, which holds that of the list.
#ifndef FT_API_HEAPS_H
#define FT_API_HEAPS_H

#include "api/ft_malloc.h"
#include "core/ft_core.h"
#include "platform/platform.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// At the start of each region that was added to a heap.
struct heaps_region {
    _Alignas(16) struct heaps_region *next;
    size_t bytes;
};

struct ft_heap {
    uintptr_t mark; // what no other heap has, while it lives
    struct ft_core_heap core;
    struct platform_lock lock; // if it is listed; guards everything but what list and options say
    bool is_listed;            // several threads may use it
    bool is_buffer;            // it lies in memory of the caller's
    size_t unit_bytes;         // the grain of regions to come; 0: none do
    struct heaps_region *regions;
    struct ft_heap_figures figures;
    struct ft_heap *next; // in the list of all
    struct ft_heap *previous;
};

// The heaps that several threads may use: for forks, and for reports.
struct heaps {
    struct platform_lock lock;
    struct ft_heap *first;
};

// ---- locks (heaps.c) --------------------------------------------------------------------------------

// Takes the heap's lock. False if there is no heap: that is reported as a misuse in the name of `call`, and errno
// is EINVAL.
bool heaps_enter(struct ft_heap *heap, const char *call);

// Lets it go.
void heaps_leave(struct ft_heap *heap);

// Takes and lets go the lock of the list.
void heaps_lock(struct heaps *heaps);
void heaps_unlock(struct heaps *heaps);

// Around a fork: takes every lock, before that of the process's arena; lets them go, in parent and child.
void heaps_before_fork(struct heaps *heaps);
void heaps_after_fork(struct heaps *heaps);
void heaps_after_fork_in_child(struct heaps *heaps);

// ---- memory (heaps_memory.c): with the heap's lock held ---------------------------------------------

// Adds a region that the chunk fits. False if the heap does not grow, or its limit or the system refuses.
bool heaps_grow(struct ft_heap *heap, size_t bytes, size_t align);

// Gives the added regions back in which no chunk is in use; returns how many bytes that were.
size_t heaps_shrink(struct ft_heap *heap);

// Gives all added regions back, whatever is in them; the arena has been ended.
void heaps_drop(struct ft_heap *heap);

// ---- words (heaps_report.c): without locks ----------------------------------------------------------

// Does with a misuse of the heap what the options say. place: what ptr is in the heap.
void heaps_report(struct ft_heap *heap, const char *call, enum ft_core_misuse misuse,
                  const void *ptr, const struct ft_core_place *place);

// The same for a pointer to no heap.
void heaps_report_none(const char *call, const void *ptr);

#endif
