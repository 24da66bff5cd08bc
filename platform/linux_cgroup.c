// SPDX-License-Identifier: MIT
// What the process's control group may have. Nothing here is called unless an option asks for it.
#include "platform/platform.h"
#include "platform/linux_calls.h"

#include <fcntl.h>
#include <string.h>

// Paths that the system takes are shorter, and so are lines of the table, which name one path.
enum { PATH_BYTES = 4096, LINE_BYTES = 8192, NUMBER_BYTES = 64 };

// Limits that are no more than this short of the largest number say "none": a version of the system writes the last
// multiple of its page.
static const size_t none_from = (size_t)PTRDIFF_MAX - 0xFFFF;

// The two versions of control groups: where the groups lie, and what holds their limit. Where the second one's
// controllers are mounted together, each has a link of its name.
static const struct version {
    char mount[24]; // arrays: a pointer would be relocated when any process starts
    char file[24];
} unified = {"/sys/fs/cgroup", "/memory.max"},
  separate = {"/sys/fs/cgroup/memory", "/memory.limit_in_bytes"};

// The number that a file begins with; SIZE_MAX if there is no such file, or none in it ("max").
static size_t number_in(const char *path)
{
    char text[NUMBER_BYTES];
    int file = calls_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (file < 0) {
        return SIZE_MAX;
    }
    ssize_t count = calls_read(file, text, sizeof(text) - 1);
    calls_close(file);
    text[count > 0 ? count : 0] = '\0';
    size_t number = 0;
    const char *digit = text;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        if (__builtin_mul_overflow(number, (size_t)10, &number) ||
            __builtin_add_overflow(number, (size_t)(*digit - '0'), &number)) {
            return SIZE_MAX;
        }
    }
    return digit != text && number < none_from ? number : SIZE_MAX;
}

// The least limit of a group and of those that it lies in. group: its path, `length` bytes that begin with '/'.
static size_t least_limit(const struct version *version, const char *root, const char *group,
                          size_t length)
{
    char path[PATH_BYTES];
    size_t start = strlen(root) + strlen(version->mount);
    size_t room = sizeof(path) - start - strlen(version->file) - 1;
    if (length > room) { // then of those around it
        length = room;
        while (group[length] != '/') {
            length--;
        }
    }
    memcpy(path, root, strlen(root));
    memcpy(path + strlen(root), version->mount, strlen(version->mount));
    memcpy(path + start, group, length);
    for (size_t least = SIZE_MAX;;) {
        while (length != 0 && path[start + length - 1] == '/') {
            length--;
        }
        memcpy(path + start + length, version->file, strlen(version->file) + 1);
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

// Whether a list of names with commas has "memory".
static bool has_memory(const char *list, size_t length)
{
    static const char name[] = "memory";
    while (length >= sizeof(name) - 1) {
        const char *comma = memchr(list, ',', length);
        size_t own = comma != NULL ? (size_t)(comma - list) : length;
        if (own == sizeof(name) - 1 && memcmp(list, name, own) == 0) {
            return true;
        }
        own += comma != NULL;
        list += own;
        length -= own;
    }
    return false;
}

// The limit that a line of the table leads to: NUMBER:CONTROLLERS:PATH. Of the unified version no controllers are named.
static size_t limit_of_line(const char *root, const char *line, size_t length)
{
    const char *end = line + length;
    const char *names = memchr(line, ':', length);
    const char *group = names != NULL ? memchr(names + 1, ':', (size_t)(end - names) - 1) : NULL;
    if (group == NULL || end - group < 2 || group[1] != '/') {
        return SIZE_MAX;
    }
    names++;
    bool is_unified = group == names;
    if (!is_unified && !has_memory(names, (size_t)(group - names))) {
        return SIZE_MAX;
    }
    return least_limit(is_unified ? &unified : &separate, root, group + 1,
                       (size_t)(end - group) - 1);
}

// The least limit of a table's lines, which are read from a file.
static size_t limit_of_table(const char *root, int file)
{
    char text[LINE_BYTES];
    size_t least = SIZE_MAX;
    size_t length = 0;
    for (;;) {
        ssize_t count = calls_read(file, text + length, sizeof(text) - length);
        if (count <= 0) { // or the line is too long to be one
            return least;
        }
        length += (size_t)count;
        const char *line = text;
        size_t left = length;
        for (const char *end; (end = memchr(line, '\n', left)) != NULL; line = end + 1) {
            size_t limit = limit_of_line(root, line, (size_t)(end - line));
            least = limit < least ? limit : least;
            left -= (size_t)(end - line) + 1;
        }
        memmove(text, line, left);
        length = left;
    }
}

size_t platform_group_limit(const char *root)
{
    char path[PATH_BYTES];
    static const char self[] = "/proc/self/cgroup";
    if (strlen(root) > sizeof(path) / 2) {
        return SIZE_MAX;
    }
    memcpy(path, root, strlen(root));
    memcpy(path + strlen(root), self, sizeof(self));
    int file = calls_open(path, O_RDONLY | O_CLOEXEC, 0);
    if (file < 0) {
        return SIZE_MAX;
    }
    size_t least = limit_of_table(root, file);
    calls_close(file);
    return least;
}
