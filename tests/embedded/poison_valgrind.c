// SPDX-License-Identifier: MIT
// What a program links beside a core with FT_POISON=1, so that Valgrind watches its chunks. What is
// handed out counts as defined: a chunk that grows where it is keeps what it holds.
#include "core/poison.h"

#include <stdbool.h>
#include <valgrind/memcheck.h>

void ft_core_poison(const void *base, size_t bytes)
{
    (void)VALGRIND_MAKE_MEM_NOACCESS(base, bytes);
}

void ft_core_unpoison(const void *base, size_t bytes)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(base, bytes);
}

// The tests take pictures of whole regions (tests/core/ft_core_kit.h).
void kit_look_away(bool away);

void kit_look_away(bool away)
{
    if (away) {
        VALGRIND_DISABLE_ERROR_REPORTING;
    } else {
        VALGRIND_ENABLE_ERROR_REPORTING;
    }
}
