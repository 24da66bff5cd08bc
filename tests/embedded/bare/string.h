// SPDX-License-Identifier: MIT
// What a program without a C library must supply, and all of it: bare/memory.c does.
#ifndef FT_TESTS_EMBEDDED_BARE_STRING_H
#define FT_TESTS_EMBEDDED_BARE_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int byte, size_t count);
int memcmp(const void *one, const void *other, size_t count);

#endif
