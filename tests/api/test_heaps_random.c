// SPDX-License-Identifier: MIT
// Random operations on heaps of every kind beside malloc, against a model of their chunks.

#include <errno.h>
#include <stdbool.h>

#include "core/ft_core.h"
#include "tests/api/cmocka_api.h"
#include "tests/api/pattern.h"
#include "tests/api/entry.h"

enum { CHUNK_COUNT = 300, STEP_COUNT = 60000 / SHORTER, KIND_COUNT = 5 };

struct chunk {
    unsigned char *ptr;
    size_t bytes;
    uint64_t seed;
};

struct model {
    struct ft_heap *heap;
    struct chunk chunks[CHUNK_COUNT];
    size_t used_bytes;
    size_t chunk_count;
    size_t failure_count;
};

static unsigned char buffer[300000];

static const struct ft_heap_options kinds[KIND_COUNT] = {
    {.tag = "no limit"},
    {.limit_bytes = 200000},
    {.limit_bytes = 5000000, .is_single_threaded = true},
    {.first_bytes = 70000, .limit_bytes = 20000000},
    {.buffer = buffer, .buffer_bytes = sizeof buffer},
};

static void note(struct model *model, struct chunk *chunk, void *ptr, size_t bytes, uint64_t seed)
{
    *chunk = (struct chunk){.ptr = ptr, .bytes = bytes, .seed = seed};
    model->used_bytes += bytes;
    model->chunk_count++;
    pattern_fill(ptr, bytes, seed);
}

static void forget(struct model *model, struct chunk *chunk)
{
    model->used_bytes -= chunk->bytes;
    model->chunk_count--;
    chunk->ptr = NULL;
}

static void make(struct model *model, struct chunk *chunk, uint64_t *seed)
{
    size_t bytes = random_size(seed);
    size_t align = (size_t)1 << random_below(seed, 14);
    void *ptr;
    errno = 0;
    switch (random_below(seed, 4)) {
    case 0:
        ptr = ft_heap_calloc(model->heap, 1, bytes);
        assert_true(ptr == NULL || bytes_are(ptr, bytes, 0));
        break;
    case 1:
        ptr = ft_heap_aligned_alloc(model->heap, align, bytes);
        assert_true(ptr == NULL || is_aligned(ptr, align));
        break;
    default: ptr = ft_heap_malloc(model->heap, bytes); break;
    }
    assert_int_equal(errno, ptr != NULL ? 0 : ENOMEM);
    if (ptr == NULL) {
        model->failure_count++;
        return;
    }
    note(model, chunk, ptr, bytes, random_next(seed));
}

static void resize(struct model *model, struct chunk *chunk, uint64_t *seed)
{
    size_t bytes = random_size(seed) + 1;
    struct chunk old = *chunk;
    unsigned char *ptr = ft_heap_realloc(model->heap, old.ptr, bytes);
    if (ptr == NULL) {
        model->failure_count++;
        assert_true(pattern_holds(old.ptr, old.bytes, old.seed));
        return;
    }
    // Whole words of the pattern, as the last one may be cut.
    size_t kept = (bytes < old.bytes ? bytes : old.bytes) & ~(size_t)7;
    assert_true(pattern_holds(ptr, kept, old.seed));
    forget(model, chunk);
    note(model, chunk, ptr, bytes, random_next(seed));
}

static void step(struct model *model, uint64_t *seed)
{
    struct chunk *chunk = &model->chunks[random_below(seed, CHUNK_COUNT)];
    if (chunk->ptr == NULL) {
        make(model, chunk, seed);
        return;
    }
    assert_true(pattern_holds(chunk->ptr, chunk->bytes, chunk->seed));
    assert_int_equal(ft_heap_usable_size(model->heap, chunk->ptr), chunk->bytes);
    if (random_below(seed, 3) == 0) {
        resize(model, chunk, seed);
    } else {
        ft_heap_free(model->heap, chunk->ptr);
        forget(model, chunk);
    }
}

static void compare(const struct model *model)
{
    struct ft_heap_figures figures = ft_heap_figures(model->heap);
    assert_int_equal(figures.chunk_count, model->chunk_count);
    assert_int_equal(figures.used_bytes, model->used_bytes);
    assert_int_equal(figures.failure_count, model->failure_count);
    assert_true(figures.limit_bytes == 0 || figures.memory_bytes <= figures.limit_bytes);
    struct ft_core_walk walk = {.cursor = {0}};
    struct ft_core_item item;
    size_t bytes = 0;
    size_t count = 0;
    while (ft_heap_next(model->heap, &walk, &item)) {
        bytes += item.is_zone ? 0 : item.bytes;
        count += !item.is_zone;
    }
    assert_int_equal(count, model->chunk_count);
    assert_int_equal(bytes, model->used_bytes);
}

static void reset(struct model *model)
{
    for (size_t index = 0; index < CHUNK_COUNT; index++) {
        if (model->chunks[index].ptr != NULL) {
            forget(model, &model->chunks[index]);
        }
    }
    ft_heap_reset(model->heap);
}

static void heaps_of_all_kinds_do_as_the_model(void **state)
{
    (void)state;
    static struct model models[KIND_COUNT];
    uint64_t seed = 2024;
    for (size_t kind = 0; kind < KIND_COUNT; kind++) {
        models[kind].heap = ft_heap_create(&kinds[kind]);
        assert_non_null(models[kind].heap);
    }
    for (size_t number = 0; number < STEP_COUNT; number++) {
        struct model *model = &models[random_below(&seed, KIND_COUNT)];
        step(model, &seed);
        if (random_below(&seed, 2000) == 0) {
            compare(model);
            reset(model);
        } else if (random_below(&seed, 500) == 0) {
            (void)ft_heap_trim(model->heap);
            compare(model);
        }
        if (random_below(&seed, 10) == 0) {
            free(malloc(random_size(&seed)));
        }
    }
    for (size_t kind = 0; kind < KIND_COUNT; kind++) {
        compare(&models[kind]);
        // The unlimited one is never refused, the narrow ones are.
        assert_true(kind != 0 || models[kind].failure_count == 0);
        assert_true(kind != 1 || models[kind].failure_count != 0);
        ft_heap_destroy(models[kind].heap);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heaps_of_all_kinds_do_as_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
