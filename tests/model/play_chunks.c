// SPDX-License-Identifier: MIT
// What is done with chunks: handed out, given back, made larger and smaller.
#include "core/size_class.h"
#include "tests/model/model.h"
#include "tests/model/pattern.h"

#include <string.h>

enum { WATCH_EVERY = 32 };

// The figures are looked at before what may fail, if it is likely to, and now and then.
static bool is_watched(const struct model *model, size_t bytes)
{
    return model->step % WATCH_EVERY == 0 || bytes > model->setup.region_bytes / 8;
}

static bool heap_is_open(const struct model *model, const struct op *op)
{
    return op->heap < SETUP_HEAPS_MAX && model->heap_is_open[op->heap];
}

// A request was refused: that is in order, and nothing has changed.
static void check_refusal(struct model *model, size_t bytes, size_t align,
                          const struct ft_core_figures *before)
{
    model->refused_count++;
    model->failures_most++;
    bool is_for_want_of_memory = bytes <= PTRDIFF_MAX && (align & (align - 1)) == 0 && align != 0;
    model->failures_least += is_for_want_of_memory && bytes <= UINT32_MAX && align <= UINT32_MAX;
    if (is_for_want_of_memory && !model->subject->may_refuse(bytes, align)) {
        model_fail(model, "%zu bytes are refused, and %zu can be had", bytes,
                   model->subject->figures().longest_bytes);
    }
    if (before != NULL) {
        struct ft_core_figures after = model->subject->figures();
        if (!model_figures_survive(before, &after)) {
            model_fail(
                model, "a refusal has changed the figures: used %zu to %zu, longest %zu to %zu",
                before->used_bytes, after.used_bytes, before->longest_bytes, after.longest_bytes);
        }
    }
}

static bool is_zero(const unsigned char *ptr, size_t bytes)
{
    return bytes == 0 || (*ptr == 0 && memcmp(ptr, ptr + 1, bytes - 1) == 0);
}

void play_alloc(struct model *model, const struct op *op)
{
    struct slot *slot = &model->slots[op->slot % model->setup.slots];
    if (slot->ptr != NULL || !heap_is_open(model, op)) {
        return;
    }
    const struct subject *subject = model->subject;
    struct ft_core_figures before;
    bool watched = is_watched(model, op->bytes);
    if (watched) {
        before = subject->figures();
    }
    size_t bytes = op->bytes;
    size_t align = 16;
    unsigned char *ptr;
    if (op->kind == OP_ALLOC) {
        ptr = subject->alloc(op->heap, bytes);
    } else if (op->kind == OP_ZEROED) {
        ptr = subject->alloc_zeroed(op->heap, op->more, op->bytes);
        if (__builtin_mul_overflow(op->bytes, (size_t)op->more, &bytes)) {
            bytes = SIZE_MAX;
        }
    } else {
        align = op->more;
        ptr = subject->alloc_aligned(op->heap, align, bytes);
    }
    if (ptr == NULL) {
        check_refusal(model, bytes, align, watched ? &before : NULL);
        return;
    }
    if (bytes > UINT32_MAX || (align & (align - 1)) != 0 || align == 0) {
        model_fail(model, "what cannot be was handed out");
    }
    if (op->kind == OP_ZEROED && bytes <= model->ground_used && !is_zero(ptr, bytes)) {
        model_fail(model, "a zeroed chunk of %zu bytes is not zero", bytes);
    }
    model_enter(model, slot, ptr, bytes, align);
}

void play_free(struct model *model, const struct op *op)
{
    struct slot *slot = &model->slots[op->slot % model->setup.slots];
    if (slot->ptr == NULL || !heap_is_open(model, op)) {
        return;
    }
    model_check_slot(model, slot);
    unsigned char *ptr = slot->ptr;
    enum ft_core_misuse misuse = op->kind == OP_FREE
                                     ? model->subject->free(op->heap, ptr)
                                     : model->subject->free_sized(op->heap, ptr, slot->bytes);
    if (misuse != FT_CORE_OK) {
        model_fail(model, "the free of a chunk of %zu bytes is misuse %d", slot->bytes,
                   (int)misuse);
    }
    model_drop(model, slot);
    if (model->step % 8 == 0) {
        struct ft_core_place place = model->subject->locate(ptr);
        bool is_gone = place.status == FT_CORE_UNUSED ||
                       (place.status == FT_CORE_FREE && place.base == ptr) ||
                       model->subject->memory(ptr) != MEMORY_INSIDE;
        if (!is_gone) {
            model_fail(model, "a freed chunk is located as status %d", (int)place.status);
        }
    }
}

// The chunk of a slot has other bytes now, here or elsewhere, and `kept` of the old ones.
static void follow(struct model *model, struct slot *slot, unsigned char *ptr, size_t bytes)
{
    size_t kept = slot->bytes < bytes ? slot->bytes : bytes;
    if (!pattern_holds(ptr, slot->bytes, kept, slot->tag)) {
        model_fail(model, "from %zu to %zu bytes, contents were lost", slot->bytes, bytes);
    }
    shadow_give(&model->shadow, model_offset(model, slot->ptr), slot->capacity);
    if (ptr != slot->ptr) {
        slot->stale = slot->ptr;
        slot->stale_change = 0;
    }
    model->dropped_count++;
    model->live_count--;
    model_enter(model, slot, ptr, bytes, 16);
}

// Whether a chunk can have this size for sure, where it is: it has the room, and its state can note the slack.
static bool must_resize(const struct model *model, const struct slot *slot, size_t bytes)
{
    if (bytes == slot->bytes || model->setup.subject == SUBJECT_WIDE) {
        return bytes == slot->bytes;
    }
    unsigned as = slot->capacity > SIZE_CLASS_TINY_MAX ? SIZE_CLASS_TINY_COUNT : 0;
    bool is_large = slot->capacity > SIZE_CLASS_SMALL_MAX;
    return bytes <= slot->capacity &&
           (is_large || slot->capacity - bytes <= size_class_slack_max(as));
}

void play_resize(struct model *model, const struct op *op)
{
    struct slot *slot = &model->slots[op->slot % model->setup.slots];
    if (slot->ptr == NULL || !heap_is_open(model, op)) {
        return;
    }
    model_check_slot(model, slot);
    struct ft_core_figures before;
    bool watched = is_watched(model, op->bytes);
    if (watched) {
        before = model->subject->figures();
    }
    if (model->subject->resize(op->heap, slot->ptr, op->bytes)) {
        if (op->bytes > UINT32_MAX) {
            model_fail(model, "what cannot be was resized to");
        }
        follow(model, slot, slot->ptr, op->bytes);
        return;
    }
    if (must_resize(model, slot, op->bytes)) {
        model_fail(model, "a chunk of %zu of %zu bytes cannot have %zu", slot->bytes,
                   slot->capacity, (size_t)op->bytes);
    }
    model->failures_most++;
    struct ft_core_figures after = model->subject->figures();
    if (watched && !model_figures_survive(&before, &after)) {
        model_fail(model, "a refusal to resize has changed the figures");
    }
    model_check_slot(model, slot);
}

void play_realloc(struct model *model, const struct op *op)
{
    struct slot *slot = &model->slots[op->slot % model->setup.slots];
    if (!heap_is_open(model, op)) {
        return;
    }
    struct ft_core_figures before;
    bool watched = is_watched(model, op->bytes);
    if (watched) {
        before = model->subject->figures();
    }
    if (slot->ptr != NULL) {
        model_check_slot(model, slot);
    }
    unsigned char *ptr = model->subject->realloc(op->heap, slot->ptr, op->bytes);
    if (ptr != NULL && op->bytes > UINT32_MAX) {
        model_fail(model, "what cannot be was handed out");
    }
    if (ptr == NULL) {
        check_refusal(model, op->bytes, 16, watched ? &before : NULL);
        if (slot->ptr != NULL) {
            model_check_slot(model, slot);
        }
    } else if (slot->ptr == NULL) {
        model_enter(model, slot, ptr, op->bytes, 16);
    } else {
        follow(model, slot, ptr, op->bytes);
    }
}
