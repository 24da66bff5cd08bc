// SPDX-License-Identifier: MIT
// What glibc does in a fork after all handlers, as far as it has to do with allocations.
#include "platform/platform.h"

#include <dlfcn.h>
#include <string.h>

// Weak: a program that is linked statically has none.
#pragma weak dlsym

// glibc's, and recursive. A fork takes this lock after all handlers and then locks glibc's own malloc, because who has it may
// wait for a stream whose holder allocates (getdelim). Whoever replaces malloc has to keep to this order. Other systems lack
// the names.
extern void _IO_list_lock(void) __attribute__((weak));
extern void _IO_list_unlock(void) __attribute__((weak));
extern void _IO_list_resetlock(void) __attribute__((weak));

// A process of one thread, whose fork takes no lock, is left as it is.
bool platform_streams_lock(void)
{
    bool has_names = _IO_list_lock != NULL && _IO_list_unlock != NULL && _IO_list_resetlock != NULL;
    if (!has_names || platform_is_alone()) {
        return false;
    }
    _IO_list_lock();
    return true;
}

void platform_streams_unlock(void)
{
    _IO_list_unlock();
}

// glibc has done so before a child's handlers, since 2.24 only if it takes the process for one with threads.
void platform_streams_reset(void)
{
    _IO_list_resetlock();
}

// How pthread_atfork(), a part of each library, comes to glibc: with what tells the library.
typedef int register_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void),
                             void *library);

// Where there is no other, as in a program that is linked statically and without fork, nothing forks.
int platform_pass_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void),
                          void *library)
{
    register_at_fork *next = NULL;
    if (dlsym != NULL) {
        void *found = dlsym(RTLD_NEXT, "__register_atfork");
        memcpy(&next, &found, sizeof next);
    }
    return next != NULL ? next(before, in_parent, in_child, library) : 0;
}
