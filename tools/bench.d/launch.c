// SPDX-License-Identifier: MIT
// Runs a program and tells what it took. It is linked statically and allocates nothing, because a process's peak
// begins with that of the one that started it, and its own page faults are few: posix_spawn copies no memory.
//
//   launch PRELOAD COUNT INPUT OUTPUT COMMAND…
//       PRELOAD  the library for LD_PRELOAD, or "" for none
//       COUNT    so many times, one after the other
//       INPUT, OUTPUT  files for the program's standard input and output
//
// Prints "wall 0.5 cpu 0.4 peak 4096 faults 120": seconds on the wall, of user and system time together, the largest
// resident size in KiB and minor page faults, over all runs and with the processes that the program waited for. Ends
// with 1 if a run ended with anything but 0.
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { VARIABLES_MAX = 1000, FIXED_ARGUMENTS = 5 };

extern char **environ;

// This process's environment with LD_PRELOAD set anew.
static char **make_environment(const char *preload)
{
    static char variable[4096] = "LD_PRELOAD=";
    static char *variables[VARIABLES_MAX + 2];
    size_t count = 0;
    for (char **at = environ; *at != NULL && count < VARIABLES_MAX; at++) {
        if (strncmp(*at, variable, strlen("LD_PRELOAD=")) != 0) {
            variables[count++] = *at;
        }
    }
    if (preload[0] != '\0') {
        strncat(variable, preload, sizeof variable - sizeof "LD_PRELOAD=");
        variables[count] = variable;
    }
    return variables;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int run_once(char **command, char **variables, const char *input, const char *output)
{
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input, O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC,
                                     0666);
    pid_t pid;
    int status = 0;
    int error = posix_spawn(&pid, command[0], &actions, NULL, command, variables);
    if (error != 0) {
        fprintf(stderr, "%s: %s\n", command[0], strerror(error));
        return 1;
    }
    posix_spawn_file_actions_destroy(&actions);
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
        fprintf(stderr, "%s: ended by signal %d\n", command[0], WTERMSIG(status));
        return 1;
    }
    if (WEXITSTATUS(status) != 0) {
        fprintf(stderr, "%s: exit status %d\n", command[0], WEXITSTATUS(status));
    }
    return WEXITSTATUS(status);
}

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec * 1e-6;
}

int main(int argc, char **argv)
{
    if (argc <= FIXED_ARGUMENTS) {
        fprintf(stderr, "usage: %s PRELOAD COUNT INPUT OUTPUT COMMAND...\n", argv[0]);
        return 2;
    }
    char **variables = make_environment(argv[1]);
    double wall = seconds_now();
    for (unsigned long left = strtoul(argv[2], NULL, 10); left > 0; left--) {
        if (run_once(argv + FIXED_ARGUMENTS, variables, argv[3], argv[4]) != 0) {
            return 1;
        }
    }
    wall = seconds_now() - wall;
    struct rusage usage;
    getrusage(RUSAGE_CHILDREN, &usage);
    printf("wall %.6f cpu %.6f peak %ld faults %ld\n", wall,
           seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime), usage.ru_maxrss,
           usage.ru_minflt);
    return 0;
}
