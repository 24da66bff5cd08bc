// SPDX-License-Identifier: MIT
// A process whose first thread ends before it, by pthread_exit(): what that thread had is handed on, and what is freed of it
// goes back.

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/api/entry.h"

enum { CHUNK_COUNT = 400000, CHUNK_BYTES = 100, SECONDS_MAX = 60 };

static void *chunks[CHUNK_COUNT];
static pthread_t first;

// Pages of the process that are in memory. The system tells them by a thread that lives.
static long resident_pages(void)
{
    char text[200] = "";
    int file = open("/proc/thread-self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t length = read(file, text, sizeof text - 1);
    close(file);
    const char *second = strchr(text, ' ');
    return length > 0 && second != NULL ? strtol(second, NULL, 10) : 0;
}

static void allocate(size_t step)
{
    for (size_t index = 0; index < CHUNK_COUNT; index += step) {
        chunks[index] = malloc(CHUNK_BYTES);
        memset(chunks[index], 1, CHUNK_BYTES);
    }
}

static void give_back(size_t step)
{
    for (size_t index = 0; index < CHUNK_COUNT; index += step) {
        free(chunks[index]);
        chunks[index] = NULL;
    }
}

static void *outlive(void *argument)
{
    pthread_join(first, NULL);
    long with_all = resident_pages();
    give_back(1);
    malloc_trim(0);
    long with_none = resident_pages();
    allocate(1);
    long again = resident_pages();
    bool is_well = with_none < with_all / 3 && again < with_all + with_all / 10;
    printf("%s: resident pages %ld with all chunks, %ld with none, %ld with all again\n",
           is_well ? "ok" : "FAILED", with_all, with_none, again);
    exit(is_well ? 0 : 1);
    return argument;
}

int main(void)
{
    pthread_t thread;
    alarm(SECONDS_MAX);
    first = pthread_self();
    allocate(1);
    give_back(10); // so that its zones have free chunks, and are its own
    if (pthread_create(&thread, NULL, outlive, NULL) != 0) {
        return 1;
    }
    pthread_exit(NULL);
}
