// SPDX-License-Identifier: MIT
#include "tests/api/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const kind_names[] = {"TINY", "SMALL", "LARGE"};

enum { LINE_BYTES_MAX = 128 };

// Where the reader stands.
struct cursor {
    size_t line_number;
    enum show_kind kind;
    uintptr_t zone;
    uintptr_t floor; // nothing that follows may start below
    uintptr_t last_start;
    bool zone_seen;
    bool total_seen;
};

static void *map_bytes(size_t bytes)
{
    void *base = mmap(NULL, bytes == 0 ? 1 : bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) {
        perror("mmap");
        abort();
    }
    return base;
}

static bool refuse(struct show_report *report, const struct cursor *cursor, const char *line,
                   const char *problem)
{
    snprintf(report->problem, sizeof report->problem, "line %zu, \"%.100s\": %s",
             cursor->line_number, line, problem);
    return false;
}

// S1 is checked by printing what was read once more and comparing the two.
static bool read_zone(struct show_report *report, struct cursor *cursor, const char *line)
{
    char name[8];
    char again[LINE_BYTES_MAX];
    uintptr_t zone;
    if (sscanf(line, "%7s : 0x%" SCNxPTR, name, &zone) != 2) {
        return refuse(report, cursor, line, "neither a zone, nor a chunk, nor the total");
    }
    int kind = SHOW_LARGE;
    while (kind >= 0 && strcmp(name, kind_names[kind]) != 0) {
        kind--;
    }
    if (kind < 0) {
        return refuse(report, cursor, line, "no kind of zone has this name");
    }
    snprintf(again, sizeof again, "%s : 0x%" PRIXPTR, name, zone);
    if (strcmp(line, again) != 0) {
        return refuse(report, cursor, line, "a zone line not in the exact form");
    }
    if (cursor->zone_seen && zone <= cursor->zone) {
        return refuse(report, cursor, line, "zones are not in increasing order");
    }
    if (zone < cursor->floor) {
        return refuse(report, cursor, line, "the zone starts inside a chunk of the zone before");
    }
    cursor->kind = (enum show_kind)kind;
    cursor->zone = zone;
    cursor->floor = zone;
    cursor->zone_seen = true;
    report->zone_count++;
    return true;
}

static bool read_chunk(struct show_report *report, struct cursor *cursor, const char *line)
{
    char again[LINE_BYTES_MAX];
    uintptr_t start;
    uintptr_t end;
    size_t bytes;
    if (sscanf(line, "0x%" SCNxPTR " - 0x%" SCNxPTR " : %zu", &start, &end, &bytes) != 3) {
        return refuse(report, cursor, line, "a chunk line that cannot be read");
    }
    snprintf(again, sizeof again, "0x%" PRIXPTR " - 0x%" PRIXPTR " : %zu bytes", start, end, bytes);
    if (strcmp(line, again) != 0) {
        return refuse(report, cursor, line, "a chunk line not in the exact form");
    }
    if (end - start != bytes) {
        return refuse(report, cursor, line, "end less start is not the size");
    }
    if (!cursor->zone_seen) {
        return refuse(report, cursor, line, "a chunk before the first zone");
    }
    if (start < cursor->floor || start == cursor->last_start) {
        return refuse(report, cursor, line, "below its zone or the end of the chunk before it");
    }
    cursor->floor = end;
    cursor->last_start = start;
    report->lines[report->line_count++] = (struct show_line){
        .kind = cursor->kind, .zone = cursor->zone, .start = start, .bytes = bytes};
    report->total_bytes += bytes;
    return true;
}

static bool read_total(struct show_report *report, struct cursor *cursor, const char *line)
{
    char right[LINE_BYTES_MAX];
    snprintf(right, sizeof right, "Total : %zu bytes", report->total_bytes);
    if (strcmp(line, right) != 0) {
        return refuse(report, cursor, line, "not the sum of the lines in the exact form");
    }
    cursor->total_seen = true;
    return true;
}

static bool read_line(struct show_report *report, struct cursor *cursor, const char *line)
{
    if (cursor->total_seen) {
        return refuse(report, cursor, line, "something after the total");
    }
    if (strncmp(line, "Total", 5) == 0) {
        return read_total(report, cursor, line);
    }
    if (strncmp(line, "0x", 2) == 0) {
        return read_chunk(report, cursor, line);
    }
    return read_zone(report, cursor, line);
}

static bool read_text(struct show_report *report)
{
    struct cursor cursor = {.line_number = 0};
    char line[LINE_BYTES_MAX];
    const char *at = report->text;
    const char *end = report->text + report->text_bytes;
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t bytes = newline == NULL ? (size_t)(end - at) : (size_t)(newline - at);
        cursor.line_number++;
        snprintf(line, sizeof line, "%.*s", (int)(bytes < sizeof line ? bytes : sizeof line - 1),
                 at);
        if (newline == NULL || bytes >= sizeof line) {
            return refuse(report, &cursor, line, "too long, or not ended by a newline");
        }
        if (!read_line(report, &cursor, line)) {
            return false;
        }
        at = newline + 1;
    }
    return cursor.total_seen || refuse(report, &cursor, "", "the total is missing");
}

// A line has at least "0x1 - 0x1 : 0 bytes", or it is no chunk.
static size_t line_room(size_t text_bytes)
{
    return (text_bytes / 19 + 1) * sizeof(struct show_line);
}

static bool read_taken(struct show_report *report)
{
    report->lines = map_bytes(line_room(report->text_bytes));
    return read_text(report);
}

bool show_read(struct show_report *report, const char *text, size_t text_bytes)
{
    *report = (struct show_report){.text = map_bytes(text_bytes), .text_bytes = text_bytes};
    memcpy(report->text, text, text_bytes);
    return read_taken(report);
}

bool show_take(struct show_report *report, void (*show)(void))
{
    *report = (struct show_report){.text = NULL};
    char path[] = "/tmp/ft_malloc_show_XXXXXX";
    int file = mkstemp(path);
    int saved = dup(STDOUT_FILENO);
    if (file < 0 || saved < 0 || dup2(file, STDOUT_FILENO) < 0) {
        perror("show_take");
        abort();
    }
    unlink(path);
    show();
    dup2(saved, STDOUT_FILENO);
    close(saved);
    struct stat about;
    if (fstat(file, &about) != 0) {
        perror("fstat");
        abort();
    }
    report->text_bytes = (size_t)about.st_size;
    report->text = map_bytes(report->text_bytes);
    if (pread(file, report->text, report->text_bytes, 0) != about.st_size) {
        perror("pread");
        abort();
    }
    close(file);
    return read_taken(report);
}

void show_drop(struct show_report *report)
{
    munmap(report->lines, line_room(report->text_bytes));
    munmap(report->text, report->text_bytes == 0 ? 1 : report->text_bytes);
}

const struct show_line *show_find(const struct show_report *report, const void *ptr)
{
    size_t low = 0;
    size_t high = report->line_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (report->lines[middle].start < (uintptr_t)ptr) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    bool found = low < report->line_count && report->lines[low].start == (uintptr_t)ptr;
    return found ? &report->lines[low] : NULL;
}

bool show_has(void (*show)(void), const void *ptr, size_t bytes)
{
    struct show_report report;
    bool valid = show_take(&report, show);
    const struct show_line *line = valid ? show_find(&report, ptr) : NULL;
    bool found = line != NULL && line->bytes == bytes;
    if (!found) {
        fprintf(stderr, "no chunk of %zu bytes at %p; %s\n", bytes, ptr, report.problem);
    }
    show_drop(&report);
    return found;
}

bool show_lacks(void (*show)(void), const void *ptr)
{
    struct show_report report;
    bool valid = show_take(&report, show);
    bool found = !valid || show_find(&report, ptr) != NULL;
    if (found) {
        fprintf(stderr, "a chunk at %p; %s\n", ptr, report.problem);
    }
    show_drop(&report);
    return !found;
}
