// SPDX-License-Identifier: MIT
// Descriptors that are kept for later, since many programs have closed standard error by their end, and what is written
// there. Nothing here is called unless an option asks for output, or something is to be told of.
#include "platform/platform.h"
#include "platform/linux_calls.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    NUMBERS_MAX = 1024, // the system's table of them is as long as the highest one asks for
    KEPT_NUMBERS = 24,  // the last of them
    LEAST_NUMBER = 3,   // those before it are the standard streams'
};

// Programs count on getting the lowest free numbers, and choose others themselves, as scripts do for locks: what is kept has
// one that hardly anybody names.
static int first_kept_number(void)
{
    struct rlimit limit;
    int count = NUMBERS_MAX;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < NUMBERS_MAX) {
        count = (int)limit.rlim_cur;
    }
    return count > 2 * KEPT_NUMBERS ? count - KEPT_NUMBERS : count / 2;
}

// A copy of a descriptor, with a lower number where the last ones are taken. -1 if there is none.
static int copy_of(int descriptor)
{
    int copy = -1;
    for (int least = first_kept_number(); copy < 0 && least >= LEAST_NUMBER; least /= 2) {
        copy = fcntl(descriptor, F_DUPFD_CLOEXEC, least);
    }
    return copy;
}

struct platform_kept platform_keep(int descriptor)
{
    struct stat file;
    struct platform_kept kept = {.descriptor = copy_of(descriptor)};
    if (fstat(descriptor, &file) == 0) {
        kept.device = file.st_dev;
        kept.file = file.st_ino;
    }
    return kept;
}

int platform_kept_as(const struct platform_kept *kept, int descriptor)
{
    struct stat file;
    bool is_same = descriptor >= 0 && fstat(descriptor, &file) == 0 &&
                   file.st_dev == kept->device && file.st_ino == kept->file;
    return is_same ? descriptor : -1;
}

int platform_kept_descriptor(const struct platform_kept *kept)
{
    return platform_kept_as(kept, kept->descriptor);
}

// Whether nobody reads what is written there, so that a write would end the process (SIGPIPE).
static bool is_unread(int descriptor)
{
    struct pollfd end = {.fd = descriptor};
    return calls_poll(&end) > 0 && (end.revents & (POLLERR | POLLHUP)) != 0;
}

// Whether a file of this length may have so many bytes more: else a write would end the process (SIGXFSZ).
static bool has_room(int descriptor, off_t length, size_t count)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return true;
    }
    off_t at = lseek(descriptor, 0, SEEK_CUR);
    rlim_t end = (rlim_t)(at > length ? at : length);
    return end <= limit.rlim_cur && count <= limit.rlim_cur - end;
}

static bool is_harmless(int descriptor, size_t count)
{
    struct stat file;
    if (fstat(descriptor, &file) != 0 || S_ISCHR(file.st_mode)) {
        return true;
    }
    return S_ISREG(file.st_mode) ? has_room(descriptor, file.st_size, count)
                                 : !is_unread(descriptor);
}

void platform_tell(int descriptor, const void *bytes, size_t count)
{
    if (is_harmless(descriptor, count)) {
        platform_write(descriptor, bytes, count);
    }
}
