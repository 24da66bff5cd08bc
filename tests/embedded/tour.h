// SPDX-License-Identifier: MIT
// A tour through ft_core that any machine can make: no libc, nothing but memory.
#ifndef FT_TESTS_EMBEDDED_TOUR_H
#define FT_TESTS_EMBEDDED_TOUR_H

#include <ft_core.h>

#include <stddef.h>

enum { TOUR_BYTES = 65536 };

// Makes the memory an arena, uses it in every way, and leaves it empty. 0 if all was as ft_core.h says,
// else the line of tour.c that saw a difference.
int tour(void *memory, size_t bytes);

// The figures that the arena had when most was in use.
struct ft_core_figures tour_figures(void);

#endif
