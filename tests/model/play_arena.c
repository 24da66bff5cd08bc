// SPDX-License-Identifier: MIT
// What is done with heaps, regions and the whole arena.
#include "tests/model/model.h"

#include "tests/core/random.h"

#include <string.h>

static void open_heap(struct model *model, unsigned heap, bool must)
{
    struct ft_core_figures before = model->subject->figures();
    if (model->subject->open(heap)) {
        model->heap_is_open[heap] = true;
        model->open_count++;
        for (unsigned index = 1; index < GROUND_REGIONS_MAX; index++) {
            model->heap_opened_late |= model->region_is_in[index];
        }
        return;
    }
    model->failures_most++;
    struct ft_core_figures after = model->subject->figures();
    if (must) {
        model_fail(model, "no memory for a heap that there must be memory for");
    }
    if (!model_figures_survive(&before, &after)) {
        model_fail(model, "a heap that is refused has changed the figures");
    }
}

static void lose_heaps(struct model *model)
{
    memset(model->heap_is_open, 0, sizeof(model->heap_is_open));
    model->open_count = 0;
}

void play_heap(struct model *model, const struct op *op)
{
    unsigned heap = op->heap % (unsigned)model->setup.heaps;
    bool is_open = model->heap_is_open[heap];
    model->changes++;
    if (op->kind == OP_OPEN && !is_open) {
        bool is_first = model->live_count == 0 && model->open_count == 0 &&
                        model->setup.region_bytes >= ft_core_bytes_min() &&
                        model->setup.unit_bytes == 0 && model->setup.refusals == 0 &&
                        model->setup.zone_bytes_max == 0 && model->setup.stack_bytes_max == 0 &&
                        !model->has_lost_heaps;
        open_heap(model, heap, is_first);
    } else if (op->kind == OP_CLOSE && is_open) {
        model->subject->close(heap);
        model->heap_is_open[heap] = false;
        model->open_count--;
    } else if (op->kind == OP_TRIM && is_open) {
        model->subject->trim(heap);
    }
}

// Whether a chunk in use lies in a region.
static bool is_region_in_use(const struct model *model, const struct ground_region *region)
{
    for (unsigned index = 0; index < model->setup.slots; index++) {
        const struct slot *slot = &model->slots[index];
        if (slot->ptr != NULL && model_offset(model, slot->ptr) - region->offset < region->bytes) {
            return true;
        }
    }
    return false;
}

static void add_region(struct model *model, const struct op *op, unsigned index)
{
    const struct ground_region *region = &model->regions[index];
    unsigned char *base = model->ground + region->offset;
    size_t bytes = region->bytes;
    bool is_in = model->region_is_in[index];
    bool must_fail = is_in;
    if (op->more == 1) { // the later half, and what follows
        // Unless what is cut into units ends before: of a short region it may.
        if (!is_in || model->region_used[index] <= bytes / 2) {
            return;
        }
        base += bytes / 2;
        must_fail = true;
    } else if (op->more == 2) {
        bytes = op->bytes % 64;
        must_fail = true;
    } else if (!is_in && model->setup.is_zero) {
        memset(base, 0, bytes);
    }
    // With a unit that is chosen for the first region, and another of half its size.
    bool must =
        !must_fail && model->setup.unit_bytes == 0 && bytes >= model->setup.region_bytes / 2;
    struct ft_core_figures before = model->subject->figures();
    bool added = model->subject->add_region(op->heap, base, bytes);
    if (added ? must_fail : must) {
        model_fail(model, "a region of %zu bytes is %s", bytes, added ? "taken" : "refused");
    }
    model->region_is_in[index] |= added;
    struct ft_core_figures after = model->subject->figures();
    if (!added && !model_figures_agree(&before, &after)) {
        model_fail(model, "a region that is refused has changed the figures");
    }
    size_t counted = after.region_bytes - before.region_bytes;
    if (added && (counted == 0 || counted > bytes)) {
        model_fail(model, "a region of %zu bytes counts %zu", bytes, counted);
    }
    if (added) {
        model->region_used[index] = counted;
    }
}

static void trim_all(struct model *model)
{
    for (unsigned heap = 0; heap < SETUP_HEAPS_MAX; heap++) {
        if (model->heap_is_open[heap]) {
            model->subject->trim(heap);
        }
    }
}

static void remove_region(struct model *model, const struct op *op, unsigned index)
{
    const struct ground_region *region = &model->regions[index];
    unsigned char *base = model->ground + region->offset;
    if (op->more == 1) {
        trim_all(model);
    }
    bool must_fail = index == 0 || !model->region_is_in[index] || is_region_in_use(model, region);
    bool must = !must_fail && op->more == 1 && !model->heap_opened_late && !model->has_lost_heaps &&
                model->open_count == model->setup.heaps;
    bool removed = model->subject->remove_region(op->heap, base);
    if (removed ? must_fail : must) {
        model_fail(model, "region %u is %s", index, removed ? "given back" : "kept");
    }
    if (removed) {
        model->region_is_in[index] = false;
        memset(base, (int)(model->setup.dirt ^ 0x5A), region->bytes);
    }
}

void play_region(struct model *model, const struct op *op)
{
    unsigned index = op->slot % GROUND_REGIONS_MAX;
    if (model->subject->add_region == NULL || op->heap >= SETUP_HEAPS_MAX ||
        !model->heap_is_open[op->heap] || model->regions[index].bytes == 0) {
        return;
    }
    model->changes++;
    model->dropped_count++; // a region that comes again is not as new
    if (op->kind == OP_ADD_REGION) {
        add_region(model, op, index);
    } else {
        remove_region(model, op, index);
    }
}

static void revive(struct model *model)
{
    model->subject->revive();
    lose_heaps(model);
    model->has_lost_heaps = false;
    open_heap(model, 0, true);
}

static void shift(unsigned char **ptr, size_t distance)
{
    if (*ptr != NULL) {
        *ptr = (unsigned char *)((uintptr_t)*ptr + distance);
    }
}

// Copies the memory to the other stretch, spoils the old one, and finds the arena there.
static void move(struct model *model, const struct op *op)
{
    unsigned other = 1 - model->ground_index;
    unsigned char *to = ground_at(other);
    unsigned char *from = model->ground;
    const struct ground_region *first = &model->regions[0];
    if (op->more == 2) {
        // By a distance that is no multiple of the unit.
        size_t astray = model->setup.unit_bytes > 64 ? 64 : 16;
        unsigned char *base = to + first->offset + astray;
        memcpy(base, from + first->offset, first->bytes);
        if (model->subject->attach(base)) {
            model_fail(model, "an arena was found that cannot be where it is");
        }
    }
    memcpy(to, from, model->ground_used);
    for (unsigned index = 0; index < GROUND_REGIONS_MAX; index++) {
        memset(from + model->regions[index].offset, 0x5B, model->regions[index].bytes);
    }
    size_t distance = (size_t)((uintptr_t)to - (uintptr_t)from);
    for (unsigned index = 0; index < model->setup.slots; index++) {
        shift(&model->slots[index].ptr, distance);
        shift(&model->slots[index].stale, distance);
    }
    model->ground = to;
    model->ground_index = other;
    model->walk_count = 0;
    if (!model->subject->attach(to + first->offset)) {
        model_fail(model, "an arena that has moved was not found");
    }
    lose_heaps(model);
    model->has_lost_heaps = true;
    if (op->more == 1) {
        open_heap(model, 0, false);
    }
    if (model->open_count == 0) {
        revive(model);
    }
}

static void reset(struct model *model)
{
    model->subject->reset();
    model_forget_chunks(model);
    model->dropped_count++; // memory that is used again is not as new
    lose_heaps(model);
    model->has_lost_heaps = false;
    model->failures_least = model->failures_most = 0;
    model->heap_opened_late = false;
    struct ft_core_figures now = model->subject->figures();
    bool is_alone = true;
    for (unsigned index = 1; index < GROUND_REGIONS_MAX; index++) {
        is_alone = is_alone && !model->region_is_in[index];
    }
    if (now.used_bytes != 0 || now.zone_count != 0 || now.large_count != 0 ||
        now.failure_count != 0 || now.heap_count != 0 ||
        (is_alone && now.free_bytes + now.metadata_bytes !=
                         model->start.free_bytes + model->start.metadata_bytes)) {
        model_fail(model, "after a reset %zu bytes are used and %zu free, of %zu at the start",
                   now.used_bytes, now.free_bytes, model->start.free_bytes);
    }
    play_heap(model, &(struct op){.kind = OP_OPEN});
}

static void recreate(struct model *model)
{
    unsigned char *region = model->ground + model->regions[0].offset;
    model->subject->destroy();
    if (model->subject->attach != NULL && model->subject->attach(region)) {
        model_fail(model, "an arena was found that was destroyed");
    }
    if (model->setup.is_zero) {
        ground_fill(model->ground, model->regions, 0);
    }
    model_forget_chunks(model);
    lose_heaps(model);
    model->has_lost_heaps = false;
    model->heap_opened_late = false;
    model->failures_least = model->failures_most = 0;
    memset(model->region_is_in, 0, sizeof(model->region_is_in));
    model->region_is_in[0] = true;
    if (!model->subject->create(&model->setup, model->ground, model->regions)) {
        model_fail(model, "an arena cannot be made again");
    }
    struct ft_core_figures now = model->subject->figures();
    if (!model_figures_agree(&now, &model->start)) {
        model_fail(model, "an arena that was made again has other figures");
    }
    play_heap(model, &(struct op){.kind = OP_OPEN});
}

void play_arena(struct model *model, const struct op *op)
{
    if (model->subject->attach == NULL && op->kind != OP_RECREATE) {
        return;
    }
    model->changes++;
    switch (op->kind) {
    case OP_REVIVE: revive(model); break;
    case OP_MOVE: move(model, op); break;
    case OP_RESET: reset(model); break;
    default: recreate(model); break;
    }
}

void play_empty(struct model *model, const struct op *op)
{
    struct random random = {.state = op->more};
    if (model->subject->refuse != NULL) {
        model->subject->refuse(UINT64_MAX, 0);
    }
    if (model->has_lost_heaps || model->open_count == 0) {
        if (model->subject->revive != NULL) {
            revive(model);
        } else {
            open_heap(model, 0, true);
        }
    }
    for (unsigned index = 0; index < model->setup.slots; index++) {
        struct op one = {.kind = OP_FREE, .slot = (uint16_t)index};
        do {
            one.heap = (uint8_t)random_below(&random, SETUP_HEAPS_MAX);
        } while (!model->heap_is_open[one.heap]);
        play_free(model, &one);
    }
    trim_all(model);
    // Heaps that were closed, or lost and revived, may own zones that others have freed chunks of.
    struct ft_core_figures now = model->subject->figures();
    for (unsigned heap = 0; heap < SETUP_HEAPS_MAX && model->open_count < now.heap_count; heap++) {
        if (!model->heap_is_open[heap]) {
            open_heap(model, heap, true);
        }
    }
    bool has_all_heaps = model->open_count == now.heap_count;
    trim_all(model);
    model_audit(model);
    for (unsigned heap = (unsigned)model->setup.heaps; heap < SETUP_HEAPS_MAX; heap++) {
        if (model->heap_is_open[heap]) {
            model->subject->close(heap);
            model->heap_is_open[heap] = false;
            model->open_count--;
        }
    }
    now = model->subject->figures();
    if (!has_all_heaps) {
        return;
    }
    if (now.used_bytes != 0 || now.zone_count != 0 || now.large_count != 0) {
        model_fail(model, "nothing is in use, and %zu bytes of %zu zones and %zu runs are",
                   now.used_bytes, now.zone_count, now.large_count);
    }
    model->changes++;
}
