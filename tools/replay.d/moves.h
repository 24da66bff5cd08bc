// SPDX-License-Identifier: MIT
// A script as what is played through malloc: short, so that the memory it lies in disturbs as little as can be.
//
//   file   head | move | move | ...
//
// Chunks go by slots, which are used again, so that the table of them is as long as there are chunks live at once. What the
// program was refused, and what it misused, is left out.
#ifndef FT_REPLAY_MOVES_H
#define FT_REPLAY_MOVES_H

#include "tools/replay.d/script.h"

#include <stdbool.h>
#include <stdint.h>

struct moves_head {
    uint8_t magic[8];
    uint64_t move_count;
    uint64_t slot_count;
    uint64_t zero; // so that moves follow at a multiple of their size
};

struct move {
    uint64_t bytes; // that are asked for
    uint32_t slot;
    uint8_t kind;  // TRACE_MALLOC, CALLOC, ALIGNED, REALLOC, FREE
    uint8_t power; // of the alignment
    uint16_t zero;
};

// Writes a script's moves. False if that cannot be: errno says why.
bool moves_write(const struct script *script, int file);

// Reads a head. False if the file is none of moves, as a whole.
bool moves_read_head(struct moves_head *head, int file);

// Whether a move may be played.
static inline bool moves_is_good(const struct moves_head *head, const struct move *move)
{
    return move->slot < head->slot_count && move->kind >= TRACE_MALLOC &&
           move->kind <= TRACE_FREE && move->power < 64;
}

#endif
