// SPDX-License-Identifier: MIT
// Text put together in a buffer on the stack, without allocation, locale or libc.
#ifndef FT_API_TEXT_H
#define FT_API_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum { TEXT_BYTES = 4096 };

struct text {
    size_t length;
    char bytes[TEXT_BYTES];
};

// Appends a string; what does not fit is left out.
void text_string(struct text *text, const char *string);

// Appends the first `count` bytes of a string.
void text_bytes(struct text *text, const char *string, size_t count);

// Appends a number in decimal.
void text_decimal(struct text *text, uint64_t number);

// Appends an address in upper-case hexadecimal, with 0x in front.
void text_address(struct text *text, uintptr_t address);

// Writes what there is to a descriptor and empties the text.
void text_write(struct text *text, int descriptor);

#endif
