// SPDX-License-Identifier: MIT
// The life of a heap of the program's own: made, listed, locked, forked, ended.
#include "api/heaps.h"

#include "api/export.h"
#include "api/global.h"
#include "api/slow.h"
#include "core/bits.h"
#include "core/check.h"

#include <errno.h>
#include <string.h>

enum {
    ONE_REGION_BYTES = 1 << 20, // a limit up to this is taken at once, as one region
    UNIT_BYTES = 4096,          // of heaps that grow, up to UNITS_MAX of them
    UNITS_MAX = 32768,
    UNIT_BYTES_MAX = 65536,
    FIRST_UNITS =
        256, // of the first region, where nothing else is said: room for zones of one unit
    FIRST_UNITS_MIN = 16,
    ZONE_UNITS_MAX = 256,
    STACK_BYTES_MAX = 128 << 10,
    LEAD_BYTES = 64, // before a heap in a region of ours: who frees the heap itself frees no chunk
};

// ---- locks --------------------------------------------------------------------------------------

// What the memory of no other heap holds, nor this one's when it has ended.
static uintptr_t mark_of(const struct ft_heap *heap)
{
    return (uintptr_t)heap ^ (uintptr_t)UINT64_C(0x66745f6865617021);
}

bool heaps_enter(struct ft_heap *heap, const char *call)
{
    if (heap == NULL || (uintptr_t)heap % _Alignof(struct ft_heap) != 0 ||
        heap->mark != mark_of(heap)) {
        heaps_report_none(call, heap);
        errno = EINVAL;
        return false;
    }
    if (heap->is_listed) {
        global_lock_other(&heap->lock);
    }
    return true;
}

void heaps_leave(struct ft_heap *heap)
{
    if (heap->is_listed) {
        global_unlock_other(&heap->lock);
    }
}

void heaps_lock(struct heaps *heaps)
{
    global_lock_other(&heaps->lock);
}

void heaps_unlock(struct heaps *heaps)
{
    global_unlock_other(&heaps->lock);
}

void heaps_before_fork(struct heaps *heaps)
{
    platform_lock(&heaps->lock);
    for (struct ft_heap *heap = heaps->first; heap != NULL; heap = heap->next) {
        platform_lock(&heap->lock);
    }
}

void heaps_after_fork(struct heaps *heaps)
{
    for (struct ft_heap *heap = heaps->first; heap != NULL; heap = heap->next) {
        platform_unlock(&heap->lock);
    }
    platform_unlock(&heaps->lock);
}

// The forking thread had all of them, so that nothing was under way in any listed heap.
void heaps_after_fork_in_child(struct heaps *heaps)
{
    for (struct ft_heap *heap = heaps->first; heap != NULL; heap = heap->next) {
        platform_lock_reset(&heap->lock);
    }
    platform_lock_reset(&heaps->lock);
}

static void list(struct heaps *heaps, struct ft_heap *heap)
{
    heaps_lock(heaps);
    if (global_is_forking()) { // a handler of another library's: this one, too, is let go after the fork
        platform_lock(&heap->lock);
    }
    heap->next = heaps->first;
    if (heap->next != NULL) {
        heap->next->previous = heap;
    }
    heaps->first = heap;
    heaps_unlock(heaps);
}

static void unlist(struct heaps *heaps, struct ft_heap *heap)
{
    heaps_lock(heaps);
    if (heap->previous != NULL) {
        heap->previous->next = heap->next;
    } else {
        heaps->first = heap->next;
    }
    if (heap->next != NULL) {
        heap->next->previous = heap->previous;
    }
    heaps_unlock(heaps);
}

// ---- made ---------------------------------------------------------------------------------------

// What a heap begins with.
struct plan {
    size_t first_bytes;
    size_t unit_bytes; // 0: it does not grow
    struct ft_core_options core;
};

static size_t max_of(size_t one, size_t other)
{
    return one > other ? one : other;
}

// A unit by which a section can hold what the heap is to hold.
static size_t unit_bytes_for(size_t bytes)
{
    size_t unit = UNIT_BYTES;
    while (unit < UNIT_BYTES_MAX && bytes / unit > UNITS_MAX) {
        unit *= 2;
    }
    return unit;
}

// False if what was asked for makes no sense.
static bool plan_memory(const struct ft_heap_options *options, struct plan *plan)
{
    *plan = (struct plan){.first_bytes = options->limit_bytes};
    size_t limit = options->limit_bytes != 0 ? options->limit_bytes : SIZE_MAX;
    if (options->first_bytes > limit) {
        return false;
    }
    if (limit <= ONE_REGION_BYTES) {
        return true;
    }
    size_t unit = unit_bytes_for(max_of(options->limit_bytes, options->first_bytes));
    size_t first = options->first_bytes;
    plan->first_bytes = first == 0 ? FIRST_UNITS * unit : max_of(first, FIRST_UNITS_MIN * unit);
    plan->unit_bytes = unit;
    plan->core = (struct ft_core_options){
        .unit_bytes = unit,
        .zone_bytes_max = ZONE_UNITS_MAX * unit,
        .stack_bytes_max = STACK_BYTES_MAX,
    };
    return true;
}

static void copy_tag(char *tag, const char *from)
{
    size_t length = 0;
    while (from != NULL && length < FT_HEAP_TAG_BYTES - 1 && from[length] != '\0') {
        // Reports are lines.
        bool is_control = (unsigned char)from[length] < ' ' || from[length] == 0x7F;
        tag[length] = is_control ? '?' : from[length];
        length++;
    }
    tag[length] = '\0';
}

// Makes a heap at the start of a region. NULL if that is too small.
static struct ft_heap *set_up(void *region, size_t bytes, const struct ft_core_options *core)
{
    uintptr_t base = bits_align_up((uintptr_t)region, _Alignof(struct ft_heap));
    size_t taken = base - (uintptr_t)region + sizeof(struct ft_heap);
    if (bytes > PTRDIFF_MAX || bytes < taken + ft_core_bytes_min()) {
        return NULL;
    }
    struct ft_heap *heap = (struct ft_heap *)base;
    memset(heap, 0, sizeof(*heap));
    struct ft_core *arena = ft_core_create(heap + 1, bytes - taken, core);
    if (arena == NULL || !ft_core_open(&heap->core, arena, NULL)) {
        return NULL;
    }
    heap->lock = (struct platform_lock)PLATFORM_LOCK_INITIAL;
    return heap;
}

static struct ft_heap *create_in_buffer(const struct ft_heap_options *options)
{
    if (options->buffer == NULL || options->limit_bytes != 0 || options->first_bytes != 0) {
        errno = EINVAL;
        return NULL;
    }
    struct ft_heap *heap = set_up(options->buffer, options->buffer_bytes, NULL);
    if (heap == NULL) {
        errno = EINVAL;
        return NULL;
    }
    heap->is_buffer = true;
    heap->figures.memory_bytes = options->buffer_bytes;
    heap->figures.limit_bytes = options->buffer_bytes;
    return heap;
}

static struct ft_heap *create_in_ours(const struct ft_heap_options *options)
{
    struct plan plan;
    if (!plan_memory(options, &plan)) {
        errno = EINVAL;
        return NULL;
    }
    // No class serves such an alignment: a region is a run of its own.
    unsigned char *region = slow_alloc(plan.first_bytes, GLOBAL_UNIT_BYTES, SLOW_PLAIN);
    if (region == NULL) {
        return NULL;
    }
    struct ft_heap *heap = NULL;
    if (plan.first_bytes > LEAD_BYTES) {
        heap = set_up(region + LEAD_BYTES, plan.first_bytes - LEAD_BYTES, &plan.core);
    }
    if (heap == NULL) {
        slow_free(region, "ft_heap_create");
        errno = EINVAL;
        return NULL;
    }
    heap->unit_bytes = plan.unit_bytes;
    heap->figures.memory_bytes = plan.first_bytes;
    heap->figures.limit_bytes = options->limit_bytes;
    return heap;
}

EXPORT struct ft_heap *ft_heap_create(const struct ft_heap_options *options)
{
    static const struct ft_heap_options defaults;
    options = options != NULL ? options : &defaults;
    bool has_buffer = options->buffer != NULL || options->buffer_bytes != 0;
    struct ft_heap *heap = has_buffer ? create_in_buffer(options) : create_in_ours(options);
    if (heap == NULL) {
        return NULL;
    }
    heap->figures.memory_bytes_max = heap->figures.memory_bytes;
    copy_tag(heap->figures.tag, options->tag);
    heap->is_listed = !options->is_single_threaded;
    heap->mark = mark_of(heap);
    if (heap->is_listed) {
        list(&global.heaps, heap);
    }
    return heap;
}

// ---- ended --------------------------------------------------------------------------------------

EXPORT void ft_heap_destroy(struct ft_heap *heap)
{
    int saved = errno;
    if (heap != NULL && heaps_enter(heap, "ft_heap_destroy")) {
        heaps_leave(heap);
        if (heap->is_listed) {
            unlist(&global.heaps, heap);
        }
        heap->mark = 0; // a second call finds none; what is listed has its mark
        ft_core_destroy(heap->core.core);
        heaps_drop(heap);
        if (!heap->is_buffer) {
            slow_free((unsigned char *)heap - LEAD_BYTES, "ft_heap_destroy");
        }
    }
    errno = saved;
}

EXPORT void ft_heap_reset(struct ft_heap *heap)
{
    int saved = errno;
    if (heaps_enter(heap, "ft_heap_reset")) {
        ft_core_reset(heap->core.core);
        // There was room for it in the first region when that was new, and is again.
        bool is_open = ft_core_open(&heap->core, heap->core.core, NULL);
        CHECK(is_open);
        heap->figures.chunk_count = 0;
        heap->figures.used_bytes = 0;
        heaps_leave(heap);
    }
    errno = saved;
}

EXPORT size_t ft_heap_trim(struct ft_heap *heap)
{
    int saved = errno;
    size_t bytes = 0;
    if (heaps_enter(heap, "ft_heap_trim")) {
        bytes = heaps_shrink(heap);
        heaps_leave(heap);
    }
    errno = saved;
    return bytes;
}
