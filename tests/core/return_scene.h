// SPDX-License-Identifier: MIT
// One heap with chunks and pages that may go back to the system, step by step, and an arena that keeps as much as it is told.
#ifndef FT_TESTS_CORE_RETURN_SCENE_H
#define FT_TESTS_CORE_RETURN_SCENE_H

#include "core/heap_return.h"
#include "tests/core/driver.h"

enum {
    KIB = 1 << 10,
    MIB = 1 << 20,
    PAGE = 4 * KIB,
    UNIT = 64 * KIB,
    HEAP_BYTES = 2 * UNIT,
    CHUNKS_MAX = 65536,
    CHUNK = 1024, // bytes of most chunks here: four in a page, 100 in a zone of two units
    OLD = 0xFF,   // what is in chunks
};

struct return_scene {
    struct driver driver;
    struct heap *heap;
    unsigned char *chunks[CHUNKS_MAX];
};

// There is one at a time.
extern struct return_scene scene;

// An arena that keeps as much as it is told, whose heaps return nothing by themselves; and one heap.
void return_scene_begin(size_t dirty_bytes_max);

// Looks at everything, and ends.
void return_scene_end(void);

// Allocates chunks and writes to them.
void return_scene_fill(struct heap *owner, size_t bytes, unsigned count);

// Frees a chunk of a zone that is the heap's, or was last.
void return_scene_put(struct heap *owner, void *ptr);

// Frees the chunks from one number to before another, back to their zones.
void return_scene_put_some(struct heap *owner, unsigned first, unsigned end);

// Frees all of so many chunks but each `step`th, without giving anything back.
void return_scene_thin_out(struct heap *owner, unsigned count, unsigned step);

// The zone of a chunk.
struct zone *return_scene_zone_of(const void *ptr);

// The zone whose pages may go.
struct zone *return_scene_zone_of_leaving(const struct leaving *leaving);

// The next pages of the scene's heap that may go. False if there are none.
bool return_scene_next(size_t least_bytes, size_t zone_count, struct leaving *leaving);

// Tells the heap what became of them.
void return_scene_left(const struct leaving *leaving, enum left what);

// Three zones of one list, each with two ranges that can go; `order` has them as the search comes to them.
void return_scene_three_zones(struct zone *order[3]);

#endif
