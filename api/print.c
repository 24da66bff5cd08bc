// SPDX-License-Identifier: MIT
#include "api/print.h"

#include "platform/platform.h"

void print_begin(struct print *print)
{
    print->text = (struct text){.bytes = print->bytes, .room = PRINT_BYTES};
}

void print_write(struct print *print, int descriptor)
{
    platform_write(descriptor, print->text.bytes, print->text.length);
    print->text.length = 0;
}

void print_tell(struct print *print, int descriptor)
{
    platform_tell(descriptor, print->text.bytes, print->text.length);
    print->text.length = 0;
}
