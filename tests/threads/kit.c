// SPDX-License-Identifier: MIT
#include "tests/threads/kit.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *kit_word(char *const argv[], const char *name, const char *usual)
{
    for (size_t index = 1; argv[index] != NULL; index++) {
        if (strncmp(argv[index], "--", 2) == 0 && strcmp(argv[index] + 2, name) == 0) {
            kit_require(argv[index + 1] != NULL, "--%s wants a value", name);
            return argv[index + 1];
        }
    }
    return usual;
}

size_t kit_number(char *const argv[], const char *name, size_t usual)
{
    const char *word = kit_word(argv, name, NULL);
    if (word == NULL) {
        return usual;
    }
    char *end = NULL;
    size_t number = strtoull(word, &end, 10);
    kit_require(*word >= '0' && *word <= '9' && *end == '\0', "--%s wants a number", name);
    return number;
}

void kit_require(bool holds, const char *format, ...)
{
    if (holds) {
        return;
    }
    fflush(stdout); // the figures so far
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text - 1, format, arguments);
    va_end(arguments);
    if (length > (int)sizeof text - 2) {
        length = (int)sizeof text - 2;
    }
    text[length] = '\n';
    ssize_t ignored = write(STDERR_FILENO, "FAILED: ", 8);
    ignored = write(STDERR_FILENO, text, (size_t)length + 1);
    (void)ignored;
    // Other threads may be anywhere, so that no handler runs and nothing is freed.
    _exit(1);
}

// The figure of a line of /proc/self/status, which tells kilobytes.
static size_t status_bytes(const char *name)
{
    char text[4096];
    int descriptor = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    kit_require(descriptor >= 0, "/proc/self/status cannot be opened");
    ssize_t length = read(descriptor, text, sizeof text - 1);
    close(descriptor);
    kit_require(length > 0, "/proc/self/status cannot be read");
    text[length] = '\0';
    const char *line = strstr(text, name);
    kit_require(line != NULL, "/proc/self/status does not tell %s", name);
    return strtoull(line + strlen(name), NULL, 10) << 10;
}

size_t kit_resident_bytes(void)
{
    return status_bytes("\nVmRSS:");
}

size_t kit_peak_bytes(void)
{
    return status_bytes("\nVmHWM:");
}

pthread_t kit_start(void *(*function)(void *), void *argument, size_t stack_bytes)
{
    pthread_t thread;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    if (stack_bytes != 0) {
        int refused = pthread_attr_setstacksize(&attributes, stack_bytes);
        kit_require(refused == 0, "a stack of %zu bytes is refused", stack_bytes);
    }
    int refused = pthread_create(&thread, &attributes, function, argument);
    pthread_attr_destroy(&attributes);
    kit_require(refused == 0, "a thread is refused: %s", strerror(refused));
    return thread;
}

void kit_join(pthread_t thread)
{
    kit_require(pthread_join(thread, NULL) == 0, "a thread cannot be waited for");
}

void kit_watch(unsigned seconds)
{
    alarm(seconds);
}
