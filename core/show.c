// SPDX-License-Identifier: MIT
#include "core/show.h"

static const char *zone_name(enum zone_kind kind)
{
    switch (kind) {
    case ZONE_TINY: return "TINY : ";
    case ZONE_SMALL: return "SMALL : ";
    default: return "LARGE : ";
    }
}

void show_step(struct show *show, struct text *text, const struct walk_step *step)
{
    switch (step->what) {
    case WALK_ZONE:
        text_string(text, zone_name(step->kind));
        text_address(text, (uintptr_t)step->base);
        text_string(text, "\n");
        return;
    case WALK_CHUNK:
        show->total += step->bytes;
        text_address(text, (uintptr_t)step->base);
        text_string(text, " - ");
        text_address(text, (uintptr_t)step->base + step->bytes);
        text_string(text, " : ");
        text_decimal(text, step->bytes);
        text_string(text, " bytes\n");
        return;
    case WALK_END:
    default:
        text_string(text, "Total : ");
        text_decimal(text, show->total);
        text_string(text, " bytes\n");
    }
}
