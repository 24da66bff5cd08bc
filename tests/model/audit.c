// SPDX-License-Identifier: MIT
// Everything that can be asked of the subject at once, held against the model: a walk tells the zones by
// address and the model's chunks and no other, the figures add up, the guards and the invariants hold.
#include "tests/model/model.h"

#include <string.h>

struct tally {
    uintptr_t zone; // the last zone told
    size_t zone_length;
    uintptr_t chunk; // the last chunk told
    enum ft_core_kind kind;
    size_t zones;
    size_t large;
    size_t chunks;
    size_t used; // bytes of all zones
};

static void tally_zone(const struct model *model, const struct ft_core_item *item,
                       struct tally *tally)
{
    uintptr_t base = (uintptr_t)item->base;
    if (base < tally->zone + tally->zone_length || item->bytes == 0) {
        model_fail(model, "the walk tells a zone at %#zx after one that ends at %#zx",
                   model_offset(model, item->base),
                   model_offset(model, (void *)(tally->zone + tally->zone_length)));
    }
    tally->zone = base;
    tally->zone_length = item->bytes;
    tally->kind = item->kind;
    tally->chunk = 0;
    tally->zones += item->kind != FT_CORE_LARGE;
    tally->large += item->kind == FT_CORE_LARGE;
    tally->used += item->bytes;
}

// The slot of a chunk that a walk tells.
static struct slot *slot_told(struct model *model, const struct ft_core_item *item)
{
    uint16_t index = shadow_slot(&model->shadow, model_offset(model, item->base));
    struct slot *slot = index != SHADOW_NO_SLOT ? &model->slots[index] : NULL;
    if (slot == NULL || slot->ptr != item->base) {
        model_fail(model, "the walk tells a chunk at %#zx that is not in use",
                   model_offset(model, item->base));
    }
    if (slot->bytes != item->bytes) {
        model_fail(model, "the walk tells %zu bytes of a chunk of %zu", item->bytes, slot->bytes);
    }
    return slot;
}

static void tally_chunk(struct model *model, const struct ft_core_item *item, struct tally *tally)
{
    uintptr_t base = (uintptr_t)item->base;
    const struct slot *slot = slot_told(model, item);
    if (base <= tally->chunk || base < tally->zone ||
        base + slot->capacity > tally->zone + tally->zone_length || item->kind != tally->kind) {
        model_fail(model, "the walk tells a chunk at %#zx that is not the next of its zone",
                   model_offset(model, item->base));
    }
    tally->chunk = base;
    tally->chunks++;
}

static unsigned any_heap(const struct model *model)
{
    unsigned heap = 0;
    while (heap + 1 < SETUP_HEAPS_MAX && !model->heap_is_open[heap]) {
        heap++;
    }
    return heap;
}

static void check_figures(const struct model *model, const struct tally *tally)
{
    struct ft_core_figures figures = model->subject->figures();
    size_t region_bytes = 0;
    for (unsigned index = 0; index < GROUND_REGIONS_MAX; index++) {
        region_bytes += model->region_is_in[index] ? model->regions[index].bytes : 0;
    }
    if (figures.zone_count != tally->zones || figures.large_count != tally->large ||
        figures.used_bytes != tally->used) {
        model_fail(model, "figures: %zu zones, %zu large, %zu used; the walk: %zu, %zu, %zu",
                   figures.zone_count, figures.large_count, figures.used_bytes, tally->zones,
                   tally->large, tally->used);
    }
    bool is_wide = model->setup.subject == SUBJECT_WIDE;
    if (figures.used_bytes + figures.free_bytes + figures.metadata_bytes != figures.region_bytes ||
        (!is_wide && (figures.region_bytes > region_bytes || figures.region_bytes == 0))) {
        model_fail(model, "figures: %zu used, %zu free, %zu metadata are not %zu of %zu bytes",
                   figures.used_bytes, figures.free_bytes, figures.metadata_bytes,
                   figures.region_bytes, region_bytes);
    }
    if (figures.free_bytes_min > figures.free_bytes || figures.longest_bytes > figures.free_bytes) {
        model_fail(model, "figures: of %zu bytes free, %zu are the least and %zu the longest",
                   figures.free_bytes, figures.free_bytes_min, figures.longest_bytes);
    }
    if (figures.failure_count < model->failures_least ||
        figures.failure_count > model->failures_most) {
        model_fail(model, "figures: %zu failures, and there were %zu to %zu", figures.failure_count,
                   (size_t)model->failures_least, (size_t)model->failures_most);
    }
    if (figures.heap_count < model->open_count) {
        model_fail(model, "figures: %zu heaps, and %u are open", figures.heap_count,
                   model->open_count);
    }
}

void model_audit(struct model *model)
{
    model->audit_count++;
    if (!model->subject->check()) {
        model_fail(model, "an invariant does not hold");
    }
    if (model->setup.subject != SUBJECT_WIDE && !ground_is_guarded(model->ground, model->regions)) {
        model_fail(model, "something was written outside the regions");
    }
    struct tally tally = {0};
    struct ft_core_walk walk = {{0}};
    struct ft_core_item item;
    while (model->open_count != 0 && model->subject->next(any_heap(model), &walk, &item)) {
        if (item.is_zone) {
            tally_zone(model, &item, &tally);
        } else {
            tally_chunk(model, &item, &tally);
        }
    }
    if (model->open_count != 0) {
        if (tally.chunks != model->live_count) {
            model_fail(model, "the walk tells %zu chunks of %zu", tally.chunks, model->live_count);
        }
        check_figures(model, &tally);
    }
    for (unsigned index = 0; index < model->setup.slots; index++) {
        if (model->slots[index].ptr != NULL) {
            model_check_slot(model, &model->slots[index]);
        }
    }
}

// A walk is at its end: it has told every chunk that nobody touched since it began.
static void end_walk(struct model *model)
{
    for (unsigned index = 0; index < model->setup.slots; index++) {
        const struct slot *slot = &model->slots[index];
        if (slot->ptr != NULL && slot->walk != model->walk_count &&
            slot->told != model->walk_count) {
            model_fail(model, "a walk between other operations has left slot %u out", index);
        }
    }
    model->walk_count = 0;
}

void play_walk(struct model *model, const struct op *op)
{
    if (op->heap >= SETUP_HEAPS_MAX || !model->heap_is_open[op->heap]) {
        return;
    }
    if (model->walk_count == 0) {
        memset(&model->walk, 0, sizeof(model->walk));
        model->walk_count = ++model->walk_number;
        model->walked_to = NULL;
    }
    for (uint64_t step = 0; step < op->bytes; step++) {
        struct ft_core_item item;
        if (!model->subject->next(op->heap, &model->walk, &item)) {
            end_walk(model);
            return;
        }
        if (item.is_zone) {
            continue;
        }
        struct slot *slot = slot_told(model, &item);
        // A chunk that came meanwhile may be anywhere.
        bool is_old = slot->walk != model->walk_count;
        if (slot->told == model->walk_count || (is_old && slot->ptr <= model->walked_to)) {
            model_fail(model, "a walk between other operations goes back to %#zx",
                       model_offset(model, slot->ptr));
        }
        model->walked_to = is_old ? slot->ptr : model->walked_to;
        slot->told = model->walk_count;
    }
}

struct heard {
    size_t bytes;
    size_t lines;
};

static void hear(void *context, const char *text, size_t bytes)
{
    struct heard *heard = context;
    heard->bytes += bytes;
    for (size_t at = 0; at < bytes; at++) {
        heard->lines += text[at] == '\n';
    }
}

void play_report(struct model *model, const struct op *op)
{
    if (model->subject->report == NULL || op->heap >= SETUP_HEAPS_MAX ||
        !model->heap_is_open[op->heap]) {
        return;
    }
    struct heard heard = {0};
    struct ft_core_figures before = model->subject->figures();
    model->subject->report(op->heap, hear, &heard);
    struct ft_core_figures after = model->subject->figures();
    size_t least = model->live_count + before.zone_count + before.large_count;
    if (heard.lines < least || !model_figures_agree(&before, &after)) {
        model_fail(model, "a report of %zu lines, of %zu zones and chunks", heard.lines, least);
    }
}
