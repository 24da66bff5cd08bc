// SPDX-License-Identifier: MIT
// What lies at the start of an arena that ft_core made, and how its callers keep out of each other's way.
#ifndef FT_CORE_FT_CORE_STATE_H
#define FT_CORE_FT_CORE_STATE_H

#include "core/arena.h"
#include "core/ft_core.h"

#define FT_CORE_PUBLIC __attribute__((visibility("default")))

struct ft_core {
    uint64_t magic; // FT_CORE_MAGIC: an arena whose parts lie as this build of the library has them
    uintptr_t address; // where it was made
    struct arena arena;
};

// The last two digits change with the layout of anything in an arena, and with the width of a pointer.
#define FT_CORE_MAGIC (UINT64_C(0x66745f636f726520) + sizeof(void *))

// ANY. Takes the caller's lock, if there is one.
static inline void ft_core_lock(const struct ft_core_heap *heap)
{
    if (heap->lock.acquire != NULL) {
        heap->lock.acquire(heap->lock.context);
    }
}

// ANY. Lets it go.
static inline void ft_core_unlock(const struct ft_core_heap *heap)
{
    if (heap->lock.release != NULL) {
        heap->lock.release(heap->lock.context);
    }
}

#endif
