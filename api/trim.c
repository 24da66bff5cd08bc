// SPDX-License-Identifier: MIT
// glibc's call to give back what is free.
#include "api/export.h"
#include "api/ft_malloc.h"
#include "api/give_back.h"

#include <errno.h>
#include <stddef.h>

extern int malloc_trim(size_t keep_bytes);

EXPORT int malloc_trim(size_t keep_bytes)
{
    int saved = errno;
    bool any = give_back_all(keep_bytes);
    errno = saved;
    return any ? 1 : 0;
}
