// SPDX-License-Identifier: MIT
// Text put together in a buffer of the caller's, without allocation, locale or libc.
#ifndef FT_CORE_TEXT_H
#define FT_CORE_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text {
    char *bytes;
    size_t room; // what does not fit is left out
    size_t length;
};

// ANY. Appends a string.
void text_string(struct text *text, const char *string);

// ANY. Appends the first `count` bytes of a string.
void text_bytes(struct text *text, const char *string, size_t count);

// ANY. Appends a number in decimal.
void text_decimal(struct text *text, uint64_t number);

// ANY. Appends a number in lower-case hexadecimal, with as many zeros in front as make `digits` of it.
void text_hexadecimal(struct text *text, uint64_t number, unsigned digits);

// ANY. Appends an address in lower-case hexadecimal, with 0x in front, as printf's %p does.
void text_pointer(struct text *text, uintptr_t address);

// ANY. Appends an address in upper-case hexadecimal, with 0x in front.
void text_address(struct text *text, uintptr_t address);

#endif
