// SPDX-License-Identifier: MIT
// The least that a program does with ft_core, complete. The same words in C and in C++:
//
//   cc example.c -lft_core        c++ -x c++ example.c -lft_core
#include <ft_core.h>

#include <stdio.h>
#include <string.h>

static unsigned char buffer[65536];

static void print(void *context, const char *text, size_t bytes)
{
    fwrite(text, 1, bytes, (FILE *)context);
}

int main(void)
{
    struct ft_core_heap heap;
    struct ft_core *core = ft_core_create(buffer, sizeof buffer, NULL);
    if (core == NULL || !ft_core_open(&heap, core, NULL)) {
        return 1;
    }
    char *text = (char *)ft_core_alloc(&heap, 42);
    if (text == NULL) {
        return 1;
    }
    strcpy(text, "served from a buffer");
    puts(text);
    ft_core_report(&heap, print, stdout);

    if (ft_core_free(&heap, text) != FT_CORE_OK) {
        return 1;
    }
    // A second time is a mistake: it is told, and changes nothing.
    if (ft_core_free(&heap, text) != FT_CORE_DOUBLE_FREE) {
        return 1;
    }
    struct ft_core_figures figures = ft_core_figures(core);
    printf("%zu bytes: %zu free, %zu at once; %zu of metadata\n", figures.region_bytes,
           figures.free_bytes, figures.longest_bytes, figures.metadata_bytes);
    ft_core_close(&heap);
    ft_core_destroy(core);
    return 0;
}
