// SPDX-License-Identifier: MIT
// The system's calls at which libc may end the calling thread (pthread_cancel), as calls at which it does not: a thread in
// here is in the middle of something, perhaps with a lock. Elsewhere in the platform they stand only where cancellation is off
// (tools/check layers).
#ifndef FT_PLATFORM_LINUX_CALLS_H
#define FT_PLATFORM_LINUX_CALLS_H

#include "platform/platform.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static inline int calls_open(const char *path, int flags, mode_t mode)
{
    int cancel = platform_cancel_disable();
    int descriptor = open(path, flags, mode);
    platform_cancel_restore(cancel);
    return descriptor;
}

static inline void calls_close(int descriptor)
{
    int cancel = platform_cancel_disable();
    (void)close(descriptor);
    platform_cancel_restore(cancel);
}

static inline ssize_t calls_read(int descriptor, void *bytes, size_t count)
{
    int cancel = platform_cancel_disable();
    ssize_t got = read(descriptor, bytes, count);
    platform_cancel_restore(cancel);
    return got;
}

static inline ssize_t calls_write(int descriptor, const void *bytes, size_t count)
{
    int cancel = platform_cancel_disable();
    ssize_t written = write(descriptor, bytes, count);
    platform_cancel_restore(cancel);
    return written;
}

static inline ssize_t calls_write_at(int descriptor, const struct iovec *pieces, int count,
                                     off_t at)
{
    int cancel = platform_cancel_disable();
    ssize_t written = pwritev(descriptor, pieces, count, at);
    platform_cancel_restore(cancel);
    return written;
}

// Does not wait.
static inline int calls_poll(struct pollfd *descriptor)
{
    int cancel = platform_cancel_disable();
    int count = poll(descriptor, 1, 0);
    platform_cancel_restore(cancel);
    return count;
}

#endif
