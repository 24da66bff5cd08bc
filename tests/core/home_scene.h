// SPDX-License-Identifier: MIT
// Three heaps of one arena that free each other's chunks, step by step.
#ifndef FT_TESTS_CORE_HOME_SCENE_H
#define FT_TESTS_CORE_HOME_SCENE_H

#include "core/zone_home.h"
#include "tests/core/driver.h"

enum {
    SCENE_UNIT = 4096,
    SCENE_HEAP_BYTES = 65536,
    SCENE_BYTES = 1024,   // of a chunk of the last TINY class; a zone of these
    SCENE_COUNT = 100,    // has so many,
    SCENE_COUNT_MAX = 512 // and no zone of these scenes more than this
};

struct home_scene {
    struct driver driver;
    struct arena *arena;
    struct heap *a;
    struct heap *b;
    struct heap *c;
};

// Three new heaps with so many parcels each.
void home_scene_begin(struct home_scene *scene, size_t parcel_count);

// Looks at everything, and ends.
void home_scene_end(struct home_scene *scene);

// A chunk, or a failed test.
void *home_scene_alloc(struct home_scene *scene, struct heap *heap, size_t bytes);

// Allocates one zone's chunks, all of them, for a heap that has no other zone of the class with one. The zone is
// nobody's then. Returns it; *count, if not NULL: its chunks.
struct zone *home_scene_fill(struct home_scene *scene, struct heap *heap, size_t bytes,
                             void **chunks, uint32_t *count);

// The same, with the last chunk freed by the heap and back in the zone: the zone stays the heap's.
struct zone *home_scene_fill_but_one(struct home_scene *scene, struct heap *heap, size_t bytes,
                                     void **chunks);

// What a pointer is.
struct chunk home_scene_at(const struct home_scene *scene, const void *ptr);

// heap_send() of what ptr is; heap may be NULL.
bool home_scene_send(struct home_scene *scene, struct heap *heap, const void *ptr);

// heap_put() of a chunk whose zone the heap owns, or takes back.
void home_scene_put(struct home_scene *scene, struct heap *heap, const void *ptr);

// Whether a record is in a list, with its link.
bool home_scene_is_listed(const struct home_scene *scene, const struct home_list *list,
                          const struct zone *zone);

// The list of a zone's section for zones of its class that are nobody's.
struct home_list *home_scene_full(const struct home_scene *scene, const struct zone *zone);

// Whether the home bit of a chunk is set.
bool home_scene_is_sent(const struct home_scene *scene, const void *ptr);

// Writes the state of a chunk, for what only a race would bring about.
void home_scene_set_state(const struct home_scene *scene, const void *ptr, unsigned state);

// Sends the home bit of a chunk alone, as what is left of a race.
void home_scene_set_bit(const struct home_scene *scene, const void *ptr);

// Allocates until a new zone would be cut, and wants every chunk once. Returns how many were had.
uint32_t home_scene_take_all(struct home_scene *scene, struct heap *heap, size_t bytes);

#endif
