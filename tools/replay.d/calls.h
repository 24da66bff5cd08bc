// SPDX-License-Identifier: MIT
// The calls of the core, one function for each kind, not inlined: what is counted under callgrind is what is in them.
#ifndef FT_REPLAY_CALLS_H
#define FT_REPLAY_CALLS_H

#include "core/ft_core.h"

#include <stddef.h>

void *call_malloc(struct ft_core_heap *heap, size_t bytes);
void *call_calloc(struct ft_core_heap *heap, size_t bytes);
void *call_aligned(struct ft_core_heap *heap, size_t align, size_t bytes);
void *call_realloc(struct ft_core_heap *heap, void *ptr, size_t bytes);
enum ft_core_misuse call_free(struct ft_core_heap *heap, void *ptr);

#endif
