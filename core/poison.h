// SPDX-License-Identifier: MIT
// A hook for tools that watch memory, as AddressSanitizer and Valgrind do: ft_core tells which bytes a
// program may touch, so that they find a use after free, and an overrun at the exact end, in an arena of
// ours as in malloc. Compiled with FT_POISON=1, it calls two functions that whoever links it defines;
// without, it is nothing.
#ifndef FT_CORE_POISON_H
#define FT_CORE_POISON_H

#include <stddef.h>

#ifndef FT_POISON
#define FT_POISON 0
#endif

// ANY. Nobody may touch these bytes until they are lifted again.
void ft_core_poison(const void *base, size_t bytes);

// ANY. They may be touched again, whatever they hold.
void ft_core_unpoison(const void *base, size_t bytes);

// ANY. The program has no business here.
static inline void poison_lay(const void *base, size_t bytes)
{
    if (FT_POISON) {
        ft_core_poison(base, bytes);
    }
}

// ANY. The bytes are in use.
static inline void poison_lift(const void *base, size_t bytes)
{
    if (FT_POISON) {
        ft_core_unpoison(base, bytes);
    }
}

#endif
