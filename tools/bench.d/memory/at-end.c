// SPDX-License-Identifier: MIT
// A library to preload: when the process ends, it tells what is resident, as "resident 1482752 anonymous 98304",
// in the file that BENCH_AT_END names. Rss counts the pages of program and libraries too, which processes share
// and which are there or not as the page cache likes; anonymous is what this process alone has.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char text[4096];

static unsigned long long bytes_of(const char *name)
{
    const char *line = strstr(text, name);
    return line == NULL ? 0 : strtoull(line + strlen(name), NULL, 10) << 10;
}

__attribute__((destructor)) static void tell(void)
{
    const char *path = getenv("BENCH_AT_END");
    int file = open("/proc/self/smaps_rollup", O_RDONLY);
    if (path == NULL || file < 0) {
        return;
    }
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    text[length < 0 ? 0 : length] = '\0';
    char line[100];
    int width = snprintf(line, sizeof line, "resident %llu anonymous %llu\n", bytes_of("\nRss:"),
                         bytes_of("\nAnonymous:"));
    // A program that starts others would tell of each: the last line is the program itself.
    file = open(path, O_WRONLY | O_APPEND);
    if (file >= 0) {
        (void)!write(file, line, (size_t)width);
        close(file);
    }
}
