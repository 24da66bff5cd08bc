// SPDX-License-Identifier: MIT
// A census of the heap as text: a table for people, JSON and Prometheus's text for programs. What the parts are called
// is told in one place; each form is a file of its own.
#ifndef FT_API_STATS_H
#define FT_API_STATS_H

#include "api/print.h"
#include "core/census.h"

#include <stddef.h>

// How a part of the heap is told. Arrays: pointers would be relocated when any process starts.
struct stats_part {
    char name[12];     // a label for programs
    char title[28];    // of its row in the table
    char sentence[80]; // of its explanation
};

// By enum census_part.
extern const struct stats_part stats_parts[CENSUS_PART_COUNT];

// Text on its way to a descriptor.
struct stats_output {
    struct print print;
    int descriptor;
};

// Begins a text.
void stats_begin(struct stats_output *output, int descriptor);

// Writes what there is if there is no room for a few lines more.
void stats_go_on(struct stats_output *output);

// Writes what there is.
void stats_end(struct stats_output *output);

// Appends a number, right-aligned in so many columns: with a comma between each three digits; in tenths, with a point
// before the last.
void stats_grouped(struct text *text, uint64_t number, unsigned columns);
void stats_tenths(struct text *text, uint64_t tenths, unsigned columns);

// Appends blanks up to a column, counted from `start`, the length of the text when the line began.
void stats_pad(struct text *text, size_t start, size_t column);

// How much `share` is of `whole`, in parts of `scale`, rounded; 0 of nothing.
uint64_t stats_share(uint64_t share, uint64_t whole, uint64_t scale);

// Takes a census of the heap. Takes the lock.
void stats_take(struct census *census);

// Writes the table to `output`, for a process that ends with the option `stats` at `exit`.
void stats_end_of_process(void);

// The forms.
void stats_table(struct stats_output *output, const struct census *census);
void stats_json(struct stats_output *output, const struct census *census);
void stats_prometheus(struct stats_output *output, const struct census *census);

#endif
