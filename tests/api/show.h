// SPDX-License-Identifier: MIT
// What show_alloc_mem printed, taken from standard output and read by the letter of its form:
//
//     TINY : 0xA0000
//     0xA0020 - 0xA004A : 42 bytes
//     Total : 42 bytes
//
// A report is valid if and only if
//   S1  every line is one of these three, with upper-case hexadecimal, no leading zeros, ended by
//       a newline, and the total is the last one;
//   S2  zones come in increasing order, each chunk lies between its zone's address and the next
//       zone's, and chunks come in increasing order without overlap;
//   S3  each line's end less its start is its size, and the total is the sum of the lines.

#ifndef FT_TESTS_SHOW_H
#define FT_TESTS_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum show_kind { SHOW_TINY, SHOW_SMALL, SHOW_LARGE };

struct show_line {
    enum show_kind kind;
    uintptr_t zone;
    uintptr_t start;
    size_t bytes;
};

// All of it lies in mappings of its own: reading a report does not change the heap.
struct show_report {
    char *text;
    size_t text_bytes;
    struct show_line *lines;
    size_t line_count;
    size_t zone_count;
    size_t total_bytes;
    char problem[256]; // empty when the report is valid
};

// Calls show() with standard output in a file and reads what came. False, with the problem named,
// when the text breaks S1, S2 or S3.
bool show_take(struct show_report *report, void (*show)(void));

// The same for a text that the test already has; it is copied.
bool show_read(struct show_report *report, const char *text, size_t text_bytes);

void show_drop(struct show_report *report);

// The line of the chunk that starts at ptr, or NULL.
const struct show_line *show_find(const struct show_report *report, const void *ptr);

// True when show() prints a chunk at ptr with exactly these bytes. False also for a broken report.
bool show_has(void (*show)(void), const void *ptr, size_t bytes);

// True when show() prints a valid report without a chunk at ptr.
bool show_lacks(void (*show)(void), const void *ptr);

#endif
