// SPDX-License-Identifier: MIT
// What the process has mapped, as the system lists it. Nothing here is called unless an option asks for it.
#include "platform/platform.h"
#include "platform/linux_calls.h"

#include <fcntl.h>
#include <string.h>

bool platform_mappings_open(struct platform_mappings *mappings, const char *path)
{
    mappings->file = calls_open(path != NULL ? path : "/proc/self/maps", O_RDONLY | O_CLOEXEC, 0);
    mappings->start = 0;
    mappings->length = 0;
    return mappings->file >= 0;
}

void platform_mappings_close(const struct platform_mappings *mappings)
{
    calls_close(mappings->file);
}

// The next line, without its end; NULL behind the last one, and at one that is too long to be one.
static const char *next_line(struct platform_mappings *mappings, size_t *length)
{
    for (;;) {
        const char *line = mappings->text + mappings->start;
        size_t left = mappings->length - mappings->start;
        const char *end = memchr(line, '\n', left);
        if (end != NULL) {
            *length = (size_t)(end - line);
            mappings->start += *length + 1;
            return line;
        }
        memmove(mappings->text, line, left);
        mappings->start = 0;
        mappings->length = left;
        ssize_t count =
            calls_read(mappings->file, mappings->text + left, sizeof(mappings->text) - left);
        if (count <= 0) {
            return NULL;
        }
        mappings->length += (size_t)count;
    }
}

// Reads a number in hexadecimal and the character behind it. False if there is none.
static bool take_number(const char **at, const char *end, char behind, uint64_t *number)
{
    const char *digit = *at;
    *number = 0;
    for (; digit != end && *digit != behind; digit++) {
        unsigned value = (unsigned)(*digit >= 'a' ? *digit - 'a' + 10 : *digit - '0');
        if (value > 15 || *number >> 60 != 0) {
            return false;
        }
        *number = *number << 4 | value;
    }
    if (digit == end || digit == *at) {
        return false;
    }
    *at = digit + 1;
    return true;
}

// "7f0c2a3e4000-7f0c2a40c000 r-xp 00028000 fe:01 1234      /usr/lib/libc.so.6"
static bool read_line(const char *line, size_t length, struct platform_mapping *mapping)
{
    const char *end = line + length;
    const char *whole = line;
    uint64_t base;
    uint64_t behind;
    if (!take_number(&line, end, '-', &base) || !take_number(&line, end, ' ', &behind) ||
        end - line < 5) {
        return false;
    }
    *mapping = (struct platform_mapping){
        .base = (uintptr_t)base,
        .end = (uintptr_t)behind,
        .is_readable = line[0] == 'r',
        .is_writable = line[1] == 'w',
        .is_executable = line[2] == 'x',
        .is_shared = line[3] == 's',
        .line = whole,
        .line_bytes = length,
    };
    line += 5;
    if (!take_number(&line, end, ' ', &mapping->offset)) {
        return false;
    }
    for (unsigned field = 0; field < 2; field++) { // the device, and the file's number
        const char *blank = memchr(line, ' ', (size_t)(end - line));
        if (blank == NULL) {
            return true;
        }
        line = blank + 1;
    }
    while (line != end && *line == ' ') {
        line++;
    }
    mapping->path = line;
    mapping->path_bytes = (size_t)(end - line);
    return true;
}

bool platform_mappings_next(struct platform_mappings *mappings, struct platform_mapping *mapping)
{
    size_t length;
    const char *line = next_line(mappings, &length);
    return line != NULL && read_line(line, length, mapping);
}
