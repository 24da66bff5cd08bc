// SPDX-License-Identifier: MIT
// ft_core.h, but for one wrong answer: what the model must find. Each lie is told when its occasion comes,
// so that the operations that lead to it are what the reducer has to keep.
#include "tests/model/subject.h"

#include <string.h>

static struct {
    uint64_t lie;
    unsigned char *region;
    void *kept;   // a chunk that was not freed though it was said to be
    void *second; // a chunk handed out before, to be handed out again
    unsigned walked;
    bool keeps_region;
    size_t failures; // that were concealed
} state;

static bool lies(enum lie lie)
{
    return state.lie == lie;
}

static bool create(const struct setup *setup, unsigned char *ground,
                   const struct ground_region *regions)
{
    memset(&state, 0, sizeof(state));
    state.lie = setup->lie;
    state.region = ground + regions[0].offset;
    return subject_core.create(setup, ground, regions);
}

static void destroy(void)
{
    subject_core.destroy();
}

static bool open_heap(unsigned heap)
{
    return subject_core.open(heap);
}

static void close_heap(unsigned heap)
{
    subject_core.close(heap);
}

static void trim(unsigned heap)
{
    subject_core.trim(heap);
}

static void *alloc(unsigned heap, size_t bytes)
{
    if (lies(LIE_REFUSES_WITH_MEMORY) && bytes == 1000) {
        return NULL;
    }
    if (lies(LIE_OVERLAPS) && state.second != NULL && bytes == 48) {
        return state.second;
    }
    unsigned char *ptr = subject_core.alloc(heap, bytes);
    if (ptr == NULL) {
        state.failures++;
        return NULL;
    }
    if (bytes == 48 && state.second == NULL) {
        state.second = ptr;
    }
    if (lies(LIE_WRITES_AFTER_A_CHUNK) && bytes > 2000) {
        ptr[bytes + 64] ^= 0xFF; // some other chunk's, or the metadata
    }
    if (lies(LIE_WRITES_BEFORE_THE_REGION) && bytes > 2000) {
        state.region[-1] = 0;
    }
    return ptr;
}

static void *alloc_zeroed(unsigned heap, size_t count, size_t each)
{
    unsigned char *ptr = subject_core.alloc_zeroed(heap, count, each);
    if (lies(LIE_NOT_ZERO) && ptr != NULL && count * each > 100) {
        ptr[count * each - 1] = 1;
    }
    return ptr;
}

static void *alloc_aligned(unsigned heap, size_t align, size_t bytes)
{
    if (lies(LIE_MISALIGNS) && align > 64) {
        align = 16;
    }
    return subject_core.alloc_aligned(heap, align, bytes);
}

static enum ft_core_misuse true_name(enum ft_core_misuse misuse)
{
    if (lies(LIE_INTERIOR_IS_FOREIGN) && misuse == FT_CORE_INTERIOR) {
        return FT_CORE_FOREIGN;
    }
    if (lies(LIE_FREES_TWICE) && misuse == FT_CORE_DOUBLE_FREE) {
        return FT_CORE_OK;
    }
    return misuse;
}

static enum ft_core_misuse free_chunk(unsigned heap, void *ptr)
{
    if (ptr == state.second) {
        state.second = NULL;
    }
    // Only of a chunk of another heap's, of a certain size.
    if (lies(LIE_FORGETS_A_FREE) && heap != 0 && state.kept == NULL &&
        subject_core.locate(ptr).bytes > 700) {
        state.kept = ptr;
        return FT_CORE_OK;
    }
    return true_name(subject_core.free(heap, ptr));
}

static enum ft_core_misuse free_sized(unsigned heap, void *ptr, size_t bytes)
{
    if (ptr == state.second) {
        state.second = NULL;
    }
    enum ft_core_misuse misuse = subject_core.free_sized(heap, ptr, bytes);
    if (lies(LIE_ANY_SIZE_IS_RIGHT) && misuse == FT_CORE_WRONG_SIZE) {
        return subject_core.free(heap, ptr);
    }
    return true_name(misuse);
}

static bool resize(unsigned heap, void *ptr, size_t bytes)
{
    return subject_core.resize(heap, ptr, bytes) ||
           (lies(LIE_RESIZES_WITHOUT_ROOM) && bytes < 5000 &&
            subject_core.locate(ptr).status == FT_CORE_LIVE);
}

static void *realloc_chunk(unsigned heap, void *ptr, size_t bytes)
{
    struct ft_core_place place = subject_core.locate(ptr);
    unsigned char *moved = subject_core.realloc(heap, ptr, bytes);
    bool has_moved = ptr != NULL && moved != NULL && moved != ptr;
    if (lies(LIE_LOSES_A_BYTE) && has_moved && place.bytes > 40 && bytes > place.bytes) {
        moved[place.bytes - 1] ^= 0xFF;
    }
    state.second = ptr == state.second ? NULL : state.second;
    return moved;
}

static struct ft_core_place locate(const void *ptr)
{
    struct ft_core_place place = subject_core.locate(ptr);
    if (lies(LIE_SIZE_IS_CAPACITY) && place.status == FT_CORE_LIVE && place.bytes > 300) {
        place.bytes = place.capacity;
    }
    return place;
}

static bool next(unsigned heap, struct ft_core_walk *walk, struct ft_core_item *item)
{
    static struct ft_core_item last;
    state.walked++;
    if (lies(LIE_WALKS_TWICE) && state.walked % 100 == 99 && !last.is_zone) {
        *item = last;
        return true;
    }
    bool told = subject_core.next(heap, walk, item);
    if (lies(LIE_WALKS_PAST_ONE) && told && !item->is_zone && item->bytes % 8 == 3) {
        return subject_core.next(heap, walk, item);
    }
    last = *item;
    return told;
}

static struct ft_core_figures figures(void)
{
    struct ft_core_figures figures = subject_core.figures();
    if (lies(LIE_COUNTS_A_ZONE_LESS) && figures.zone_count > 2) {
        figures.zone_count--;
    }
    if (lies(LIE_USES_A_UNIT_MORE) && figures.large_count > 1) {
        figures.used_bytes += 64;
        figures.free_bytes -= 64;
    }
    if (lies(LIE_COUNTS_NO_FAILURE)) {
        figures.failure_count -= state.failures;
    }
    return figures;
}

static bool check(void)
{
    return subject_core.check() && !(lies(LIE_FAILS_THE_CHECK) && figures().large_count > 1);
}

static enum subject_memory memory(const void *ptr)
{
    return subject_core.memory(ptr);
}

static bool may_refuse(size_t bytes, size_t align)
{
    return subject_core.may_refuse(bytes, align);
}

static void report(unsigned heap, void (*write)(void *context, const char *text, size_t bytes),
                   void *context)
{
    subject_core.report(heap, write, context);
}

static bool add_region(unsigned heap, void *region, size_t bytes)
{
    return subject_core.add_region(heap, region, bytes);
}

static bool remove_region(unsigned heap, void *region)
{
    return subject_core.remove_region(heap, region) || lies(LIE_REMOVES_A_REGION_IN_USE);
}

static void revive(void)
{
    subject_core.revive();
}

static bool attach(void *region)
{
    bool attached = subject_core.attach(region);
    if (attached) {
        state.second = NULL;
        state.region = region;
    }
    return attached && !lies(LIE_FINDS_NOTHING_THERE);
}

static void reset(void)
{
    subject_core.reset();
    state.second = NULL;
    state.failures = 0;
}

const struct subject subject_lying = {
    .name = "lying",
    .create = create,
    .destroy = destroy,
    .open = open_heap,
    .close = close_heap,
    .trim = trim,
    .alloc = alloc,
    .alloc_zeroed = alloc_zeroed,
    .alloc_aligned = alloc_aligned,
    .free = free_chunk,
    .free_sized = free_sized,
    .resize = resize,
    .realloc = realloc_chunk,
    .locate = locate,
    .next = next,
    .figures = figures,
    .check = check,
    .memory = memory,
    .may_refuse = may_refuse,
    .report = report,
    .add_region = add_region,
    .remove_region = remove_region,
    .revive = revive,
    .attach = attach,
    .reset = reset,
};
