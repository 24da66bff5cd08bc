// SPDX-License-Identifier: MIT
#include "tests/platform/address_space.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/api/child.h"

static size_t page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

size_t address_space_bytes(void)
{
    char text[128] = "";
    int file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (file < 0 || read(file, text, sizeof text - 1) <= 0) {
        perror("/proc/self/statm");
        abort();
    }
    close(file);
    return strtoull(text, NULL, 10) * page_bytes();
}

// mincore fails for a page that nobody has mapped.
static bool is_page_mapped(const char *page)
{
    unsigned char state;
    return mincore((void *)(size_t)page, page_bytes(), &state) == 0;
}

static size_t mapped_count(const void *base, size_t bytes)
{
    size_t count = 0;
    for (size_t offset = 0; offset < bytes; offset += page_bytes()) {
        count += is_page_mapped((const char *)base + offset);
    }
    return count;
}

bool is_any_mapped(const void *base, size_t bytes)
{
    return mapped_count(base, bytes) != 0;
}

bool is_all_mapped(const void *base, size_t bytes)
{
    return mapped_count(base, bytes) == bytes / page_bytes();
}

size_t resident_count(const void *base, size_t bytes)
{
    size_t count = 0;
    for (size_t offset = 0; offset < bytes; offset += page_bytes()) {
        unsigned char state = 0;
        if (mincore((char *)(size_t)base + offset, page_bytes(), &state) == 0) {
            count += state & 1;
        }
    }
    return count;
}

bool is_charged(const void *byte)
{
    static char text[1 << 20];
    size_t length = 0;
    int file = open("/proc/self/smaps", O_RDONLY | O_CLOEXEC);
    for (ssize_t got = 1; got > 0 && length < sizeof text - 1; length += (size_t)got) {
        got = read(file, text + length, sizeof text - 1 - length);
        if (got < 0) {
            perror("/proc/self/smaps");
            abort();
        }
    }
    close(file);
    text[length] = '\0';
    bool is_it = false, answer = false;
    for (char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        uintptr_t base = 0, end = 0;
        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " ", &base, &end) == 2) {
            is_it = base <= (uintptr_t)byte && (uintptr_t)byte < end;
        } else if (is_it && strncmp(line, "VmFlags:", 8) == 0) {
            answer = strstr(line, " ac") != NULL; // accountable
        }
    }
    return answer;
}

static int read_byte(void *byte)
{
    signal(SIGSEGV, SIG_DFL); // a sanitizer has a handler of its own
    (void)*(volatile const char *)byte;
    return 0;
}

static int write_byte(void *byte)
{
    signal(SIGSEGV, SIG_DFL);
    *(volatile char *)byte = 1;
    return 0;
}

static bool faults(int (*touch)(void *), void *byte)
{
    static struct child child;
    child_call(&child, touch, byte);
    return child_died_of(&child, SIGSEGV);
}

bool read_faults(const void *byte)
{
    return faults(read_byte, (void *)(size_t)byte);
}

bool write_faults(void *byte)
{
    return faults(write_byte, byte);
}

bool is_filled_with(const void *base, int value, size_t bytes)
{
    const unsigned char *first = base;
    return bytes == 0 || (first[0] == value && memcmp(first, first + 1, bytes - 1) == 0);
}
