// SPDX-License-Identifier: MIT
// Names that glibc itself, and programs written for it, know the functions by. Only in the drop-in pair.
#include "api/export.h"

#include <stdlib.h>

// In malloc.c; libc's stdlib.h does not declare them.
extern void *memalign(size_t align, size_t bytes);
extern void *valloc(size_t bytes);
extern void *pvalloc(size_t bytes);

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
