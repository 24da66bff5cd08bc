// SPDX-License-Identifier: MIT
// A library to preload: when the process ends, it tells what is resident and charged, as "resident 1482752 anonymous
// 98304 charged 393216", in the file that BENCH_AT_END names. Rss counts the pages of program and libraries too, which
// processes share and which are there or not as the page cache likes; anonymous is what this process alone has. Charged
// is what the system counts against its limit under strict overcommit: mappings that it calls accountable.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char text[1 << 20];

static void read_text(const char *path)
{
    size_t length = 0;
    int file = open(path, O_RDONLY);
    for (ssize_t got = 1; got > 0 && length < sizeof text - 1; length += (size_t)got) {
        got = read(file, text + length, sizeof text - 1 - length);
        got = got < 0 ? 0 : got;
    }
    text[length] = '\0';
    close(file);
}

static unsigned long long charged_bytes(void)
{
    unsigned long long size = 0, sum = 0;
    read_text("/proc/self/smaps");
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        if (strncmp(line, "Size:", 5) == 0) {
            size = strtoull(line + 5, NULL, 10) << 10;
        } else if (strncmp(line, "VmFlags:", 8) == 0 && strstr(line, " ac") != NULL) {
            sum += size;
        }
    }
    return sum;
}

static unsigned long long bytes_of(const char *name)
{
    const char *line = strstr(text, name);
    return line == NULL ? 0 : strtoull(line + strlen(name), NULL, 10) << 10;
}

__attribute__((destructor)) static void tell(void)
{
    const char *path = getenv("BENCH_AT_END");
    if (path == NULL) {
        return;
    }
    // First, because the text takes pages.
    read_text("/proc/self/smaps_rollup");
    unsigned long long resident = bytes_of("\nRss:"), anonymous = bytes_of("\nAnonymous:");
    char line[100];
    // Less what is charged for the text.
    int width = snprintf(line, sizeof line, "resident %llu anonymous %llu charged %llu\n", resident,
                         anonymous, charged_bytes() - sizeof text);
    // A program that starts others would tell of each: the last line is the program itself.
    int file = open(path, O_WRONLY | O_APPEND);
    if (file >= 0) {
        (void)!write(file, line, (size_t)width);
        close(file);
    }
}
