// SPDX-License-Identifier: MIT
// The thread slot on Linux: initial-exec thread-local storage, 48 bytes that exist before the thread's
// first instruction; the slot costs two to read.
#ifndef FT_PLATFORM_LINUX_SLOT_H
#define FT_PLATFORM_LINUX_SLOT_H

#include <stdbool.h>
#include <stdint.h>

// Defined where every library asks libc for handlers of forks by one name, behind which that of libc can be found: with glibc,
// since 2.34 has dlsym() in libc itself.
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 34)
#define PLATFORM_PASSES_AT_FORK 1
#endif

struct platform_exit;

// All that the platform knows of a thread.
struct platform_thread {
    void *slot;
    void *aside;
    const struct platform_exit *exit; // what platform_at_thread_exit() was told
    unsigned number;                  // what platform_thread_number() leads to
    uint16_t rounds;                  // of destructors that have gone by
    uint16_t count;                   // of calls of platform_thread_count(), as far as it counts
    uintptr_t stack_low;              // what platform_stack_end() has found; 0: not looked for
    uintptr_t stack_end;
};

extern _Thread_local struct platform_thread platform_thread
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

static inline void *platform_slot(void)
{
    return platform_thread.slot;
}

static inline const void *platform_thread_self(void)
{
    return &platform_thread;
}

static inline unsigned platform_thread_count(void)
{
    return platform_thread.count < UINT16_MAX ? platform_thread.count++ : UINT16_MAX;
}

static inline bool platform_thread_is_ending(void)
{
    return platform_thread.rounds != 0;
}

static inline void platform_slot_set(void *value)
{
    platform_thread.slot = value;
}

static inline void *platform_aside(void)
{
    return platform_thread.aside;
}

static inline void platform_aside_set(void *value)
{
    platform_thread.aside = value;
}

static inline unsigned *platform_thread_number(void)
{
    return &platform_thread.number;
}

#endif
