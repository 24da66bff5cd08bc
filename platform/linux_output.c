// SPDX-License-Identifier: MIT
// Where options write to, other than to a descriptor that the program has. Nothing here is called unless an option, or who
// calls show_alloc_mem_ex(), asks for it.
#include "platform/platform.h"
#include "platform/linux_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

// Whether what was opened is what may be written to: a file of the process's own user under this one name, so that nobody
// else has put it there, or a device as a terminal is one.
static bool is_ours(int descriptor)
{
    struct stat file;
    if (fstat(descriptor, &file) != 0) {
        return false;
    }
    return S_ISCHR(file.st_mode) ||
           (S_ISREG(file.st_mode) && file.st_uid == geteuid() && file.st_nlink == 1);
}

struct platform_kept platform_open_output(const char *path)
{
    struct platform_kept kept = {.descriptor = -1};
    // Not to wait for anybody at the other end of what turns out to be a pipe.
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK | O_CLOEXEC;
    int descriptor = calls_open(path, flags, S_IRUSR | S_IWUSR);
    if (descriptor < 0) {
        return kept;
    }
    if (is_ours(descriptor) && fcntl(descriptor, F_SETFL, O_APPEND) == 0) {
        kept = platform_keep(descriptor);
    }
    calls_close(descriptor);
    return kept;
}

void platform_close(const struct platform_kept *kept)
{
    int descriptor = platform_kept_descriptor(kept);
    if (descriptor >= 0) {
        calls_close(descriptor);
    }
}

size_t platform_process(void)
{
    return (size_t)getpid();
}

size_t platform_peek(void *to, const void *from, size_t bytes)
{
    const struct iovec local = {.iov_base = to, .iov_len = bytes};
    const struct iovec remote = {.iov_base = (void *)(uintptr_t)from, .iov_len = bytes};
    ssize_t copied = process_vm_readv(getpid(), &local, 1, &remote, 1, 0);
    if (copied >= 0) {
        return (size_t)copied;
    }
    if (errno != EPERM && errno != ENOSYS) {
        return 0;
    }
    // Some sandboxes forbid that call. Memory that may not be read is rare enough.
    memcpy(to, from, bytes);
    return bytes;
}

bool platform_is_terminal(int descriptor)
{
    return isatty(descriptor) == 1;
}
