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

// A cursor: what is told, and how far.
struct dump {
    uintptr_t base; // of the bytes
    size_t bytes;
    size_t next;                       // the first that was not looked at
    unsigned char row[DUMP_ROW_BYTES]; // those of the line before
    bool is_folding;                   // the asterisk was written
};

// ANY. Appends the next line, if it finds one among the next 4096; false if all bytes were told. They are read once each,
// so that others may write them meanwhile: what is told was there at some moment. A dump begins zeroed but for its bytes.
bool dump_next(struct dump *dump, struct text *text);

#endif
