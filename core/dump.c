// SPDX-License-Identifier: MIT
#include "core/dump.h"

#include <string.h>

enum { DUMP_ROWS_MAX = 4096 }; // that are looked at for one line

static void tell_row(struct text *text, uintptr_t address, const unsigned char *row, size_t count)
{
    text_pointer(text, address);
    text_string(text, " ");
    for (size_t index = 0; index < DUMP_ROW_BYTES; index++) {
        text_string(text, index == DUMP_ROW_BYTES / 2 ? "  " : " ");
        if (index < count) {
            text_hexadecimal(text, row[index], 2);
        } else {
            text_string(text, "  ");
        }
    }
    text_string(text, "  |");
    for (size_t index = 0; index < count; index++) {
        char letter = row[index] >= ' ' && row[index] <= '~' ? (char)row[index] : '.';
        text_bytes(text, &letter, 1);
    }
    text_string(text, "|\n");
}

bool dump_next(struct dump *dump, struct text *text)
{
    for (unsigned looked = 0; looked < DUMP_ROWS_MAX; looked++) {
        size_t left = dump->bytes - dump->next;
        if (left == 0) {
            return false;
        }
        size_t count = left < DUMP_ROW_BYTES ? left : DUMP_ROW_BYTES;
        unsigned char row[DUMP_ROW_BYTES];
        memcpy(row, (const void *)(dump->base + dump->next), count);
        bool is_again =
            dump->next != 0 && left > DUMP_ROW_BYTES && memcmp(row, dump->row, count) == 0;
        if (!is_again) {
            tell_row(text, dump->base + dump->next, row, count);
            memcpy(dump->row, row, count);
        } else if (!dump->is_folding) {
            text_string(text, "*\n");
        }
        dump->next += count;
        bool is_told = !is_again || !dump->is_folding;
        dump->is_folding = is_again;
        if (is_told) {
            return true;
        }
    }
    return true;
}
