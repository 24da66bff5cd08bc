// SPDX-License-Identifier: MIT
#include "api/piece.h"

#include <stdint.h>
#include <string.h>

static char lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

bool piece_is(struct piece piece, const char *word)
{
    size_t length = 0;
    while (length < piece.length && word[length] != '\0' &&
           lower(piece.start[length]) == lower(word[length])) {
        length++;
    }
    return length == piece.length && word[length] == '\0';
}

unsigned piece_distance(struct piece piece, const char *word)
{
    size_t width = strlen(word);
    if (piece.length > PIECE_DISTANCE_MAX || width > PIECE_DISTANCE_MAX) {
        return UINT32_MAX;
    }
    unsigned table[PIECE_DISTANCE_MAX + 1][PIECE_DISTANCE_MAX + 1];
    for (size_t row = 0; row <= piece.length; row++) {
        for (size_t column = 0; column <= width; column++) {
            if (row == 0 || column == 0) {
                table[row][column] = (unsigned)(row + column);
                continue;
            }
            char here = lower(piece.start[row - 1]);
            unsigned best = table[row - 1][column - 1] + (here != word[column - 1]);
            unsigned dropped = table[row - 1][column] + 1;
            unsigned added = table[row][column - 1] + 1;
            best = dropped < best ? dropped : best;
            best = added < best ? added : best;
            bool swapped = row > 1 && column > 1 && here == word[column - 2] &&
                           lower(piece.start[row - 2]) == word[column - 1];
            if (swapped && table[row - 2][column - 2] + 1 < best) {
                best = table[row - 2][column - 2] + 1;
            }
            table[row][column] = best;
        }
    }
    return table[piece.length][width];
}

void piece_tell(struct text *text, struct piece piece, size_t most)
{
    for (size_t index = 0; index < piece.length && index < most; index++) {
        bool is_printable = piece.start[index] >= ' ' && piece.start[index] <= '~';
        text_bytes(text, is_printable ? &piece.start[index] : "?", 1);
    }
}

bool piece_bytes(struct piece piece, size_t *bytes)
{
    static const char units[] = "kmgt";
    size_t length = 0;
    *bytes = 0;
    while (length < piece.length && piece.start[length] >= '0' && piece.start[length] <= '9') {
        size_t digit = (size_t)(piece.start[length++] - '0');
        if (*bytes > ((size_t)PTRDIFF_MAX - digit) / 10) {
            return false;
        }
        *bytes = *bytes * 10 + digit;
    }
    unsigned shift = 0;
    if (length != 0 && length + 1 == piece.length) {
        const char *unit = strchr(units, lower(piece.start[length++]));
        shift = unit != NULL && *unit != '\0' ? (unsigned)(unit - units + 1) * 10 : UINT32_MAX;
    }
    if (length == 0 || length != piece.length || shift >= 63 ||
        *bytes > (size_t)PTRDIFF_MAX >> shift) {
        return false;
    }
    *bytes <<= shift;
    return true;
}
