// SPDX-License-Identifier: MIT
#include "api/print.h"

#include "platform/platform.h"

void print_begin(struct print *print)
{
    print->text = (struct text){.bytes = print->bytes, .room = PRINT_BYTES};
}

static void send(struct print *print, int descriptor,
                 void (*write_to)(int descriptor, const void *bytes, size_t count))
{
    int cancel = platform_cancel_disable();
    write_to(descriptor, print->text.bytes, print->text.length);
    platform_cancel_restore(cancel);
    print->text.length = 0;
}

void print_write(struct print *print, int descriptor)
{
    send(print, descriptor, platform_write);
}

void print_tell(struct print *print, int descriptor)
{
    send(print, descriptor, platform_tell);
}
