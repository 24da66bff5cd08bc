// SPDX-License-Identifier: MIT
// Allocates a little and ends in the way that its first argument names; the option `stats` is its caller's.
//   return   from main()
//   close    by exit(), after standard error was closed, as coreutils do
//   reuse    the same after every descriptor was closed and given to the file that the second argument names
//   quit     by _exit(), so that nothing is run

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/api/entry.h"

enum { DESCRIPTOR_COUNT = 1024 };

static void reuse_all(const char *path)
{
    for (int descriptor = 2; descriptor < DESCRIPTOR_COUNT; descriptor++) {
        close(descriptor);
    }
    int last = 0;
    while (last >= 0 && last < DESCRIPTOR_COUNT - 1) {
        last = open(path, O_WRONLY | O_APPEND | O_CREAT, 0600);
    }
}

int main(int argument_count, char **arguments)
{
    const char *end = argument_count > 1 ? arguments[1] : "return";
    void *ptr = launder(malloc(12345));
    if (strcmp(end, "close") == 0) {
        fclose(stderr);
        exit(0);
    }
    if (strcmp(end, "reuse") == 0) {
        reuse_all(arguments[2]);
    }
    if (strcmp(end, "quit") == 0) {
        _exit(0);
    }
    return ptr == NULL;
}
