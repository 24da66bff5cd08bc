// SPDX-License-Identifier: MIT
// What the tests of ft_core share: arenas on guarded buffers, a lock that counts, pictures of memory.
#ifndef FT_TESTS_CORE_FT_CORE_KIT_H
#define FT_TESTS_CORE_FT_CORE_KIT_H

#include "core/ft_core.h"
#include "tests/core/region.h"
#include "tests/core/test.h"

// An arena on a buffer with guards around it, and one heap.
struct kit {
    struct region region;
    struct ft_core *core;
    struct ft_core_heap heap;
};

// A region of `bytes` that begins `phase` bytes above a multiple of 64 KiB and holds 0xEE everywhere.
struct region kit_dirty_region(size_t bytes, size_t phase);

// An arena of that many bytes on such a region, with a heap.
struct kit kit_new(size_t bytes);

// The same with options, which may say that the region is zero: then it is.
struct kit kit_new_with(size_t bytes, size_t phase, const struct ft_core_options *options);

// The arena holds together, ends, and nothing was written beside it.
void kit_delete(struct kit *kit);

// A chunk that is there, aligned to 16, found by ft_core_locate(), and filled with a pattern of its own.
void *kit_alloc(struct kit *kit, size_t bytes);

// Frees a chunk of this size whose pattern is as it was.
void kit_free(struct kit *kit, void *ptr, size_t bytes);

// Writes, and looks for, the pattern that goes with an address.
void kit_fill(void *ptr, size_t bytes);
bool kit_is_filled(const void *ptr, size_t bytes);

// A lock that counts, and that nobody may take twice or give back without having it.
struct counting_lock {
    unsigned acquire_count;
    unsigned release_count;
    bool is_held;
};

struct ft_core_lock counting_lock(struct counting_lock *lock);

// A copy of a region. The tools that watch memory do not mind that nobody may read it.
struct picture {
    unsigned char *bytes;
    size_t count;
};

struct picture picture_of(const struct region *region);

// Whether the region is as it was. Frees the copy.
bool picture_is_still(struct picture *picture, const struct region *region);

// Copies a region's bytes, overlapping perhaps, and writes one, without minding who may touch them.
void kit_move(unsigned char *to, const unsigned char *from, size_t bytes);
void kit_poke(unsigned char *at, size_t bytes, unsigned char byte);

// Tells Valgrind to look away, in builds that have it (tests/embedded/poison_valgrind.c).
__attribute__((weak)) void kit_look_away(bool away);

#endif
