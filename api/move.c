// SPDX-License-Identifier: MIT
#include "api/move.h"

#include "api/give_back.h"
#include "api/global.h"
#include "api/watch.h"
#include "core/large.h"

#include <stdbool.h>
#include <string.h>

enum {
    PIECE_BYTES = 2 << 20,         // are copied before they go back
    PIECEWISE_BYTES_MIN = 8 << 20, // shorter ones are copied at once
};

// Whoever watches is told of the chunk as it was.
static bool goes_piecewise(const struct chunk *chunk)
{
    return chunk->zone->kind == ZONE_LARGE && chunk->requested >= PIECEWISE_BYTES_MIN &&
           !watch_is_on();
}

size_t move_begin(const struct chunk *chunk)
{
    if (!goes_piecewise(chunk)) {
        return 0;
    }
    global_lock();
    size_t taken = arena_taken_units(&global.arena);
    global_unlock();
    return taken;
}

// Cuts the chunk, of which so much is held, to fewer bytes. False if it is not what it was.
static bool give_end(const struct chunk *chunk, size_t held, size_t bytes)
{
    struct need need;
    global_lock();
    struct chunk now = chunk_locate(&global.arena, chunk->base);
    bool is_cut = chunk_is_held_at(&now, chunk->base) && now.requested == held &&
                  large_resize(&global.arena, &now, bytes, &need);
    if (is_cut) {
        arena_note_growth(&global.arena, PIECE_BYTES / GLOBAL_UNIT_BYTES);
        give_back_grown();
    }
    global_unlock();
    return is_cut;
}

static bool is_in_virgin_memory(size_t begun)
{
    global_lock();
    bool is_virgin = arena_taken_units(&global.arena) > begun;
    global_unlock();
    return is_virgin;
}

void move_bytes(const struct chunk *chunk, void *to, size_t bytes, size_t begun)
{
    const char *from = chunk->base;
    if (goes_piecewise(chunk) && is_in_virgin_memory(begun)) {
        size_t held = chunk->requested;
        while (bytes >= 2 * (size_t)PIECE_BYTES) {
            bytes -= PIECE_BYTES;
            memcpy((char *)to + bytes, from + bytes, PIECE_BYTES);
            if (!give_end(chunk, held, bytes)) {
                break;
            }
            held = bytes;
        }
    }
    memcpy(to, from, bytes);
}
