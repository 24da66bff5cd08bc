// SPDX-License-Identifier: MIT
// The four functions that ft_core wants of a C library. Compiled with -fno-builtin, so that no compiler
// makes calls of themselves out of their loops.
#include "string.h"

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    unsigned char *restrict out = to;
    const unsigned char *restrict in = from;
    for (size_t at = 0; at < count; at++) {
        out[at] = in[at];
    }
    return to;
}

void *memmove(void *to, const void *from, size_t count)
{
    unsigned char *out = to;
    const unsigned char *in = from;
    if ((size_t)out - (size_t)in >= count) {
        return memcpy(to, from, count);
    }
    while (count-- > 0) {
        out[count] = in[count];
    }
    return to;
}

void *memset(void *to, int byte, size_t count)
{
    unsigned char *out = to;
    for (size_t at = 0; at < count; at++) {
        out[at] = (unsigned char)byte;
    }
    return to;
}

int memcmp(const void *one, const void *other, size_t count)
{
    const unsigned char *left = one;
    const unsigned char *right = other;
    for (size_t at = 0; at < count; at++) {
        if (left[at] != right[at]) {
            return left[at] < right[at] ? -1 : 1;
        }
    }
    return 0;
}
