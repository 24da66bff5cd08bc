// SPDX-License-Identifier: MIT
#include "memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGE_BYTES_MIN = 4096, TEXT_BYTES = 4096 };

_Noreturn void fail(const char *words)
{
    fprintf(stderr, "%s\n", words);
    exit(1);
}

// The beginning of a file of /proc, which is made anew by each read.
static const char *read_text(const char *path)
{
    static char text[TEXT_BYTES];
    int file = open(path, O_RDONLY);
    ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
    if (length < 0) {
        fail("/proc does not tell what this process has");
    }
    close(file);
    text[length] = '\0';
    return text;
}

size_t resident_bytes(void)
{
    const char *line = strstr(read_text("/proc/self/smaps_rollup"), "Rss:");
    if (line == NULL) {
        fail("/proc/self/smaps_rollup has no Rss");
    }
    return (size_t)strtoull(line + strlen("Rss:"), NULL, 10) << 10;
}

// The field of that number of /proc/self/statm, the first being 0, in bytes.
static size_t statm_bytes(unsigned index)
{
    const char *at = read_text("/proc/self/statm");
    for (; index != 0; index--) {
        at = strchr(at, ' ');
        if (at == NULL) {
            fail("/proc/self/statm has too few fields");
        }
        at++;
    }
    return (size_t)strtoull(at, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

size_t mapped_bytes(void)
{
    return statm_bytes(5);
}

size_t address_space_bytes(void)
{
    return statm_bytes(0);
}

void chunk_touch(void *chunk, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += PAGE_BYTES_MIN) {
        ((volatile unsigned char *)chunk)[at] = 1;
    }
}

void *chunk_new(size_t bytes)
{
    void *chunk = malloc(bytes);
    if (chunk == NULL) {
        fail("malloc returned NULL");
    }
    chunk_touch(chunk, bytes);
    return chunk;
}

void trim(void)
{
    malloc_trim(0);
}

// mimalloc's, tcmalloc's and jemalloc's. Weak: they are there if that library is preloaded.
extern void mi_collect(bool force) __attribute__((weak));
extern void MallocExtension_ReleaseFreeMemory(void) __attribute__((weak));
extern int mallctl(const char *name, void *old, size_t *old_bytes, void *new, size_t new_bytes)
    __attribute__((weak));

void trim_by_own_name(void)
{
    if (mi_collect != NULL) {
        mi_collect(true);
    }
    if (MallocExtension_ReleaseFreeMemory != NULL) {
        MallocExtension_ReleaseFreeMemory();
    }
    if (mallctl != NULL) {
        mallctl("thread.tcache.flush", NULL, NULL, NULL, 0);
        mallctl("arena.4096.purge", NULL, NULL, NULL, 0); // MALLCTL_ARENAS_ALL
    }
}

unsigned random_heads(uint64_t *seed, unsigned coins, unsigned eighths)
{
    unsigned heads = 0;
    uint64_t bits = random_next(seed) >> 1; // three bits a coin: enough for 21 of them
    for (; coins != 0; coins--, bits >>= 3) {
        heads += (bits & 7) < eighths;
    }
    return heads;
}
