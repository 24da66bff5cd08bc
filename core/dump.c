// SPDX-License-Identifier: MIT
#include "core/dump.h"

#include "core/check.h"

#include <string.h>

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

_Static_assert(DUMP_ROW_BYTES == 2 * sizeof(uint64_t), "rows are compared as two words");

// Whether two whole rows are the same. Not by memcmp(), of which compilers make what the core may not call.
static bool is_same(const unsigned char *row, const unsigned char *other)
{
    uint64_t words[2], others[2];
    memcpy(words, row, DUMP_ROW_BYTES);
    memcpy(others, other, DUMP_ROW_BYTES);
    return ((words[0] ^ others[0]) | (words[1] ^ others[1])) == 0;
}

// The next row of a dump: its line, the asterisk in its place, or nothing.
static void tell_next(struct dump *dump, struct text *text, uintptr_t address,
                      const unsigned char *row, size_t count, bool is_last)
{
    bool is_again = dump->has_row && !is_last && is_same(row, dump->row);
    if (!is_again) {
        tell_row(text, address, row, count);
        memcpy(dump->row, row, count);
    } else if (!dump->is_folding) {
        text_string(text, "*\n");
    }
    dump->has_row = true;
    dump->is_folding = is_again;
}

size_t dump_rows(struct dump *dump, struct text *text, uintptr_t address,
                 const unsigned char *bytes, size_t count, bool is_end)
{
    ASSERT(is_end || count % DUMP_ROW_BYTES == 0);
    size_t done = 0;
    while (done < count && text->room - text->length >= DUMP_LINE_BYTES) {
        size_t left = count - done;
        size_t row_bytes = left < DUMP_ROW_BYTES ? left : DUMP_ROW_BYTES;
        bool is_last = is_end && left <= DUMP_ROW_BYTES;
        tell_next(dump, text, address + done, bytes + done, row_bytes, is_last);
        done += row_bytes;
    }
    return done;
}
