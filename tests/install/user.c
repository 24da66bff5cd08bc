// SPDX-License-Identifier: MIT
// A program of somebody who has the installed files alone. It takes a chunk of 4242 bytes by our name
// and one of 4343 by libc's, has ours shown on standard output, and says on standard error what the
// first one's line must be.
#include <stdio.h>
#include <stdlib.h>

#include <ft_malloc.h>

#ifdef FT_PREFIXED
#define take ft_malloc
#define give ft_free
#define show ft_show_alloc_mem
#else
#define take malloc
#define give free
#define show show_alloc_mem
#endif

int main(void)
{
    char *ours = (char *)take(4242);
    char *libcs = (char *)malloc(4343);
    if (ours == NULL || libcs == NULL) {
        return 1;
    }
    libcs[0] = 1;
    fprintf(stderr, "0x%lX - 0x%lX : 4242 bytes\n", (unsigned long)(size_t)ours,
            (unsigned long)((size_t)ours + 4242));
    show();
    give(ours);
    free(libcs);
    return 0;
}
