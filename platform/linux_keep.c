// SPDX-License-Identifier: MIT
// Descriptors that are kept for later. Nothing here is called unless an option asks for output at the process's end:
// many programs have closed standard error by then.
#include "platform/platform.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

enum { KEEP_DESCRIPTOR_MIN = 200 }; // programs count on getting the lowest free numbers

struct platform_kept platform_keep(int descriptor)
{
    struct stat file;
    struct platform_kept kept = {.descriptor =
                                     fcntl(descriptor, F_DUPFD_CLOEXEC, KEEP_DESCRIPTOR_MIN)};
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
