// SPDX-License-Identifier: MIT
// Bytes in the usual form, a line for each sixteen: address, two groups of eight in hexadecimal, and as characters.
//
//   0x7f9c2a3e4040  48 65 6c 6c 6f 2c 20 77  6f 72 6c 64 21 00 00 00  |Hello, world!...|
//
// Lines that repeat the one before are told by one line with an asterisk, but for the last.
#ifndef FT_CORE_DUMP_H
#define FT_CORE_DUMP_H

#include "core/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DUMP_ROW_BYTES = 16,  // that one line tells
    DUMP_LINE_BYTES = 96, // no line is longer
};

// What was told last. A dump begins zeroed.
struct dump {
    unsigned char row[DUMP_ROW_BYTES];
    bool has_row;
    bool is_folding; // the asterisk was written
};

// ANY. Appends the lines of the next `count` bytes of a dump, which are at an address and were copied from there, as long
// as the text has room for one more. Returns how many bytes that were. is_end: no bytes follow; else count is a multiple
// of DUMP_ROW_BYTES.
size_t dump_rows(struct dump *dump, struct text *text, uintptr_t address,
                 const unsigned char *bytes, size_t count, bool is_end);

#endif
