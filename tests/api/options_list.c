// SPDX-License-Identifier: MIT
// Lists the options that there are, for tests that want every one: a line for each, its parts apart by tabs. It has the
// name, then "words", "bytes", "text" or the range of a number, and then the words in place of these. Behind them a line
// for each preset, with what it stands for.

#include <stdio.h>

#include "api/options_table.h"

int main(void)
{
    for (size_t index = 0; index < options_row_count; index++) {
        const struct option_row *row = &options_rows[index];
        printf("option\t%s\t", row->name);
        if (row->most != 0) {
            printf("%u-%u", row->least, row->most);
        } else {
            fputs(row->is_bytes ? "bytes" : row->is_text ? "text" : "words", stdout);
        }
        for (unsigned value = 0; row->values[value][0] != '\0'; value++) {
            printf("\t%s%s", row->values[value], value == row->fallback ? "\tdefault" : "");
        }
        putchar('\n');
    }
    for (size_t index = 0; options_rows[0].values[index][0] != '\0'; index++) {
        printf("preset\t%s\t%s\n", options_rows[0].values[index], options_presets[index]);
    }
    return 0;
}
