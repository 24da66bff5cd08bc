// SPDX-License-Identifier: MIT
#include "tests/core/return_scene.h"

#include "core/heap_zones.h"
#include "tests/core/test.h"

#include <string.h>

struct return_scene scene;

void return_scene_begin(size_t dirty_bytes_max)
{
    driver_begin(&scene.driver, &(struct driver_options){.unit_bytes = UNIT,
                                                         .page_bytes = PAGE,
                                                         .dirty_bytes_max = dirty_bytes_max,
                                                         .parcel_count = 8,
                                                         .section_bytes = 32 * MIB});
    scene.heap = driver_acquire(&scene.driver, HEAP_BYTES);
    assert_non_null(scene.heap);
}

void return_scene_end(void)
{
    assert_true(driver_is_valid(&scene.driver));
    driver_end(&scene.driver);
}

void return_scene_fill(struct heap *owner, size_t bytes, unsigned count)
{
    for (unsigned index = 0; index < count; index++) {
        scene.chunks[index] = driver_alloc(&scene.driver, owner, bytes, 16).ptr;
        assert_non_null(scene.chunks[index]);
        memset(scene.chunks[index], OLD, bytes);
    }
}

void return_scene_put(struct heap *owner, void *ptr)
{
    struct chunk chunk = chunk_locate(scene.driver.arena, ptr);
    assert_true(chunk_is_held_at(&chunk, ptr));
    assert_true(heap_owns(owner, chunk.zone) || heap_take_back(owner, chunk.zone));
    assert_true(heap_put(owner, &chunk));
}

void return_scene_put_some(struct heap *owner, unsigned first, unsigned end)
{
    for (unsigned index = first; index < end; index++) {
        return_scene_put(owner, scene.chunks[index]);
    }
    heap_flush(owner);
}

void return_scene_thin_out(struct heap *owner, unsigned count, unsigned step)
{
    for (unsigned index = 0; index < count; index++) {
        if (index % step != 0) {
            return_scene_put(owner, scene.chunks[index]);
            scene.chunks[index] = NULL;
        }
    }
    heap_flush(owner);
    while (heap_give_empty(owner)) {
    }
}

struct zone *return_scene_zone_of(const void *ptr)
{
    return chunk_locate(scene.driver.arena, ptr).zone;
}

struct zone *return_scene_zone_of_leaving(const struct leaving *leaving)
{
    struct zone *zone = offset_to(scene.driver.arena, leaving->record);
    assert_ptr_equal(zone, zone_map_find(&scene.driver.arena->map, (void *)leaving->range.base));
    return zone;
}

bool return_scene_next(size_t least_bytes, size_t zone_count, struct leaving *leaving)
{
    *leaving = (struct leaving){.kind = LEAVING_NOTHING};
    bool any = heap_next_leaving(scene.heap, least_bytes, zone_count, leaving);
    assert_int_equal(any, leaving->kind == LEAVING_PAGES);
    if (any) {
        assert_true(leaving->range.bytes >= least_bytes);
        assert_int_equal(leaving->range.base % PAGE, 0);
        assert_int_equal(leaving->range.bytes % PAGE, 0);
    }
    return any;
}

void return_scene_left(const struct leaving *leaving, enum left what)
{
    if (what == LEFT_CLEAN) {
        memset((void *)leaving->range.base, 0, leaving->range.bytes);
    }
    heap_left(scene.heap, leaving, what);
    assert_true(heap_is_valid(scene.heap));
}

void return_scene_three_zones(struct zone *order[3])
{
    return_scene_begin(MIB);
    return_scene_fill(scene.heap, CHUNK, 384);
    for (unsigned index = 0; index < 384; index++) {
        unsigned at = index % 128;
        if ((at >= 8 && at < 32) || (at >= 64 && at < 96)) {
            return_scene_put(scene.heap, scene.chunks[index]);
        }
    }
    heap_flush(scene.heap);
    uintptr_t at = 0;
    for (unsigned fill = 0; fill < ZONE_FILL_COUNT && at == 0; fill++) {
        at = heap_lists(scene.heap, return_scene_zone_of(scene.chunks[0])->size_class)[fill];
    }
    for (unsigned index = 0; index < 3; index++) {
        order[index] = offset_to(scene.driver.arena, at);
        assert_non_null(order[index]);
        at = order[index]->next;
    }
    assert_int_equal(at, 0);
}
