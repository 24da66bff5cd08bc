// SPDX-License-Identifier: MIT
// The owner of a chunk frees it, then another thread does.

#include <pthread.h>

#include "tests/misuse/misuse.h"

static void *free_in_thread(void *ptr)
{
    free(ptr);
    return NULL;
}

int main(void)
{
    pthread_t thread;
    void *ptr = malloc(TINY_BYTES);
    free(ptr);
    pthread_create(&thread, NULL, free_in_thread, launder(ptr));
    pthread_join(thread, NULL);
    return heap_works() ? 0 : 1;
}
