// SPDX-License-Identifier: MIT
// An arena on plain buffers, with a caller that does what the api does: it meets the arena's needs,
// acts on what may go back, counts what it was asked for, and refuses on request.
#ifndef FT_TESTS_CORE_DRIVER_H
#define FT_TESTS_CORE_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/heap_hand.h"
#include "tests/core/region.h"

enum { DRIVER_REGIONS_MAX = 512, DRIVER_MAPPINGS_MAX = 64, DRIVER_NEED_KINDS = NEED_MAPPING + 1 };

struct driver_options {
    size_t unit_bytes;
    size_t page_bytes;      // 0: the unit
    size_t run_bytes_max;   // 0: SIZE_MAX
    size_t dirty_bytes_max; // 0: SIZE_MAX
    size_t zone_bytes_max;  // 0: SIZE_MAX
    size_t parcel_count;    // of each heap
    size_t hand_bytes_max;  // of each heap
    uint16_t space_mib;     // a bound, or 0
    size_t section_bytes;   // of a region that becomes a section, at least
    size_t section_phase;   // how far above a multiple of the unit those regions begin
    bool commits;           // regions come without access, and are committed as the arena asks
    bool wide;
};

struct driver {
    struct arena *arena;
    struct driver_options options;
    struct region arena_memory;
    struct region regions[DRIVER_REGIONS_MAX];
    struct region mappings[DRIVER_MAPPINGS_MAX];
    size_t region_count;

    size_t asks[DRIVER_NEED_KINDS]; // by kind, of one driver_alloc() or since they were zeroed
    size_t asks_most;               // the largest number in one driver_alloc()
    size_t asks_allowed;            // that many more are met, then every one is refused
    size_t purge_count;             // ranges that went back
    size_t unmap_count;             //
    bool keeps;                     // nothing is taken back: every purge and unmap fails
};

// An arena without memory.
void driver_begin(struct driver *driver, const struct driver_options *options);

// Frees everything, after a last look at the guards and the arena.
void driver_end(struct driver *driver);

// Frees the arena and nothing else, after its sections were freed: they are not looked at.
void driver_delete_arena(struct driver *driver);

// Whether the arena, its heaps and all its zones are valid, no chunk was freed twice, and nothing was written outside.
bool driver_is_valid(const struct driver *driver);

// Meets a need of kind COMMIT or SECTION, or refuses.
bool driver_meet(struct driver *driver, const struct need *need);

// Adds a section, with no need for it.
struct section *driver_add_section(struct driver *driver, size_t bytes);

// A run of so many bytes, whatever the arena needs for it.
struct run driver_take_run(struct driver *driver, size_t bytes);

// What the api does after unlocking.
void driver_let_go(struct driver *driver, const struct leaving *leaving);

// Purges free runs as long as too much is kept.
void driver_return_runs(struct driver *driver);

// The same for pages of a heap's zones.
void driver_return_pages(struct driver *driver, struct heap *heap);

// A heap with `bytes` of memory, or NULL.
struct heap *driver_acquire(struct driver *driver, size_t bytes);

// malloc and free as the api has them. alloc: NULL ptr when the driver refuses. free: heap is NULL for a thread
// without one.
struct grant driver_alloc(struct driver *driver, struct heap *heap, size_t bytes, size_t align);
void driver_free(struct driver *driver, struct heap *heap, void *ptr);

// Gives the empty zones back of the heap, which may be NULL, and of those without a thread.
void driver_give_empty(struct driver *driver, struct heap *heap);

// All asks counted, of every kind.
size_t driver_asks(const struct driver *driver);

#endif
