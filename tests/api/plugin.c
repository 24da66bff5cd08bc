// SPDX-License-Identifier: MIT
// A library to be loaded and unloaded: it allocates when it comes, while it is used, and in thread
// keys, and frees some of it when it goes.

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static char *made_on_load;
static _Thread_local char *of_this_thread;

__attribute__((constructor)) static void on_load(void)
{
    made_on_load = malloc(5000);
    if (made_on_load != NULL) {
        memset(made_on_load, 'l', 5000);
    }
}

__attribute__((destructor)) static void on_unload(void)
{
    free(made_on_load);
}

// A chunk that the caller frees; NULL when anything went wrong.
__attribute__((visibility("default"))) char *plugin_work(size_t bytes);

char *plugin_work(size_t bytes)
{
    free(of_this_thread);
    of_this_thread = malloc(100);
    char *ptr = calloc(1, bytes);
    if (made_on_load == NULL || made_on_load[4999] != 'l' || of_this_thread == NULL) {
        return NULL;
    }
    free(of_this_thread);
    of_this_thread = NULL;
    return ptr;
}
