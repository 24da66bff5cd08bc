// SPDX-License-Identifier: MIT
// Touches what it must not, in the way that its argument names, in an arena that a tool watches: the tool
// must stop it. "nothing" touches every byte that it may, and ends well.
#include <ft_core.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REGION_BYTES = 1 << 20, EACH = 150 };

static struct ft_core *core;
static struct ft_core_heap heap;
static struct ft_core_heap other;
static unsigned char *region;

static unsigned char *alloc(size_t bytes)
{
    unsigned char *ptr = ft_core_alloc(&heap, bytes);
    if (ptr == NULL) {
        exit(2);
    }
    memset(ptr, 0x44, bytes);
    return ptr;
}

// The last of so many that zones serve it.
static unsigned char *alloc_in_zone(size_t bytes)
{
    for (unsigned each = 1; each < EACH; each++) {
        (void)alloc(bytes);
    }
    return alloc(bytes);
}

static void touch(volatile unsigned char *at)
{
    *at = (unsigned char)(*at + 1);
}

static void use_freed(unsigned char *ptr, size_t at)
{
    if (ft_core_free(&heap, ptr) == FT_CORE_OK) {
        touch(ptr + at);
    }
}

static void use_freed_tiny(void)
{
    use_freed(alloc_in_zone(40), 39);
}
static void use_freed_small(void)
{
    use_freed(alloc_in_zone(1500), 700);
}
static void use_freed_run(void)
{
    use_freed(alloc(40), 0);
}
static void use_freed_large(void)
{
    use_freed(alloc(200000), 100000);
}

static void use_freed_by_another_heap(void)
{
    unsigned char *ptr = alloc_in_zone(40);
    if (ft_core_free(&other, ptr) == FT_CORE_OK) {
        touch(ptr);
    }
}

static void use_freed_by_realloc(void)
{
    unsigned char *ptr = alloc_in_zone(40);
    if (ft_core_realloc(&heap, ptr, 4000) != ptr) {
        touch(ptr);
    }
}

static void use_freed_after_trim(void)
{
    unsigned char *ptr = alloc(40);
    (void)ft_core_free(&heap, ptr);
    ft_core_trim(&heap);
    touch(ptr);
}

static void use_after_reset(void)
{
    unsigned char *ptr = alloc(300);
    ft_core_reset(core);
    touch(ptr);
}

static void overrun_tiny(void)
{
    touch(alloc_in_zone(41) + 41);
}
static void overrun_small(void)
{
    touch(alloc_in_zone(1499) + 1499);
}
static void overrun_run(void)
{
    touch(alloc(41) + 41);
}
static void overrun_large(void)
{
    touch(alloc(199999) + 199999);
}
static void overrun_of_nothing(void)
{
    touch(alloc(0));
}

static void overrun_zeroed(void)
{
    unsigned char *ptr = ft_core_alloc_zeroed(&heap, 3, 5);
    touch(ptr + 15);
}

static void overrun_aligned(void)
{
    unsigned char *ptr = ft_core_alloc_aligned(&heap, 256, 100);
    touch(ptr + 100);
}

static void overrun_after_shrinking(void)
{
    unsigned char *ptr = alloc(200000);
    if (ft_core_resize(&heap, ptr, 150001)) {
        touch(ptr + 150001);
    }
}

static void use_of_what_nobody_had(void)
{
    (void)alloc(40);
    touch(region + REGION_BYTES - 5000);
}

static void nothing(void)
{
    for (size_t bytes = 0; bytes < 9000; bytes = bytes * 5 / 4 + 1) {
        unsigned char *ptr = alloc_in_zone(bytes % 2000);
        unsigned char *zeroed = ft_core_alloc_zeroed(&heap, bytes, 1);
        unsigned char *aligned = ft_core_alloc_aligned(&heap, 64, bytes);
        memset(zeroed, 1, bytes);
        memset(aligned, 1, bytes);
        unsigned char *more = ft_core_realloc(&heap, ptr, bytes * 2);
        memset(more, 1, bytes * 2);
        if (ft_core_resize(&heap, more, bytes)) {
            memset(more, 1, bytes);
        }
        ft_core_reset(core);
        if (!ft_core_open(&heap, core, NULL)) {
            exit(2);
        }
    }
    ft_core_destroy(core);
    memset(region, 1, REGION_BYTES);
}

struct deed {
    const char *name;
    void (*run)(void);
};

static const struct deed deeds[] = {
    {"nothing", nothing},
    {"use_freed_tiny", use_freed_tiny},
    {"use_freed_small", use_freed_small},
    {"use_freed_run", use_freed_run},
    {"use_freed_large", use_freed_large},
    {"use_freed_by_another_heap", use_freed_by_another_heap},
    {"use_freed_by_realloc", use_freed_by_realloc},
    {"use_freed_after_trim", use_freed_after_trim},
    {"use_after_reset", use_after_reset},
    {"overrun_tiny", overrun_tiny},
    {"overrun_small", overrun_small},
    {"overrun_run", overrun_run},
    {"overrun_large", overrun_large},
    {"overrun_of_nothing", overrun_of_nothing},
    {"overrun_zeroed", overrun_zeroed},
    {"overrun_aligned", overrun_aligned},
    {"overrun_after_shrinking", overrun_after_shrinking},
    {"use_of_what_nobody_had", use_of_what_nobody_had},
};

int main(int count, char **arguments)
{
    region = malloc(REGION_BYTES);
    core = ft_core_create(region, REGION_BYTES, NULL);
    if (core == NULL || !ft_core_open(&heap, core, NULL) || !ft_core_open(&other, core, NULL)) {
        return 2;
    }
    for (unsigned each = 0; each < sizeof(deeds) / sizeof(deeds[0]); each++) {
        if (count < 2) {
            puts(deeds[each].name);
        } else if (strcmp(deeds[each].name, arguments[1]) == 0) {
            deeds[each].run();
            free(region);
            return 0;
        }
    }
    return count < 2 ? 0 : 2;
}
