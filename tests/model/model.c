// SPDX-License-Identifier: MIT
#include "tests/model/model.h"

#include "tests/model/pattern.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void (*model_on_finding)(void);

_Noreturn void model_fail(const struct model *model, const char *format, ...)
{
    char text[OP_TEXT_BYTES];
    op_print(&model->op, text);
    fflush(stdout);
    fprintf(stderr, "FOUND seed %" PRIu64 ", step %" PRIu64 ", %s: ", model->setup.seed,
            model->step, text);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\n");
    fflush(stderr);
    if (model_on_finding != NULL) {
        model_on_finding();
    }
    _exit(1);
}

void model_init(struct model *model)
{
    memset(model, 0, sizeof(*model));
    shadow_begin(&model->shadow, GROUND_BYTES);
}

static const struct subject *subject_of(uint64_t which)
{
    switch (which) {
    case SUBJECT_WIDE: return &subject_wide;
    case SUBJECT_LYING: return &subject_lying;
    default: return &subject_core;
    }
}

bool model_begin(struct model *model, const struct setup *setup)
{
    struct shadow shadow = model->shadow;
    memset(model, 0, sizeof(*model));
    model->setup = *setup;
    model->shadow = shadow;
    model->subject = subject_of(setup->subject);
    model->ground = ground_at(0);
    model->ground_used =
        ground_plan(setup->region_bytes, setup->extra_bytes, setup->phase, model->regions);
    unsigned char dirt = setup->is_zero ? 0 : (unsigned char)setup->dirt;
    if (setup->subject == SUBJECT_WIDE) {
        model->ground_used = GROUND_BYTES; // the subject lays out its own
    } else {
        ground_fill(model->ground, model->regions, dirt);
    }
    shadow_clear(&model->shadow, model->ground_used);
    if (!model->subject->create(setup, model->ground, model->regions)) {
        if (setup->region_bytes >= ft_core_bytes_min() && setup->unit_bytes == 0 &&
            setup->zone_bytes_max == 0 && setup->stack_bytes_max == 0) {
            model_fail(model, "no arena in %" PRIu64 " bytes", setup->region_bytes);
        }
        if (!ground_is_guarded(model->ground, model->regions)) {
            model_fail(model, "a refused create wrote outside the region");
        }
        return false;
    }
    model->region_is_in[0] = true;
    model->start = model->subject->figures();
    model->region_used[0] = model->start.region_bytes;
    play_heap(model, &(struct op){.kind = OP_OPEN});
    if (model->open_count == 0) { // and for no heap of this kind
        model->subject->destroy();
        return false;
    }
    return true;
}

void model_end(struct model *model)
{
    model_audit(model);
    model->op = (struct op){.kind = OP_EMPTY, .more = model->setup.seed};
    play_empty(model, &model->op);
    model->subject->destroy();
    if (model->subject->attach != NULL &&
        model->subject->attach(model->ground + model->regions[0].offset)) {
        model_fail(model, "an arena was found that was destroyed");
    }
}

void model_forget_chunks(struct model *model)
{
    for (unsigned index = 0; index < SETUP_SLOTS_MAX; index++) {
        model->slots[index] = (struct slot){.ptr = NULL};
    }
    model->live_count = 0;
    model->walk_count = 0;
    shadow_clear(&model->shadow, model->ground_used);
}

// Whether a chunk lies in one region that the arena has.
static bool is_in_a_region(const struct model *model, size_t offset, size_t bytes)
{
    if (model->setup.subject == SUBJECT_WIDE) {
        return model->subject->memory(model->ground + offset) == MEMORY_INSIDE;
    }
    for (unsigned index = 0; index < GROUND_REGIONS_MAX; index++) {
        const struct ground_region *region = &model->regions[index];
        if (model->region_is_in[index] && offset >= region->offset &&
            offset - region->offset < region->bytes) {
            return bytes <= region->bytes - (offset - region->offset);
        }
    }
    return false;
}

void model_enter(struct model *model, struct slot *slot, void *ptr, size_t bytes, size_t align)
{
    uint16_t index = (uint16_t)(slot - model->slots);
    size_t offset = model_offset(model, ptr);
    if ((uintptr_t)ptr % (align > 16 ? align : 16) != 0) {
        model_fail(model, "%p is not aligned to %zu", ptr, align);
    }
    struct ft_core_place place = model->subject->locate(ptr);
    if (place.status != FT_CORE_LIVE || place.base != ptr || place.bytes != bytes ||
        place.capacity < bytes) {
        model_fail(model, "a chunk of %zu bytes is located as status %d, %zu of %zu bytes at %+td",
                   bytes, (int)place.status, place.bytes, place.capacity,
                   (ptrdiff_t)((uintptr_t)place.base - (uintptr_t)ptr));
    }
    if (!is_in_a_region(model, offset, place.capacity)) {
        model_fail(model, "a chunk of %zu bytes at %#zx lies outside the regions", bytes, offset);
    }
    if (!shadow_take(&model->shadow, offset, place.capacity, index)) {
        model_fail(model, "a chunk of %zu bytes at %#zx overlaps another one", bytes, offset);
    }
    slot->ptr = ptr;
    slot->bytes = bytes;
    slot->capacity = place.capacity;
    slot->tag = model->next_tag++;
    slot->walk = model->walk_count;
    slot->told = 0;
    pattern_fill(ptr, bytes, slot->tag);
    model->live_count++;
    model->changes++;
}

void model_drop(struct model *model, struct slot *slot)
{
    shadow_give(&model->shadow, model_offset(model, slot->ptr), slot->capacity);
    slot->stale = slot->ptr;
    slot->stale_change = ++model->changes;
    slot->ptr = NULL;
    model->live_count--;
    model->dropped_count++;
}

void model_check_slot(const struct model *model, const struct slot *slot)
{
    struct ft_core_place place = model->subject->locate(slot->ptr);
    if (place.status != FT_CORE_LIVE || place.base != slot->ptr || place.bytes != slot->bytes ||
        place.capacity != slot->capacity) {
        model_fail(model,
                   "slot %td, %zu of %zu bytes, is located as status %d, %zu of %zu bytes at %+td",
                   slot - model->slots, slot->bytes, slot->capacity, (int)place.status, place.bytes,
                   place.capacity, (ptrdiff_t)((uintptr_t)place.base - (uintptr_t)slot->ptr));
    }
    if (!pattern_holds(slot->ptr, slot->bytes, slot->bytes, slot->tag)) {
        model_fail(model, "slot %td: its %zu bytes at %#zx have changed", slot - model->slots,
                   slot->bytes, model_offset(model, slot->ptr));
    }
}

bool model_figures_agree(const struct ft_core_figures *before, const struct ft_core_figures *after)
{
    return before->region_bytes == after->region_bytes &&
           before->metadata_bytes == after->metadata_bytes &&
           before->used_bytes == after->used_bytes && before->free_bytes == after->free_bytes &&
           before->free_bytes_min == after->free_bytes_min &&
           before->longest_bytes == after->longest_bytes &&
           before->zone_count == after->zone_count && before->large_count == after->large_count &&
           before->heap_count == after->heap_count;
}

bool model_figures_survive(const struct ft_core_figures *before,
                           const struct ft_core_figures *after)
{
    return before->region_bytes == after->region_bytes &&
           before->metadata_bytes == after->metadata_bytes &&
           before->used_bytes >= after->used_bytes &&
           before->free_bytes_min == after->free_bytes_min &&
           before->zone_count >= after->zone_count && before->large_count == after->large_count &&
           before->heap_count == after->heap_count;
}

void model_play(struct model *model, const struct op *op)
{
    model->op = *op;
    model->op_count++;
    switch ((enum op_kind)op->kind) {
    case OP_ALLOC:
    case OP_ZEROED:
    case OP_ALIGNED: play_alloc(model, op); break;
    case OP_FREE:
    case OP_FREE_SIZED: play_free(model, op); break;
    case OP_RESIZE: play_resize(model, op); break;
    case OP_REALLOC: play_realloc(model, op); break;
    case OP_STALE:
    case OP_INTERIOR:
    case OP_AT:
    case OP_FOREIGN: play_misuse(model, op); break;
    case OP_WRONG_SIZE: play_wrong_size(model, op); break;
    case OP_LOCATE: play_locate(model, op); break;
    case OP_WALK: play_walk(model, op); break;
    case OP_REPORT: play_report(model, op); break;
    case OP_AUDIT: model_audit(model); break;
    case OP_TRIM:
    case OP_OPEN:
    case OP_CLOSE: play_heap(model, op); break;
    case OP_ADD_REGION:
    case OP_REMOVE_REGION: play_region(model, op); break;
    case OP_REVIVE:
    case OP_MOVE:
    case OP_RESET:
    case OP_RECREATE: play_arena(model, op); break;
    case OP_REFUSE:
        if (model->subject->refuse != NULL) {
            model->subject->refuse(op->bytes, op->more);
        }
        break;
    case OP_EMPTY: play_empty(model, op); break;
    case OP_NOTHING:
    case OP_KINDS:
    default: break;
    }
    model->step++;
}
