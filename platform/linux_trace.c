// SPDX-License-Identifier: MIT
// What a trace is written with: a file that grows and is mapped, and a clock. Nothing here is called unless an option asks
// for a trace.
#include "platform/platform.h"
#include "platform/linux_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>

enum { ZERO_BYTES = 4096, PIECES_MAX = 16 };

// Whether there is what a trace may lie beside: another file, or a link, which is not followed. No directory and no device.
static bool is_file(const char *path)
{
    struct stat status;
    int descriptor = calls_open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
    bool is_one = descriptor >= 0 && fstat(descriptor, &status) == 0 &&
                  (S_ISREG(status.st_mode) || S_ISLNK(status.st_mode));
    if (descriptor >= 0) {
        calls_close(descriptor);
    }
    return is_one;
}

enum platform_created platform_create_file(const char *path, struct platform_kept *kept)
{
    kept->descriptor = -1;
    int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
    int descriptor = calls_open(path, flags, S_IRUSR | S_IWUSR);
    if (descriptor < 0) {
        return errno == EEXIST && is_file(path) ? PLATFORM_EXISTS : PLATFORM_REFUSED;
    }
    *kept = platform_keep(descriptor);
    calls_close(descriptor);
    return kept->descriptor < 0 ? PLATFORM_REFUSED : PLATFORM_CREATED;
}

bool platform_reopen_file(const char *path, struct platform_kept *kept)
{
    int descriptor = calls_open(path, O_RDWR | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC, 0);
    if (descriptor < 0) {
        return false;
    }
    struct platform_kept again = platform_keep(descriptor);
    calls_close(descriptor);
    if (again.descriptor >= 0 && (again.device != kept->device || again.file != kept->file)) {
        calls_close(again.descriptor);
        return false;
    }
    *kept = again;
    return again.descriptor >= 0;
}

// Whether the process may write files that are so long: one byte more would be a signal.
static bool is_within_limit(size_t bytes)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && bytes <= limit.rlim_cur;
}

// Zeros are written rather than the length set, so that the file has its room before memory stands for it: a page for which
// there is none is a signal when it is written to. As many at a time as can be: the system then takes larger pages.
static bool fill(int descriptor, size_t at, size_t end)
{
    static const char zeros[ZERO_BYTES];
    while (at < end) {
        struct iovec pieces[PIECES_MAX];
        int count = 0;
        for (size_t next = at; next < end && count < PIECES_MAX; next += pieces[count++].iov_len) {
            size_t left = end - next;
            pieces[count].iov_base = (void *)(uintptr_t)zeros;
            pieces[count].iov_len = left < ZERO_BYTES ? left : ZERO_BYTES;
        }
        ssize_t written = calls_write_at(descriptor, pieces, count, (off_t)at);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            return false;
        }
        at += (size_t)written;
    }
    return true;
}

void *platform_map_file(const struct platform_kept *kept, size_t at, size_t bytes)
{
    int descriptor = platform_kept_descriptor(kept);
    if (descriptor < 0 || !is_within_limit(at + bytes)) {
        return NULL;
    }
    if (!fill(descriptor, at, at + bytes)) {
        return NULL;
    }
    void *base =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, descriptor, (off_t)at);
    return base == MAP_FAILED ? NULL : base;
}

uint64_t platform_coarse_nanoseconds(void)
{
    const uint64_t each = 1000000000;
    struct timespec now = {.tv_sec = 0};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * each + (uint64_t)now.tv_nsec;
}
