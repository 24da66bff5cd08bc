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

enum { DIGITS_MAX = 20 }; // enough for 2^64 in decimal

static const char upper_digits[] = "0123456789ABCDEF";
static const char lower_digits[] = "0123456789abcdef";

// In any base that the digits suffice for, with zeros in front of less than `least` of them.
static void text_number(struct text *text, uint64_t number, unsigned base, const char *digits,
                        unsigned least)
{
    char number_text[DIGITS_MAX];
    size_t first = DIGITS_MAX;
    do {
        number_text[--first] = digits[number % base];
        number /= base;
    } while (number != 0 || DIGITS_MAX - first < least);
    text_bytes(text, number_text + first, DIGITS_MAX - first);
}

void text_decimal(struct text *text, uint64_t number)
{
    text_number(text, number, 10, upper_digits, 1);
}

void text_hexadecimal(struct text *text, uint64_t number, unsigned digits)
{
    text_number(text, number, 16, lower_digits, digits < DIGITS_MAX ? digits : DIGITS_MAX);
}

void text_pointer(struct text *text, uintptr_t address)
{
    text_string(text, "0x");
    text_hexadecimal(text, address, 1);
}

void text_address(struct text *text, uintptr_t address)
{
    text_string(text, "0x");
    text_number(text, address, 16, upper_digits, 1);
}
