// SPDX-License-Identifier: MIT
// What a program links beside a core with FT_POISON=1, so that AddressSanitizer watches its chunks.
#include "core/poison.h"

#include <sanitizer/asan_interface.h>

void ft_core_poison(const void *base, size_t bytes)
{
    __asan_poison_memory_region(base, bytes);
}

void ft_core_unpoison(const void *base, size_t bytes)
{
    __asan_unpoison_memory_region(base, bytes);
}
