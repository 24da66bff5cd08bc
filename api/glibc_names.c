// SPDX-License-Identifier: MIT
// Names that glibc itself, and programs written for it, know the functions by. Only in the drop-in pair.
#include "api/export.h"
#include "api/global.h"

#include <stdlib.h>

// In malloc.c; libc's stdlib.h does not declare them.
extern void *memalign(size_t align, size_t bytes);
extern void *valloc(size_t bytes);
extern void *pvalloc(size_t bytes);

#ifdef PLATFORM_PASSES_AT_FORK
extern int __register_atfork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void),
                             void *library);

// How pthread_atfork(), a part of every library, comes to libc. Who asks first has his handler called last before a fork:
// while ours has the locks, no other waits for a thread that allocates. Weak: in a program that is linked statically libc's own
// takes its place; there libc itself allocates before all constructors.
EXPORT __attribute__((weak)) int __register_atfork(void (*before)(void), void (*in_parent)(void),
                                                   void (*in_child)(void), void *library)
{
    global_begin();
    return platform_pass_at_fork(before, in_parent, in_child, library);
}
#endif

EXPORT void cfree(void *ptr)
{
    free(ptr);
}

EXPORT void *__libc_malloc(size_t bytes)
{
    return malloc(bytes);
}

EXPORT void __libc_free(void *ptr)
{
    free(ptr);
}

EXPORT void *__libc_calloc(size_t count, size_t each)
{
    return calloc(count, each);
}

EXPORT void *__libc_realloc(void *ptr, size_t bytes)
{
    return realloc(ptr, bytes);
}

EXPORT void *__libc_memalign(size_t align, size_t bytes)
{
    return memalign(align, bytes);
}

EXPORT void *__libc_valloc(size_t bytes)
{
    return valloc(bytes);
}

EXPORT void *__libc_pvalloc(size_t bytes)
{
    return pvalloc(bytes);
}
