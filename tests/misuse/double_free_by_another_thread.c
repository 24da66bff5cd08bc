// SPDX-License-Identifier: MIT
// Another thread frees a chunk, then its owner does.

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
    pthread_create(&thread, NULL, free_in_thread, ptr);
    pthread_join(thread, NULL);
    free(launder(ptr));
    return heap_works() ? 0 : 1;
}
