// SPDX-License-Identifier: MIT
// What programs may ask about zones, chunks, pointers and calls (ft_malloc.h).
#include "api/export.h"
#include "api/ft_malloc.h"
#include "api/global.h"
#include "api/locate.h"
#include "core/chunk.h"
#include "core/walk.h"

#include <errno.h>
#include <string.h>

_Static_assert(sizeof(struct walk) <= sizeof(struct ft_malloc_walk),
               "a walk fits into the public one");

EXPORT unsigned ft_malloc_version(void)
{
    return FT_MALLOC_VERSION;
}

static enum ft_malloc_kind kind_of(enum zone_kind kind)
{
    switch (kind) {
    case ZONE_TINY: return FT_MALLOC_TINY;
    case ZONE_SMALL: return FT_MALLOC_SMALL;
    default: return FT_MALLOC_LARGE;
    }
}

EXPORT bool ft_malloc_next(struct ft_malloc_walk *walk, struct ft_malloc_item *item)
{
    int saved = errno;
    struct walk inner;
    memcpy(&inner, walk, sizeof(inner));
    global_lock();
    walk_resume(&inner);
    struct walk_step step = walk_next(&global.arena, &inner);
    global_unlock();
    memcpy(walk, &inner, sizeof(inner));
    errno = saved;
    *item = (struct ft_malloc_item){
        .is_chunk = step.what == WALK_CHUNK,
        .kind = kind_of(step.kind),
        .base = step.base,
        .bytes = step.bytes,
    };
    return step.what != WALK_END;
}

static enum ft_malloc_state state_of(enum chunk_status status)
{
    switch (status) {
    case CHUNK_FOREIGN: return FT_MALLOC_FOREIGN;
    case CHUNK_FRESH:
    case CHUNK_FREED:
    case CHUNK_HOME: return FT_MALLOC_FREE;
    case CHUNK_LIVE: return FT_MALLOC_LIVE;
    case CHUNK_NEVER:
    case CHUNK_UNUSED:
    default: return FT_MALLOC_UNUSED;
    }
}

EXPORT struct ft_malloc_place ft_malloc_locate(const void *ptr)
{
    struct chunk chunk = locate_chunk(ptr);
    struct ft_malloc_place place = {.state = state_of(chunk.status)};
    if (place.state < FT_MALLOC_FREE) {
        return place;
    }
    const struct zone *zone = chunk.zone;
    bool has_many = zone->chunk_bytes != 0;
    place.kind = kind_of(zone->kind);
    place.zone = has_many ? zone_base(zone) : chunk.base;
    place.zone_bytes = has_many ? (size_t)zone->chunk_bytes * zone->chunk_count : chunk.capacity;
    place.chunk = chunk.base;
    place.requested = place.state == FT_MALLOC_LIVE ? chunk.requested : 0;
    place.capacity = chunk.capacity;
    return place;
}

EXPORT bool ft_malloc_history_next(struct ft_malloc_event *event)
{
    int saved = errno;
    bool is_found = history_next(event->order, event);
    errno = saved;
    return is_found;
}
