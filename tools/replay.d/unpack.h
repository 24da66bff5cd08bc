// SPDX-License-Identifier: MIT
// Files that zstd has compressed. Its command unpacks them, into memory that looks like a file.
#ifndef FT_REPLAY_UNPACK_H
#define FT_REPLAY_UNPACK_H

#include <stdbool.h>

enum unpack_answer {
    UNPACK_OK,
    UNPACK_NO_ZSTD,   // there is no such command here
    UNPACK_DAMAGED,   // not what was compressed, or cut
    UNPACK_TOO_LARGE, // half of this machine's memory, or what `ulimit -f` allows, does not hold it
};

// Whether an open file begins as zstd's do.
bool unpack_is_packed(int file);

// Makes *file the descriptor of the unpacked one, if the answer is UNPACK_OK, and closes the other. Else it stays.
enum unpack_answer unpack_file(int *file);

#endif
