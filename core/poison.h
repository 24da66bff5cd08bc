// SPDX-License-Identifier: MIT
// A hook for tools that watch memory, as AddressSanitizer and Valgrind do: ft_core tells them which bytes a
// program may touch, so that they find a use after free, and an overrun at the exact end, in an arena of
// ours as in malloc. Without the hook it compiles to nothing.
//
// -DFT_POISON_HEADER=\"file.h\" names a header with these two functions:
//
//   static inline void ft_poison(const void *base, size_t bytes);   nobody may touch these bytes
//   static inline void ft_unpoison(const void *base, size_t bytes); they may be touched again, whatever they hold
#ifndef FT_CORE_POISON_H
#define FT_CORE_POISON_H

#include <stddef.h>

#ifdef FT_POISON_HEADER
#include FT_POISON_HEADER
#else
static inline void ft_poison(const void *base, size_t bytes)
{
    (void)base;
    (void)bytes;
}

static inline void ft_unpoison(const void *base, size_t bytes)
{
    (void)base;
    (void)bytes;
}
#endif

#endif
