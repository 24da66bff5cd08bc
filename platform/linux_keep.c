// SPDX-License-Identifier: MIT
// Descriptors that are kept for later. Nothing here is called unless an option asks for output at the process's end:
// many programs have closed standard error by then.
#include "platform/platform.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>

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
    if (kept.descriptor >= 0 && fstat(kept.descriptor, &file) == 0) {
        kept.device = file.st_dev;
        kept.file = file.st_ino;
    }
    return kept;
}

// Whether nobody reads what is written there, so that a write would end the process (SIGPIPE).
static bool is_unread(int descriptor)
{
    struct pollfd end = {.fd = descriptor};
    return poll(&end, 1, 0) > 0 && (end.revents & (POLLERR | POLLHUP)) != 0;
}

int platform_kept_descriptor(const struct platform_kept *kept)
{
    struct stat file;
    bool is_same = kept->descriptor >= 0 && fstat(kept->descriptor, &file) == 0 &&
                   file.st_dev == kept->device && file.st_ino == kept->file;
    return is_same && !is_unread(kept->descriptor) ? kept->descriptor : -1;
}
