// SPDX-License-Identifier: MIT
// Text on its way out: a buffer on the stack, and the system's descriptors.
#ifndef FT_API_PRINT_H
#define FT_API_PRINT_H

#include "core/text.h"

enum { PRINT_BYTES = 4096 };

struct print {
    struct text text;
    char bytes[PRINT_BYTES];
};

// Makes the text empty.
void print_begin(struct print *print);

// Writes what there is to a descriptor and empties the text.
void print_write(struct print *print, int descriptor);

// The same for what options write: where that would end the process (platform_tell), it is lost.
void print_tell(struct print *print, int descriptor);

#endif
