// SPDX-License-Identifier: MIT
// Libraries that come and go. Compiled twice: linked with our library, it loads and unloads a plug-in
// that allocates; not linked with it, it loads our library itself, late and beside libc's malloc.
// The paths of the plug-in and of our library are its arguments.

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"

#include <stdlib.h>

static const char *plugin_path;
static const char *library_path;

// Stores a function's address into a function pointer, which ISO C has no cast for.
static void find_function(void *pointer, void *library, const char *name)
{
    void *symbol = dlsym(library, name);
    if (symbol == NULL) {
        fail_msg("%s: %s", name, dlerror());
    }
    memcpy(pointer, &symbol, sizeof symbol);
}

static void *load(const char *path, int flags)
{
    void *library = dlopen(path, flags);
    if (library == NULL) {
        fail_msg("%s", dlerror());
    }
    return library;
}

static void a_plugin_that_allocates_is_loaded_and_unloaded_again_and_again(void **state)
{
    (void)state;
    for (int round = 0; round < 100; round++) {
        void *plugin = load(plugin_path, round % 2 == 0 ? RTLD_LAZY : RTLD_NOW);
        char *(*work)(size_t);
        find_function(&work, plugin, "plugin_work");
        char *ptr = work(4000);
        assert_non_null(ptr);
        assert_int_equal(dlclose(plugin), 0);
        // The chunk outlives the code that made it.
        assert_true(bytes_are(ptr, 4000, 0));
        free(ptr);
    }
}

// The entry points of a copy of our library that was loaded late.
struct copy {
    void *(*malloc)(size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
};

static struct copy load_copy(void *library)
{
    struct copy copy;
    find_function(&copy.malloc, library, "malloc");
    find_function(&copy.realloc, library, "realloc");
    find_function(&copy.free, library, "free");
    return copy;
}

static void *work_with_copy(void *argument)
{
    const struct copy *copy = argument;
    void *ptrs[200] = {NULL};
    uint64_t seed = 3;
    for (int step = 0; step < 5000; step++) {
        size_t index = random_below(&seed, 200);
        copy->free(ptrs[index]);
        size_t bytes = random_size(&seed) / 8;
        ptrs[index] = copy->realloc(copy->malloc(bytes / 2), bytes + 1);
        pattern_fill(ptrs[index], bytes, index);
    }
    for (size_t index = 0; index < 200; index++) {
        copy->free(ptrs[index]);
    }
    return NULL;
}

static void our_library_works_when_it_is_loaded_late(void **state)
{
    (void)state;
    // It may stay for good after dlclose; threads that used it end after it was closed.
    for (int round = 0; round < 3; round++) {
        void *library = load(library_path, RTLD_LAZY | RTLD_LOCAL);
        struct copy copy = load_copy(library);
        pthread_t threads[4];
        for (int index = 0; index < 4; index++) {
            assert_int_equal(pthread_create(&threads[index], NULL, work_with_copy, &copy), 0);
        }
        work_with_copy(&copy);
        for (int index = 0; index < 4; index++) {
            pthread_join(threads[index], NULL);
        }
        assert_int_equal(dlclose(library), 0);
        void *ptr = malloc(100);
        assert_non_null(ptr);
        free(ptr);
    }
}

struct waiting {
    struct copy copy;
    pthread_barrier_t used;
    pthread_barrier_t closed;
};

static void *use_and_outlive(void *argument)
{
    struct waiting *waiting = argument;
    waiting->copy.free(waiting->copy.malloc(100));
    pthread_barrier_wait(&waiting->used);
    pthread_barrier_wait(&waiting->closed);
    return NULL;
}

static void a_thread_may_end_after_our_library_was_closed(void **state)
{
    (void)state;
    static struct waiting waiting;
    void *library = load(library_path, RTLD_LAZY | RTLD_LOCAL);
    waiting.copy = load_copy(library);
    pthread_barrier_init(&waiting.used, NULL, 2);
    pthread_barrier_init(&waiting.closed, NULL, 2);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, use_and_outlive, &waiting), 0);
    pthread_barrier_wait(&waiting.used);
    dlclose(library);
    pthread_barrier_wait(&waiting.closed);
    assert_int_equal(pthread_join(thread, NULL), 0);
}

int main(int argument_count, char **arguments)
{
    if (argument_count != 3) {
        fprintf(stderr, "usage: %s PLUGIN LIBRARY\n", arguments[0]);
        return 2;
    }
    plugin_path = arguments[1];
    library_path = arguments[2];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plugin_that_allocates_is_loaded_and_unloaded_again_and_again),
        cmocka_unit_test(our_library_works_when_it_is_loaded_late),
        cmocka_unit_test(a_thread_may_end_after_our_library_was_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
