// SPDX-License-Identifier: MIT
// Paths that options say.
#ifndef FT_API_PATH_H
#define FT_API_PATH_H

#include "core/text.h"

#include <stdbool.h>

// Appends the path that a pattern stands for, with the process's number for each %p, and the zero byte that ends it. True if
// there was a %p. What does not fit is left out: then the text is full.
bool path_expand(struct text *path, const char *pattern);

#endif
