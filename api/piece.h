// SPDX-License-Identifier: MIT
// A piece of a string, as keys and values of options are: it is not terminated.
#ifndef FT_API_PIECE_H
#define FT_API_PIECE_H

#include "core/text.h"

#include <stdbool.h>
#include <stddef.h>

struct piece {
    const char *start;
    size_t length;
};

enum { PIECE_DISTANCE_MAX = 32 }; // longer words are as far from each other as can be

// Whether a piece is this word, in any case.
bool piece_is(struct piece piece, const char *word);

// How many letters must be added, dropped, replaced or swapped with a neighbour to make one of the other, whatever the
// case of the piece's; UINT32_MAX for what is longer than PIECE_DISTANCE_MAX.
unsigned piece_distance(struct piece piece, const char *word);

// Appends the first `most` bytes of a piece, with a question mark for each that is no printable ASCII.
void piece_tell(struct text *text, struct piece piece, size_t most);

// Reads a number of bytes, with one of K, M, G and T behind it or none. False if it is none, or above PTRDIFF_MAX.
bool piece_bytes(struct piece piece, size_t *bytes);

#endif
