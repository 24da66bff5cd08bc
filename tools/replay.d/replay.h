// SPDX-License-Identifier: MIT
// Plays a script on the pure core (ft_core.h), over plain memory: a heap for each thread. Where the memory lies, and all that
// is done with it, depends on the script alone, so that two replays leave the same bytes.
#ifndef FT_REPLAY_REPLAY_H
#define FT_REPLAY_REPLAY_H

#include "core/ft_core.h"
#include "tools/replay.d/script.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REPLAY_REGIONS_MAX = 256 };

struct replay_chunk {
    unsigned char *ptr; // NULL: not live here
    uint64_t bytes;
    unsigned char *last; // where it was, also when it is freed
};

struct replay {
    const struct script *script;
    size_t next; // step
    struct ft_core *core;
    struct ft_core_heap *heaps;  // by threads; those that are open have a core
    struct replay_chunk *chunks; // by lives
    unsigned char *regions[REPLAY_REGIONS_MAX];
    size_t region_count;
    size_t region_bytes;
    uint64_t *used; // a bit for each 16 bytes that a chunk ever began at, region by region
    uint64_t live_count;
    uint64_t live_bytes;
    uint64_t alloc_count;
    uint64_t reuse_count;  // chunks that begin where one was before
    uint64_t failed_count; // that the program was given, and that could not be had here
    bool is_in_place;      // the regions lie where they do in every replay
};

// Makes an arena for a script, which stays the caller's. False and a line on standard error if there is no memory.
bool replay_begin(struct replay *replay, const struct script *script);

// Plays the next step; what the core says of a misuse, FT_CORE_OK of everything else. Not to be called behind the last one.
enum ft_core_misuse replay_step(struct replay *replay);

// A sum over all bytes of the arena.
uint64_t replay_digest(const struct replay *replay);

// A way in, for questions: the heap of the last step's thread, or another that is open; opens one if there is none.
struct ft_core_heap *replay_heap(struct replay *replay);

void replay_end(struct replay *replay);

#endif
