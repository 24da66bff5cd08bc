// SPDX-License-Identifier: MIT
// The thread slot on Linux: initial-exec thread-local storage, 8 bytes that exist before the thread's
// first instruction and cost two to read.
#ifndef FT_PLATFORM_LINUX_SLOT_H
#define FT_PLATFORM_LINUX_SLOT_H

extern _Thread_local void *platform_slot_value
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

static inline void *platform_slot(void)
{
    return platform_slot_value;
}

static inline void platform_slot_set(void *value)
{
    platform_slot_value = value;
}

#endif
