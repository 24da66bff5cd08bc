// SPDX-License-Identifier: MIT
#include "tools/replay.d/unpack.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_FOUND = 127 };

bool unpack_is_packed(int file)
{
    static const unsigned char magic[] = {0x28, 0xB5, 0x2F, 0xFD};
    unsigned char first[sizeof(magic)];
    return pread(file, first, sizeof(first), 0) == (ssize_t)sizeof(first) &&
           memcmp(first, magic, sizeof(magic)) == 0;
}

// No more than half of the machine's memory: a few bytes may unpack to any number.
static void limit_file(void)
{
    struct rlimit limit;
    rlim_t most = (rlim_t)sysconf(_SC_PHYS_PAGES) / 2 * (rlim_t)sysconf(_SC_PAGESIZE);
    if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur > most) {
        limit.rlim_cur = most;
        (void)setrlimit(RLIMIT_FSIZE, &limit);
    }
    // Who is ignored does not end a process.
    (void)signal(SIGXFSZ, SIG_DFL);
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = 0};
    (void)setrlimit(RLIMIT_CORE, &none);
}

// The child: it becomes zstd, which has nothing to say.
static _Noreturn void become_zstd(int packed, int unpacked)
{
    int nowhere = open("/dev/null", O_WRONLY);
    if (nowhere >= 0) {
        dup2(nowhere, STDERR_FILENO);
    }
    dup2(packed, STDIN_FILENO);
    dup2(unpacked, STDOUT_FILENO);
    limit_file();
    execlp("zstd", "zstd", "-q", "-d", "-c", (char *)NULL);
    _exit(NOT_FOUND);
}

static enum unpack_answer answer_of(int status)
{
    if (WIFSIGNALED(status)) {
        return WTERMSIG(status) == SIGXFSZ ? UNPACK_TOO_LARGE : UNPACK_DAMAGED;
    }
    switch (WEXITSTATUS(status)) {
    case 0: return UNPACK_OK;
    case NOT_FOUND: return UNPACK_NO_ZSTD;
    default: return UNPACK_DAMAGED;
    }
}

enum unpack_answer unpack_file(int *file)
{
    int unpacked = memfd_create("ft_replay", MFD_CLOEXEC);
    if (unpacked < 0) {
        return UNPACK_TOO_LARGE;
    }
    pid_t child = fork();
    if (child == 0) {
        become_zstd(*file, unpacked);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        close(unpacked);
        return UNPACK_TOO_LARGE;
    }
    enum unpack_answer answer = answer_of(status);
    close(answer == UNPACK_OK ? *file : unpacked);
    *file = answer == UNPACK_OK ? unpacked : *file;
    return answer;
}
