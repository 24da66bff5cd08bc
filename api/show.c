// SPDX-License-Identifier: MIT
// show_alloc_mem: the heap as text, in address order. It fills a buffer on the stack while it holds the
// lock, lets the lock go, and writes: no output, however slow, holds up an allocation.
#include "core/show.h"

#include "api/export.h"
#include "api/ft_malloc.h"
#include "api/global.h"
#include "api/print.h"

#include <errno.h>

EXPORT void show_alloc_mem(void)
{
    int saved = errno;
    struct walk walk = {.next = 0};
    struct walk_step step = {.what = WALK_ZONE};
    struct show show = {.total = 0};
    struct print print;
    print_begin(&print);
    while (step.what != WALK_END) {
        global_lock();
        walk_resume(&walk);
        while (step.what != WALK_END && print.text.length < PRINT_BYTES - SHOW_LINE_BYTES) {
            step = walk_next(&global.arena, &walk);
            show_step(&show, &print.text, &step);
        }
        global_unlock();
        print_write(&print, PLATFORM_OUTPUT);
    }
    errno = saved;
}
