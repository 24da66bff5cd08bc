// SPDX-License-Identifier: MIT
// What programs do wrong, and what is asked of a pointer. Each misuse is told by its name, and has changed
// nothing.
#include "tests/model/model.h"

#include "core/size_class.h"

unsigned model_verdicts(const struct model *model, const void *ptr)
{
    size_t offset = model_offset(model, ptr);
    uint16_t slot = shadow_slot(&model->shadow, offset);
    if (slot != SHADOW_NO_SLOT && model->slots[slot].ptr == ptr) {
        return 1U << FT_CORE_OK;
    }
    if (shadow_is_in_use(&model->shadow, offset)) {
        return 1U << FT_CORE_INTERIOR;
    }
    enum subject_memory memory = model->subject->memory(ptr);
    struct ft_core_place place = model->subject->locate(ptr);
    if (place.status == FT_CORE_LIVE ||
        (memory == MEMORY_OUTSIDE && place.status != FT_CORE_NOT_OURS)) {
        model_fail(model, "what is no chunk, at %#zx, is located as status %d", offset,
                   (int)place.status);
    }
    if (memory == MEMORY_PERHAPS) {
        return 1U << FT_CORE_FOREIGN | 1U << FT_CORE_DOUBLE_FREE;
    }
    if (place.status == FT_CORE_NOT_OURS) {
        return 1U << FT_CORE_FOREIGN;
    }
    // A zone in memory that is not known to be zero has chunks that count as freed from the start.
    bool never = place.status == FT_CORE_FREE && model->setup.is_zero &&
                 model->dropped_count == 0 &&
                 shadow_slot(&model->shadow, model_offset(model, place.base)) == SHADOW_NO_SLOT;
    return 1U << FT_CORE_NEVER_ALLOCATED | (never ? 0 : 1U << FT_CORE_DOUBLE_FREE);
}

// Hands back a pointer that is no chunk's, in one of several ways.
static void hand_back(struct model *model, const struct op *op, void *ptr, unsigned allowed)
{
    const struct subject *subject = model->subject;
    struct ft_core_figures before = subject->figures();
    enum ft_core_misuse misuse = FT_CORE_OK;
    bool refused = true;
    switch (op->more % BY_KINDS) {
    case BY_FREE: misuse = subject->free(op->heap, ptr); break;
    case BY_FREE_SIZED: misuse = subject->free_sized(op->heap, ptr, op->bytes % 4096); break;
    case BY_RESIZE: refused = !subject->resize(op->heap, ptr, op->bytes % 4096); break;
    case BY_REALLOC:
        // Of NULL, that is an allocation.
        refused = ptr == NULL || subject->realloc(op->heap, ptr, op->bytes % 4096) == NULL;
        break;
    default: break;
    }
    bool is_free = op->more % BY_KINDS <= BY_FREE_SIZED;
    if (is_free && (allowed >> misuse & 1) == 0) {
        struct ft_core_place place = subject->locate(ptr);
        model_fail(model, "misuse %d at %#zx, and the set %#x would be right: status %d, base %#zx",
                   (int)misuse, model_offset(model, ptr), allowed, (int)place.status,
                   model_offset(model, place.base));
    }
    if (!refused) {
        model_fail(model, "what is no chunk got another size");
    }
    struct ft_core_figures after = subject->figures();
    if (!model_figures_agree(&before, &after) || before.failure_count > after.failure_count) {
        model_fail(model, "a misuse has changed the figures");
    }
    model->failures_most += !is_free;
    model->misuse_count++;
}

void play_misuse(struct model *model, const struct op *op)
{
    struct slot *slot = &model->slots[op->slot % model->setup.slots];
    unsigned char *ptr = NULL;
    bool is_right_after = false;
    if (op->kind == OP_STALE) {
        ptr = slot->stale;
        is_right_after = slot->stale_change == model->changes;
    } else if (op->kind == OP_INTERIOR && slot->ptr != NULL) {
        ptr = slot->ptr + (slot->capacity > 1 ? 1 + op->bytes % (slot->capacity - 1) : 0);
    } else if (op->kind == OP_AT) {
        ptr = model->ground + op->bytes % model->ground_used;
    } else if (op->kind == OP_FOREIGN) {
        ptr = (unsigned char *)(uintptr_t)op->bytes;
    }
    if (op->heap >= SETUP_HEAPS_MAX || !model->heap_is_open[op->heap] ||
        (ptr == NULL && op->kind != OP_FOREIGN)) {
        return;
    }
    unsigned allowed = ptr != NULL ? model_verdicts(model, ptr) : 1U << FT_CORE_OK;
    if (ptr != NULL && allowed == 1U << FT_CORE_OK) {
        return;
    }
    if (is_right_after && model->subject->memory(ptr) == MEMORY_INSIDE &&
        (allowed & 1U << FT_CORE_DOUBLE_FREE) != 0) {
        allowed = 1U << FT_CORE_DOUBLE_FREE;
    }
    hand_back(model, op, ptr, allowed);
    if (op->kind == OP_INTERIOR) {
        model_check_slot(model, slot);
    }
}

// Which answers are right to a sized free of this chunk: bits as those of model_verdicts().
static unsigned size_verdicts(const struct slot *slot, size_t bytes)
{
    const unsigned right = 1U << FT_CORE_OK;
    const unsigned wrong = 1U << FT_CORE_WRONG_SIZE;
    if (bytes == slot->bytes) {
        return right;
    }
    size_t class_bytes = bytes <= SIZE_CLASS_SMALL_MAX ? size_class_bytes(size_class_of(bytes)) : 0;
    if (bytes > slot->capacity || (bytes <= slot->capacity / 2 && class_bytes != slot->capacity)) {
        return wrong;
    }
    return right | wrong; // a run of few units, or a zone: either view of it is sound
}

void play_wrong_size(struct model *model, const struct op *op)
{
    struct slot *slot = &model->slots[op->slot % model->setup.slots];
    if (slot->ptr == NULL || op->heap >= SETUP_HEAPS_MAX || !model->heap_is_open[op->heap]) {
        return;
    }
    model_check_slot(model, slot);
    struct ft_core_figures before = model->subject->figures();
    enum ft_core_misuse misuse = model->subject->free_sized(op->heap, slot->ptr, op->bytes);
    if ((size_verdicts(slot, op->bytes) >> misuse & 1) == 0) {
        model_fail(model, "misuse %d, of a chunk of %zu bytes freed as one of %zu", (int)misuse,
                   slot->bytes, (size_t)op->bytes);
    }
    if (misuse == FT_CORE_OK) {
        model_drop(model, slot);
        return;
    }
    model->misuse_count++;
    struct ft_core_figures after = model->subject->figures();
    if (!model_figures_agree(&before, &after)) {
        model_fail(model, "a misuse has changed the figures");
    }
    model_check_slot(model, slot);
}

void play_locate(struct model *model, const struct op *op)
{
    const struct slot *slot = &model->slots[op->slot % model->setup.slots];
    if (slot->ptr == NULL) {
        if (slot->stale != NULL) {
            model_verdicts(model, slot->stale);
        }
        return;
    }
    size_t above = slot->capacity != 0 ? op->bytes % slot->capacity : 0;
    struct ft_core_place place = model->subject->locate(slot->ptr + above);
    if (place.status != FT_CORE_LIVE || place.base != slot->ptr || place.bytes != slot->bytes ||
        place.capacity != slot->capacity) {
        model_fail(model, "%zu bytes into a chunk of %zu: status %d, %zu of %zu bytes at %+td",
                   above, slot->bytes, (int)place.status, place.bytes, place.capacity,
                   (ptrdiff_t)((uintptr_t)place.base - (uintptr_t)slot->ptr));
    }
}
