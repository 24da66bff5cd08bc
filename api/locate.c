// SPDX-License-Identifier: MIT
#include "api/locate.h"

#include "api/global.h"

#include <errno.h>

// Apart: what programs hold never comes here. Not by global_lock(): an arena that is not open yet has nothing, and stays so.
__attribute__((noinline, cold)) static struct chunk locate_locked(const void *ptr)
{
    int saved = errno;
    global_lock_other(&global.lock);
    struct chunk chunk = chunk_locate(&global.arena, ptr);
    global_unlock_other(&global.lock);
    errno = saved;
    return chunk;
}

struct chunk locate_chunk(const void *ptr)
{
    struct chunk chunk = chunk_find(&global.arena, ptr);
    return chunk.status == CHUNK_UNTOLD ? locate_locked(ptr) : chunk;
}
