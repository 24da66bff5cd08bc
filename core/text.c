// SPDX-License-Identifier: MIT
#include "core/text.h"

#include <string.h>

void text_bytes(struct text *text, const char *string, size_t count)
{
    size_t room = text->room - text->length;
    count = count < room ? count : room;
    memcpy(text->bytes + text->length, string, count);
    text->length += count;
}

void text_string(struct text *text, const char *string)
{
    // One by one: compilers make a call of strlen() of a loop that counts.
    for (; *string != '\0'; string++) {
        text_bytes(text, string, 1);
    }
}

static void text_number(struct text *text, uint64_t number, unsigned base)
{
    char digits[20]; // enough for 2^64 in decimal
    size_t first = sizeof(digits);
    do {
        digits[--first] = "0123456789ABCDEF"[number % base];
        number /= base;
    } while (number != 0);
    text_bytes(text, digits + first, sizeof(digits) - first);
}

void text_decimal(struct text *text, uint64_t number)
{
    text_number(text, number, 10);
}

void text_address(struct text *text, uintptr_t address)
{
    text_string(text, "0x");
    text_number(text, address, 16);
}
