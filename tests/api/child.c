// SPDX-License-Identifier: MIT
#include "tests/api/child.h"

#include "tests/api/cmocka_api.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

// Our environment less FT_MALLOC_*, and with what is added, for execve.
static char **environment_with(const char *const added[])
{
    static char *list[1024];
    size_t count = 0;
    for (size_t index = 0; added != NULL && added[index] != NULL && count < 512; index++) {
        list[count++] = (char *)(uintptr_t)added[index];
    }
    for (char **entry = environ; *entry != NULL && count < 1023; entry++) {
        if (strncmp(*entry, "FT_MALLOC", 9) != 0) {
            list[count++] = *entry;
        }
    }
    list[count] = NULL;
    return list;
}

static int temporary_file(void)
{
    char path[] = "/tmp/ft_malloc_test_XXXXXX";
    int file = mkstemp(path);
    if (file < 0) {
        perror("mkstemp");
        _exit(99);
    }
    unlink(path);
    return file;
}

static void read_back(int file, char text[CHILD_TEXT_BYTES])
{
    ssize_t got = pread(file, text, CHILD_TEXT_BYTES - 1, 0);
    text[got < 0 ? 0 : got] = '\0';
    close(file);
}

// In the child: its outputs, no core file, and an end to everything that hangs.
static void prepare(int out, int err)
{
    struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    alarm(CHILD_SECONDS_MAX);
}

static void collect(struct child *child, pid_t pid, int out, int err)
{
    while (waitpid(pid, &child->status, 0) != pid) {
    }
    read_back(out, child->out);
    read_back(err, child->err);
}

void child_run(struct child *child, char *const argv[], const char *const environment[])
{
    int out = temporary_file();
    int err = temporary_file();
    char **whole = environment_with(environment);
    pid_t pid = fork();
    if (pid == 0) {
        prepare(out, err);
        execve(argv[0], argv, whole);
        perror(argv[0]);
        _exit(127);
    }
    collect(child, pid, out, err);
}

void child_call(struct child *child, int (*function)(void *), void *argument)
{
    int out = temporary_file();
    int err = temporary_file();
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        prepare(out, err);
        int exit_status = function(argument);
        fflush(NULL);
        _exit(exit_status);
    }
    collect(child, pid, out, err);
}

void child_play(struct child *child, const char *program, const char *history, size_t number,
                const char *first, const char *second)
{
    char words[3][4096];
    snprintf(words[0], sizeof words[0], "%s", program);
    snprintf(words[1], sizeof words[1], "%s", history);
    snprintf(words[2], sizeof words[2], "%zu", number);
    child_run(child, (char *[]){words[0], words[1], words[2], NULL},
              (const char *[]){first, second, NULL});
    if (!child_exited_with(child, 0)) {
        fail_msg("%s %zu with %s: status %x: %s", history, number, first, (unsigned)child->status,
                 child->err);
    }
}

bool child_exited_with(const struct child *child, int exit_status)
{
    return WIFEXITED(child->status) && WEXITSTATUS(child->status) == exit_status;
}

bool child_died_of(const struct child *child, int signal_number)
{
    return WIFSIGNALED(child->status) && WTERMSIG(child->status) == signal_number;
}

size_t text_line_count(const char *text)
{
    size_t count = 0;
    for (const char *at = text; *at != '\0'; at++) {
        count += *at == '\n' || at[1] == '\0';
    }
    return count;
}
