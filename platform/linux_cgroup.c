// SPDX-License-Identifier: MIT
// What the process's control group may have. Nothing here is called unless an option asks for it.
#include "platform/platform.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { TABLE_BYTES = 4096, PATH_BYTES = 4096, NUMBER_BYTES = 64 };

// The two forms of control groups: how a line of the table begins, where the groups lie, and what holds their limit.
static const struct form {
    const char *key; // between the line's number and the group's path
    const char *mount;
    const char *file;
} forms[] = {
    {.key = "::", .mount = "/sys/fs/cgroup", .file = "/memory.max"},
    {.key = ":memory:", .mount = "/sys/fs/cgroup/memory", .file = "/memory.limit_in_bytes"},
};

// Reads the start of a file as a string. False if that cannot be.
static bool read_file(const char *path, char *text, size_t room)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    size_t length = 0;
    ssize_t count = 1;
    while (count > 0 && length < room - 1) {
        count = read(file, text + length, room - 1 - length);
        length += count > 0 ? (size_t)count : 0;
    }
    text[length] = '\0';
    close(file);
    return length != 0;
}

// The number that a file begins with; SIZE_MAX if there is no such file, or none in it ("max").
static size_t number_in(const char *path)
{
    char text[NUMBER_BYTES];
    if (!read_file(path, text, sizeof(text)) || *text < '0' || *text > '9') {
        return SIZE_MAX;
    }
    size_t number = 0;
    for (const char *digit = text; *digit >= '0' && *digit <= '9'; digit++) {
        if (__builtin_mul_overflow(number, (size_t)10, &number) ||
            __builtin_add_overflow(number, (size_t)(*digit - '0'), &number)) {
            return SIZE_MAX;
        }
    }
    return number;
}

// The least limit of a group and of those that it lies in. group: its path, `length` bytes.
static size_t least_limit(const struct form *form, const char *root, const char *group,
                          size_t length)
{
    char path[PATH_BYTES];
    size_t least = SIZE_MAX;
    size_t start = strlen(root) + strlen(form->mount);
    if (start + length + strlen(form->file) >= sizeof(path)) {
        return least;
    }
    memcpy(path, root, strlen(root));
    memcpy(path + strlen(root), form->mount, strlen(form->mount));
    memcpy(path + start, group, length);
    for (;;) {
        while (length != 0 && path[start + length - 1] == '/') {
            length--;
        }
        memcpy(path + start + length, form->file, strlen(form->file) + 1);
        size_t limit = number_in(path);
        least = limit < least ? limit : least;
        if (length == 0) {
            return least;
        }
        while (path[start + length - 1] != '/') {
            length--;
        }
    }
}

// The limit that a line of the table leads to.
static size_t limit_of_line(const char *root, const char *line, size_t length)
{
    const char *key = memchr(line, ':', length);
    for (size_t form = 0; key != NULL && form < sizeof(forms) / sizeof(forms[0]); form++) {
        size_t skip = strlen(forms[form].key);
        size_t left = length - (size_t)(key - line);
        if (left > skip && memcmp(key, forms[form].key, skip) == 0 && key[skip] == '/') {
            return least_limit(&forms[form], root, key + skip, left - skip);
        }
    }
    return SIZE_MAX;
}

size_t platform_group_limit(const char *root)
{
    char table[TABLE_BYTES];
    char path[PATH_BYTES];
    static const char self[] = "/proc/self/cgroup";
    if (strlen(root) + sizeof(self) > sizeof(path)) {
        return SIZE_MAX;
    }
    memcpy(path, root, strlen(root));
    memcpy(path + strlen(root), self, sizeof(self));
    size_t least = SIZE_MAX;
    if (read_file(path, table, sizeof(table))) {
        for (const char *line = table; *line != '\0';) {
            size_t length = strcspn(line, "\n");
            size_t limit = limit_of_line(root, line, length);
            least = limit < least ? limit : least;
            line += length + (line[length] == '\n');
        }
    }
    return least;
}
