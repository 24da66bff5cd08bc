// SPDX-License-Identifier: MIT
// What options there are: a row for each, with its values and its default; what the presets stand for; and the variables
// that go by other names. The documentation's table is made of these rows and of the sentence above each, a check compares
// the two.
#ifndef FT_API_OPTIONS_TABLE_H
#define FT_API_OPTIONS_TABLE_H

#include "api/piece.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    OPTION_VALUES_MAX = 5,
    OPTION_WORD_BYTES = 10, // of an option's name, or one of its values, with the NUL
    OPTION_VARIABLE_BYTES = 24,
};

// What is kept of an option is, in this order: a number of bytes if it is_bytes; a number if `most` is not 0; its text if
// it is_text; or else which of its values it has. The values of the first two stand in place of a number (options_word),
// the first of the third's for none.
//
// Rows hold no pointer: each would be relocated when a process starts, on a page that is written for that alone.
struct option_row {
    char name[OPTION_WORD_BYTES];
    // From the strictest to the laxest; behind the last is an empty one.
    char values[OPTION_VALUES_MAX + 1][OPTION_WORD_BYTES];
    uint8_t fallback; // the default, as an index of values
    bool is_bytes;
    bool is_text;
    uint32_t at;    // where struct options keeps it
    uint32_t least; // of a number
    uint32_t most;
    // Where a number of bytes is kept that may stand behind the last value and a colon, else 1. 0: none may.
    uint32_t rate_at;
};

extern const struct option_row options_rows[];
extern const size_t options_row_count;

// What each preset sets before anything else does, as a list of the form key=value,key=value. README.md has the table.
extern const char *const options_presets[];

// Variables that go by other names than ours: those of glibc that have a meaning here, and two that are in common use. What
// glibc's say that the option does not know means nothing, as other settings for glibc do.
struct option_alias {
    char variable[OPTION_VARIABLE_BYTES];
    char option[OPTION_WORD_BYTES];
    char minus_one[OPTION_WORD_BYTES]; // what -1 stands for; empty: nothing else
    bool is_glibcs;
};

extern const struct option_alias options_aliases[];
extern const size_t options_alias_count;

// The row of an option by its name, in any case; NULL if there is none.
const struct option_row *options_row(struct piece key);

// The row whose name is nearest to this one.
const struct option_row *options_row_nearest(struct piece key);

#endif
