// SPDX-License-Identifier: MIT
#include "tests/core/home_scene.h"

#include "tests/core/test.h"

void home_scene_begin(struct home_scene *scene, size_t parcel_count)
{
    driver_begin(&scene->driver, &(struct driver_options){.unit_bytes = SCENE_UNIT,
                                                          .section_bytes = 4 << 20,
                                                          .parcel_count = parcel_count});
    scene->arena = scene->driver.arena;
    scene->a = driver_acquire(&scene->driver, SCENE_HEAP_BYTES);
    scene->b = driver_acquire(&scene->driver, SCENE_HEAP_BYTES);
    scene->c = driver_acquire(&scene->driver, SCENE_HEAP_BYTES);
    assert_true(scene->a != NULL && scene->b != NULL && scene->c != NULL);
}

void home_scene_end(struct home_scene *scene)
{
    driver_end(&scene->driver);
}

void *home_scene_alloc(struct home_scene *scene, struct heap *heap, size_t bytes)
{
    void *ptr = driver_alloc(&scene->driver, heap, bytes, 16).ptr;
    assert_non_null(ptr);
    return ptr;
}

struct zone *home_scene_fill(struct home_scene *scene, struct heap *heap, size_t bytes,
                             void **chunks, uint32_t *count)
{
    chunks[0] = home_scene_alloc(scene, heap, bytes);
    struct zone *zone = home_scene_at(scene, chunks[0]).zone;
    assert_in_range(zone->chunk_count, 1, SCENE_COUNT_MAX);
    for (uint32_t index = 1; index < zone->chunk_count; index++) {
        chunks[index] = home_scene_alloc(scene, heap, bytes);
        assert_ptr_equal(home_scene_at(scene, chunks[index]).zone, zone);
    }
    assert_int_equal(zone->owner, ZONE_OWNER_FULL);
    if (count != NULL) {
        *count = zone->chunk_count;
    }
    return zone;
}

struct zone *home_scene_fill_but_one(struct home_scene *scene, struct heap *heap, size_t bytes,
                                     void **chunks)
{
    uint32_t count;
    struct zone *zone = home_scene_fill(scene, heap, bytes, chunks, &count);
    home_scene_put(scene, heap, chunks[count - 1]);
    heap_flush(heap);
    assert_true(heap_owns(heap, zone));
    assert_int_equal(zone_available(zone), 1);
    return zone;
}

struct chunk home_scene_at(const struct home_scene *scene, const void *ptr)
{
    return chunk_locate(scene->arena, ptr);
}

bool home_scene_send(struct home_scene *scene, struct heap *heap, const void *ptr)
{
    struct chunk chunk = home_scene_at(scene, ptr);
    return heap_send(heap, scene->arena, &chunk);
}

void home_scene_put(struct home_scene *scene, struct heap *heap, const void *ptr)
{
    struct chunk chunk = home_scene_at(scene, ptr);
    assert_true(heap_owns(heap, chunk.zone) || heap_take_back(heap, chunk.zone));
    assert_true(heap_put(heap, &chunk));
}

static bool leads_to(const struct home_scene *scene, uintptr_t at, const struct zone *zone)
{
    while (at != 0) {
        const struct zone *record = offset_to(scene->arena, at);
        if (record == zone) {
            return true;
        }
        at = zone_mail(record)->next;
    }
    return false;
}

bool home_scene_is_listed(const struct home_scene *scene, const struct home_list *list,
                          const struct zone *zone)
{
    return leads_to(scene, list->first, zone) || leads_to(scene, list->rest, zone);
}

struct home_list *home_scene_full(const struct home_scene *scene, const struct zone *zone)
{
    struct section *section = offset_to(scene->arena, zone->section);
    return &section->classes[zone->size_class].full;
}

bool home_scene_is_sent(const struct home_scene *scene, const void *ptr)
{
    struct chunk chunk = home_scene_at(scene, ptr);
    uintptr_t word = *zone_home_word(chunk.zone, chunk.index / (uint32_t)BITS_PER_WORD);
    return (word >> chunk.index % BITS_PER_WORD & 1) != 0;
}

void home_scene_set_state(const struct home_scene *scene, const void *ptr, unsigned state)
{
    struct chunk chunk = home_scene_at(scene, ptr);
    zone_set_state(chunk.zone, chunk.index, state);
}

void home_scene_set_bit(const struct home_scene *scene, const void *ptr)
{
    struct chunk chunk = home_scene_at(scene, ptr);
    uintptr_t bit = (uintptr_t)1 << chunk.index % BITS_PER_WORD;
    assert_int_equal(zone_send(chunk.zone, chunk.index / (uint32_t)BITS_PER_WORD, bit), 0);
}

uint32_t home_scene_take_all(struct home_scene *scene, struct heap *heap, size_t bytes)
{
    void *taken[SCENE_COUNT_MAX];
    uint32_t count = 0;
    unsigned size_class = size_class_of(bytes);
    struct grant grant = heap_take(heap, size_class, bytes, SIZE_CLASS_STEP);
    while (grant.ptr != NULL ||
           (heap_adopt(heap, size_class, true) &&
            (grant = heap_take(heap, size_class, bytes, SIZE_CLASS_STEP)).ptr)) {
        assert_true(count < SCENE_COUNT_MAX);
        for (uint32_t index = 0; index < count; index++) {
            assert_ptr_not_equal(taken[index], grant.ptr);
        }
        taken[count++] = grant.ptr;
        assert_int_equal(home_scene_at(scene, grant.ptr).status, CHUNK_LIVE);
        grant = heap_take(heap, size_class, bytes, SIZE_CLASS_STEP);
    }
    return count;
}
