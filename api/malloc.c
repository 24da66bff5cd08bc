// SPDX-License-Identifier: MIT
// The functions of C, POSIX and glibc. Each follows its standard or the glibc manual; ft_malloc.h says
// what is ours to choose.
#include "api/export.h"
#include "api/ft_malloc.h"
#include "api/global.h"
#include "api/slow.h"
#include "core/bits.h"
#include "core/heap_fast.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

EXPORT void *malloc(size_t bytes)
{
    void *ptr = heap_fast_alloc(global_heap(), bytes);
    return __builtin_expect(ptr != NULL, 1) ? ptr : slow_malloc(bytes);
}

EXPORT void free(void *ptr)
{
    enum heap_seen seen = HEAP_OTHER;
    struct zone *zone = NULL;
    void *away = NULL;
    if (__builtin_expect(zone_map_is_within(ptr), 1)) {
        zone = zone_map_find_near(&global.arena.map, ptr);
        seen = heap_fast_look(global_heap(), zone, zone->fast_start, ptr, &away);
    }
    if (__builtin_expect(seen == HEAP_PUT, 1)) {
        return;
    }
    if (seen != HEAP_AWAY) {
        slow_free(ptr, "free");
    } else if (!heap_fast_gather(global_heap(), zone, away)) {
        slow_free_away(ptr, zone, away, "free");
    }
}

EXPORT void *calloc(size_t count, size_t each)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, each, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    struct grant grant = heap_fast_grant(global_heap(), bytes);
    if (__builtin_expect(grant.ptr == NULL, 0)) {
        return slow_calloc(bytes);
    }
    return grant.is_zero ? grant.ptr : memset(grant.ptr, 0, bytes);
}

EXPORT void *realloc(void *ptr, size_t bytes)
{
    // While somebody watches (watch.h) no thread has a heap.
    if (__builtin_expect(!heap_is_none(global_heap()), 1) &&
        __builtin_expect(heap_fast_resize(&global.arena, ptr, bytes), 1)) {
        return ptr;
    }
    return ptr != NULL ? slow_realloc(ptr, bytes, "realloc") : malloc(bytes);
}

EXPORT void *reallocarray(void *ptr, size_t count, size_t each)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, each, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(ptr, bytes);
}

EXPORT void *aligned_alloc(size_t align, size_t bytes)
{
    if (!bits_is_power_of_two(align)) {
        errno = EINVAL;
        return NULL;
    }
    return slow_aligned(bytes, align);
}

EXPORT int posix_memalign(void **target, size_t align, size_t bytes)
{
    if (!bits_is_power_of_two(align) || align % sizeof(void *) != 0) {
        return EINVAL;
    }
    int saved = errno;
    void *ptr = slow_aligned(bytes, align);
    errno = saved;
    if (ptr == NULL) {
        return ENOMEM;
    }
    *target = ptr;
    return 0;
}

// As in glibc, an alignment that is no power of two is rounded up to one.
EXPORT void *memalign(size_t align, size_t bytes)
{
    if (align > SIZE_MAX / 2 + 1) {
        errno = EINVAL;
        return NULL;
    }
    if (!bits_is_power_of_two(align)) {
        align = align == 0 ? 1 : (size_t)2 << bits_highest(align);
    }
    return slow_aligned(bytes, align);
}

EXPORT void *valloc(size_t bytes)
{
    int saved = errno;
    size_t page = platform_page_bytes();
    errno = saved;
    return slow_aligned(bytes, page);
}

EXPORT void *pvalloc(size_t bytes)
{
    int saved = errno;
    size_t page = platform_page_bytes();
    errno = saved;
    // What cannot be rounded up cannot be had as it is, either.
    return slow_aligned(bytes > PTRDIFF_MAX - page ? bytes : bits_align_up(bytes, page), page);
}

EXPORT size_t malloc_usable_size(void *ptr)
{
    size_t bytes = heap_fast_size(&global.arena, ptr);
    return __builtin_expect(bytes != 0, 1) ? bytes : slow_size(ptr, "malloc_usable_size");
}

EXPORT void free_sized(void *ptr, size_t bytes)
{
    if (__builtin_expect(!heap_fast_free_sized(global_heap(), &global.arena, ptr, bytes), 0)) {
        slow_free_sized(ptr, bytes, 1, "free_sized");
    }
}

EXPORT void free_aligned_sized(void *ptr, size_t align, size_t bytes)
{
    if (((uintptr_t)ptr & (align - 1)) != 0 ||
        !heap_fast_free_sized(global_heap(), &global.arena, ptr, bytes)) {
        slow_free_sized(ptr, bytes, align, "free_aligned_sized");
    }
}

EXPORT size_t memalignment(const void *ptr)
{
    return (size_t)((uintptr_t)ptr & -(uintptr_t)ptr);
}
