// SPDX-License-Identifier: MIT
// The slow ways of allocation and free: what the fast paths (core/heap_fast.h) do not do. They keep
// errno, except that a failed allocation sets ENOMEM.
#ifndef FT_API_SLOW_H
#define FT_API_SLOW_H

#include "core/chunk.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What malloc does when the fast path cannot. NULL and ENOMEM on failure.
void *slow_malloc(size_t bytes);

// The same for calloc.
void *slow_calloc(size_t bytes);

// Allocates `bytes` at a multiple of align, a power of two. NULL and ENOMEM on failure.
void *slow_aligned(size_t bytes, size_t align);

// How to allocate. SLOW_TRY: nothing is said of a refusal, because the caller may have another way. SLOW_QUIET: nor is the
// call seen by who watches, because the caller tells of it.
enum slow_how { SLOW_PLAIN, SLOW_ZEROED, SLOW_TRY, SLOW_QUIET };

// Allocates `bytes` at a multiple of align, a power of two. NULL and ENOMEM on failure.
void *slow_alloc(size_t bytes, size_t align, enum slow_how how);

// Refuses an allocation of so many bytes: NULL and ENOMEM, with a word if that is asked for.
void *slow_refuse(size_t bytes, enum slow_how how);

// Frees ptr, or reports a misuse in the name of `call`. Nothing for NULL.
void slow_free(void *ptr, const char *call);

// Frees ptr, a chunk with this state of a TINY zone that the calling thread does not own.
void slow_free_away(void *ptr, struct zone *zone, void *state, const char *call);

// Frees a chunk that was found to be held. False if another thread has freed it meanwhile.
bool slow_free_chunk(const struct chunk *chunk);

// Frees ptr if it was requested with a size of the same class as `bytes` and is aligned to align;
// else reports a misuse in the name of `call`. Nothing for NULL.
void slow_free_sized(void *ptr, size_t bytes, size_t align, const char *call);

// Makes a chunk larger or smaller, where it is or elsewhere; for 0 bytes frees it and returns NULL. NULL
// and ENOMEM, or EINVAL after a misuse that was reported in the name of `call`: then the chunk is as it
// was. ptr is not NULL.
void *slow_realloc(void *ptr, size_t bytes, const char *call);

// Whether ptr is the start of a chunk that the program holds. If not, that is reported as a misuse in the
// name of `call`, and errno is EINVAL.
bool slow_is_held(const void *ptr, const char *call);

// The requested bytes of a chunk; 0 for NULL, and for a misuse that was reported in the name of `call`.
size_t slow_size(const void *ptr, const char *call);

#endif
