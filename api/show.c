// SPDX-License-Identifier: MIT
// show_alloc_mem: the heap as text, in address order. It fills a buffer on the stack while it holds the
// lock, lets the lock go, and writes: no output, however slow, holds up an allocation.
#include "api/export.h"
#include "api/ft_malloc.h"
#include "api/global.h"
#include "api/text.h"
#include "core/walk.h"

enum { LINE_BYTES_MAX = 128 };

static const char *zone_name(enum zone_kind kind)
{
    switch (kind) {
    case ZONE_TINY: return "TINY : ";
    case ZONE_SMALL: return "SMALL : ";
    default: return "LARGE : ";
    }
}

static void tell(struct text *text, const struct walk_step *step)
{
    if (step->what == WALK_ZONE) {
        text_string(text, zone_name(step->kind));
        text_address(text, (uintptr_t)step->base);
        text_string(text, "\n");
        return;
    }
    text_address(text, (uintptr_t)step->base);
    text_string(text, " - ");
    text_address(text, (uintptr_t)step->base + step->bytes);
    text_string(text, " : ");
    text_decimal(text, step->bytes);
    text_string(text, " bytes\n");
}

EXPORT void show_alloc_mem(void)
{
    struct walk walk = {.next = 0};
    struct walk_step step = {.what = WALK_ZONE};
    struct text text;
    uint64_t total = 0;
    text.length = 0;
    while (step.what != WALK_END) {
        global_lock();
        walk_resume(&walk);
        while (text.length < TEXT_BYTES - LINE_BYTES_MAX) {
            step = walk_next(&global.arena, &walk);
            if (step.what == WALK_END) {
                break;
            }
            tell(&text, &step);
            total += step.what == WALK_CHUNK ? step.bytes : 0;
        }
        global_unlock();
        text_write(&text, PLATFORM_OUTPUT);
    }
    text_string(&text, "Total : ");
    text_decimal(&text, total);
    text_string(&text, " bytes\n");
    text_write(&text, PLATFORM_OUTPUT);
}
