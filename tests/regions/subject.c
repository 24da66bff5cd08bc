// SPDX-License-Identifier: MIT
#include "tests/regions/subject.h"

#include "tests/regions/tlsf.h"

#include <stdlib.h>

// ---- ours -------------------------------------------------------------------------------------------

struct ft_core_options subject_options;
static struct ft_core_heap ours;

static void *ours_open(void *region, size_t bytes)
{
    struct ft_core *core = ft_core_create(region, bytes, &subject_options);
    return core != NULL && ft_core_open(&ours, core, NULL) ? &ours : NULL;
}

static void *ours_alloc(void *context, size_t bytes)
{
    return ft_core_alloc(context, bytes);
}

static void *ours_alloc_aligned(void *context, size_t align, size_t bytes)
{
    return ft_core_alloc_aligned(context, align, bytes);
}

static void *ours_realloc(void *context, void *ptr, size_t bytes)
{
    return ft_core_realloc(context, ptr, bytes);
}

static bool ours_resize(void *context, void *ptr, size_t bytes)
{
    return ft_core_resize(context, ptr, bytes);
}

static void ours_free(void *context, void *ptr)
{
    if (ft_core_free(context, ptr) != FT_CORE_OK) {
        abort();
    }
}

const struct subject subject_ours = {
    .name = "ours",
    .open = ours_open,
    .alloc = ours_alloc,
    .alloc_aligned = ours_alloc_aligned,
    .realloc = ours_realloc,
    .resize = ours_resize,
    .free = ours_free,
};

// ---- the yardstick ------------------------------------------------------------------------------------

static void *yardstick_open(void *region, size_t bytes)
{
    return tlsf_create(region, bytes);
}

static void *yardstick_alloc(void *context, size_t bytes)
{
    return tlsf_alloc(context, bytes);
}

static void *yardstick_alloc_aligned(void *context, size_t align, size_t bytes)
{
    return tlsf_alloc_aligned(context, align, bytes);
}

static void *yardstick_realloc(void *context, void *ptr, size_t bytes)
{
    return tlsf_realloc(context, ptr, bytes);
}

static bool yardstick_resize(void *context, void *ptr, size_t bytes)
{
    return tlsf_resize(context, ptr, bytes);
}

static void yardstick_free(void *context, void *ptr)
{
    tlsf_free(context, ptr);
}

const struct subject subject_tlsf = {
    .name = "tlsf",
    .open = yardstick_open,
    .alloc = yardstick_alloc,
    .alloc_aligned = yardstick_alloc_aligned,
    .realloc = yardstick_realloc,
    .resize = yardstick_resize,
    .free = yardstick_free,
};

// ---- nobody -------------------------------------------------------------------------------------------

static void *none_open(void *region, size_t bytes)
{
    (void)bytes;
    return region;
}

static void *none_alloc(void *context, size_t bytes)
{
    (void)bytes;
    return context;
}

static void *none_alloc_aligned(void *context, size_t align, size_t bytes)
{
    (void)align;
    (void)bytes;
    return context;
}

static void *none_realloc(void *context, void *ptr, size_t bytes)
{
    (void)ptr;
    (void)bytes;
    return context;
}

static bool none_resize(void *context, void *ptr, size_t bytes)
{
    (void)context;
    (void)ptr;
    (void)bytes;
    return true;
}

static void none_free(void *context, void *ptr)
{
    (void)context;
    (void)ptr;
}

const struct subject subject_none = {
    .name = "none",
    .open = none_open,
    .alloc = none_alloc,
    .alloc_aligned = none_alloc_aligned,
    .realloc = none_realloc,
    .resize = none_resize,
    .free = none_free,
};

// ---- following a trace ----------------------------------------------------------------------------------

// One call. False if it was refused. A chunk's first byte is written, as every program does.
static inline bool follow_op(const struct subject *subject, void *context,
                             const struct trace_op *op, void **slots)
{
    void **slot = &slots[op->slot];
    void *got = NULL;
    switch (op->verb) {
    case TRACE_ALLOC: got = subject->alloc(context, op->bytes); break;
    case TRACE_ALIGNED: got = subject->alloc_aligned(context, op->align, op->bytes); break;
    case TRACE_REALLOC: got = subject->realloc(context, *slot, op->bytes); break;
    default:
        if (*slot != NULL) {
            subject->free(context, *slot);
        }
        *slot = NULL;
        return true;
    }
    if (got == NULL) {
        return false;
    }
    *(volatile unsigned char *)got = 1;
    *slot = got;
    return true;
}

size_t subject_follow(const struct subject *subject, void *context, const struct trace *trace,
                      void **slots, size_t first, size_t count)
{
    size_t refused = 0;
    for (size_t at = first; at < first + count; at++) {
        refused += !follow_op(subject, context, &trace->ops[at], slots);
    }
    return refused;
}

size_t subject_fill(const struct subject *subject, void *context, const struct trace *trace,
                    void **slots, size_t *op_count)
{
    uint32_t *sizes = calloc(trace->slot_count, sizeof(*sizes));
    size_t live_bytes = 0;
    size_t at = 0;
    while (sizes != NULL && at < trace->count) {
        const struct trace_op *op = &trace->ops[at];
        if (!follow_op(subject, context, op, slots)) {
            break;
        }
        live_bytes += (size_t)op->bytes - sizes[op->slot];
        sizes[op->slot] = op->bytes;
        at++;
    }
    free(sizes);
    *op_count = at;
    return live_bytes;
}
