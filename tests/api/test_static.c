// SPDX-License-Identifier: MIT
// The archive: linked into a program it serves malloc, also libc's own calls of it, and its inner
// names do not get in the way of the program's. Linked once with a shared libc, once with a static.

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/api/show.h"
#include "tests/api/pattern.h"
#include "tests/api/entry.h"

// Names that the layers of the allocator have or may have; the program's are its own.
int zone_init(int value);
int zone_take(int value);
int zone_give(int value);
int arena_init(int value);
int arena_adopt(int value);
int heap_alloc(int value);
int heap_free(int value);
int run_take(int value);
int size_class_of(int value);
int zone_map_find(int value);
int platform_reserve(int value);
int platform_commit(int value);
int platform_page_bytes(int value);

int zone_init(int value)
{
    return value + 1;
}

int zone_take(int value)
{
    return value + 1;
}

int zone_give(int value)
{
    return value + 1;
}

int arena_init(int value)
{
    return value + 1;
}

int arena_adopt(int value)
{
    return value + 1;
}

int heap_alloc(int value)
{
    return value + 1;
}

int heap_free(int value)
{
    return value + 1;
}

int run_take(int value)
{
    return value + 1;
}

int size_class_of(int value)
{
    return value + 1;
}

int zone_map_find(int value)
{
    return value + 1;
}

int platform_reserve(int value)
{
    return value + 1;
}

int platform_commit(int value)
{
    return value + 1;
}

int platform_page_bytes(int value)
{
    return value + 1;
}

static int call_our_own_names(void)
{
    int sum = zone_init(0) + zone_take(0) + zone_give(0) + arena_init(0) + arena_adopt(0);
    sum += heap_alloc(0) + heap_free(0) + run_take(0) + size_class_of(0) + zone_map_find(0);
    return sum + platform_reserve(0) + platform_commit(0) + platform_page_bytes(0);
}

static void *allocate(void *argument)
{
    uint64_t seed = (uintptr_t)argument;
    for (int step = 0; step < 5000; step++) {
        size_t bytes = random_size(&seed) / 4;
        void *ptr = malloc(bytes);
        pattern_fill(ptr, bytes, seed);
        if (!pattern_holds(ptr, bytes, seed)) {
            return (void *)1;
        }
        free(ptr);
    }
    return NULL;
}

static int failure_count;

static void expect(bool condition, const char *sentence)
{
    printf("%s: %s\n", condition ? "ok" : "FAILED", sentence);
    failure_count += condition ? 0 : 1;
}

int main(void)
{
    void *ptr = malloc(4242);
    expect(show_has(show_alloc_mem, ptr, 4242), "malloc is ours");
    free(ptr);
    char *word = strdup("0123456789");
    expect(show_has(show_alloc_mem, word, 11), "libc's own calls come to us");
    free(word);
    expect(call_our_own_names() == 13, "the program's functions are its own");

    pthread_t threads[4];
    void *results[4];
    for (uintptr_t index = 0; index < 4; index++) {
        pthread_create(&threads[index], NULL, allocate, (void *)(index + 1));
    }
    for (int index = 0; index < 4; index++) {
        pthread_join(threads[index], &results[index]);
        expect(results[index] == NULL, "a thread allocates");
    }
    return failure_count == 0 ? 0 : 1;
}
