// SPDX-License-Identifier: MIT
#include "api/print.h"

#include "platform/platform.h"

void print_begin(struct print *print)
{
    print->text = (struct text){.bytes = print->bytes, .room = PRINT_BYTES};
}

void print_write(struct print *print, int descriptor)
{
    int cancel = platform_cancel_disable();
    platform_write(descriptor, print->text.bytes, print->text.length);
    platform_cancel_restore(cancel);
    print->text.length = 0;
}
