// SPDX-License-Identifier: MIT
// Huge pages. Nothing here is called unless an option asks for them.
#include "platform/platform.h"

#include <sys/mman.h>

void platform_ask_huge(void *base, size_t bytes)
{
    // Where the system has none, it is as without.
    (void)madvise(base, bytes, MADV_HUGEPAGE);
}
