// SPDX-License-Identifier: MIT
// What a report at the process's end asks of libc. Nothing here is called unless an option asks for the report.
#include "platform/platform.h"

#include <stdio.h>
#include <unistd.h>

// Where a stream's buffer is, as far as this libc tells.
static const void *buffer_of(const FILE *stream)
{
#ifdef __GLIBC__
    return stream->_IO_buf_base;
#else
    (void)stream;
    return NULL;
#endif
}

bool platform_is_of_streams(const void *ptr)
{
    return ptr != NULL &&
           (ptr == buffer_of(stdin) || ptr == buffer_of(stdout) || ptr == buffer_of(stderr));
}

_Noreturn void platform_end(int status)
{
    (void)platform_cancel_disable();
    (void)fflush(NULL);
    _exit(status);
}
