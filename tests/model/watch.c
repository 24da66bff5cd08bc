// SPDX-License-Identifier: MIT
#include "tests/model/watch.h"

#include <inttypes.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// gcc tells of AddressSanitizer by a macro, clang by a feature.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#endif

#ifdef WITH_ASAN
#include <sanitizer/common_interface_defs.h>
#endif

static const struct model *watched;

static void tell(const char *cause)
{
    char text[OP_TEXT_BYTES];
    char line[OP_TEXT_BYTES + 128];
    op_print(&watched->op, text);
    int length = snprintf(line, sizeof(line), "FOUND seed %" PRIu64 ", step %" PRIu64 ", %s: %s\n",
                          watched->setup.seed, watched->step, text, cause);
    if (length > 0) {
        ssize_t written = write(STDERR_FILENO, line, (size_t)length);
        (void)written;
    }
}

static void on_signal(int number)
{
    tell(strsignal(number));
    _exit(1);
}

#ifdef WITH_ASAN
static void on_death(void)
{
    tell("a sanitizer's finding");
}
#endif

void watch_begin(const struct model *model)
{
    watched = model;
    signal(SIGALRM, on_signal);
#ifdef WITH_ASAN
    __sanitizer_set_death_callback(on_death);
    signal(SIGILL, on_signal);
#else
    static const int numbers[] = {SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
    for (size_t index = 0; index < sizeof(numbers) / sizeof(numbers[0]); index++) {
        signal(numbers[index], on_signal);
    }
#endif
}

void watch_seconds(unsigned seconds)
{
    alarm(seconds);
}
