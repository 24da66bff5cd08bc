// SPDX-License-Identifier: MIT
// The functions of the BSDs and of macOS, as their manuals have them.
#include "api/export.h"
#include "api/ft_malloc.h"
#include "api/global.h"
#include "api/locate.h"
#include "api/slow.h"
#include "core/bits.h"
#include "core/chunk.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Clears memory that is given up right after, where a compiler would leave that out.
static void wipe(void *ptr, size_t bytes)
{
    if (bytes != 0) {
        memset(ptr, 0, bytes);
    }
    __asm__ volatile("" : : "r"(ptr) : "memory");
}

EXPORT size_t malloc_size(const void *ptr)
{
    struct chunk chunk = locate_chunk(ptr);
    return ptr != NULL && chunk_is_held_at(&chunk, ptr) ? chunk.requested : 0;
}

EXPORT size_t malloc_good_size(size_t bytes)
{
    if (bytes <= SIZE_CLASS_SMALL_MAX) {
        return size_class_bytes(size_class_of(bytes));
    }
    size_t page = platform_page_bytes();
    return bytes > PTRDIFF_MAX - page ? bytes : bits_align_up(bytes, page);
}

EXPORT void *reallocf(void *ptr, size_t bytes)
{
    if (ptr == NULL) {
        return malloc(bytes);
    }
    void *moved = slow_realloc(ptr, bytes, "reallocf");
    if (moved == NULL && bytes != 0 && errno == ENOMEM) {
        free(ptr);
    }
    return moved;
}

EXPORT int reallocarr(void *target, size_t count, size_t each)
{
    int saved = errno;
    void *ptr;
    memcpy(&ptr, target, sizeof(ptr));
    size_t bytes;
    if (__builtin_mul_overflow(count, each, &bytes)) {
        return EOVERFLOW;
    }
    void *moved = NULL;
    errno = 0;
    if (ptr != NULL) {
        moved = slow_realloc(ptr, bytes, "reallocarr");
    } else if (bytes != 0) {
        moved = malloc(bytes);
    }
    int error = moved == NULL ? errno : 0;
    errno = saved;
    if (error == 0) {
        memcpy(target, &moved, sizeof(moved));
    }
    return error;
}

EXPORT void *recallocarray(void *ptr, size_t old_count, size_t count, size_t each)
{
    if (ptr == NULL) {
        return calloc(count, each);
    }
    size_t bytes;
    size_t old_bytes;
    if (__builtin_mul_overflow(count, each, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    if (__builtin_mul_overflow(old_count, each, &old_bytes)) {
        errno = EINVAL;
        return NULL;
    }
    if (!slow_is_held(ptr, "recallocarray")) {
        return NULL;
    }
    // A new chunk always: what is cut off must not stay readable.
    void *moved = calloc(1, bytes);
    if (moved != NULL) {
        size_t held = malloc_size(ptr);
        size_t kept = old_bytes < held ? old_bytes : held;
        memcpy(moved, ptr, kept < bytes ? kept : bytes);
        wipe(ptr, held);
        free(ptr);
    }
    return moved;
}

EXPORT void freezero(void *ptr, size_t bytes)
{
    size_t held = malloc_size(ptr);
    wipe(ptr, bytes < held ? bytes : held);
    free(ptr);
}
