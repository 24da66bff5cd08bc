// SPDX-License-Identifier: MIT
#include "api/settle.h"

#include "api/give_back.h"
#include "api/global.h"
#include "api/locate.h"
#include "api/memory.h"
#include "api/report.h"
#include "core/chunk.h"
#include "core/heap_stacks.h"
#include "core/misuse.h"

void settle_twice(const char *call)
{
    void *twice = heap_freed_twice(&global.arena);
    if (twice != NULL) {
        struct chunk chunk = locate_chunk(twice);
        report_misuse(call, MISUSE_RACING_FREE, twice, 0, &chunk);
    }
}

// With the lock held. Gives a heap the memory for its stacks that it wants.
static void give_memory(struct heap *heap)
{
    struct need need;
    if (!heap_take_memory(heap, &need) && memory_try(&need)) {
        (void)heap_take_memory(heap, &need);
    }
}

void settle_heap(struct heap *heap)
{
    bool wants = heap != NULL && (heap_has_empty(heap) || heap_wants_memory(heap));
    if (wants || heap_has_idle_home(&global.arena)) {
        global_lock();
        size_t before = global.arena.zone_count;
        while (heap != NULL && heap_give_empty(heap)) {
        }
        if (heap != NULL && heap_wants_memory(heap)) {
            give_memory(heap);
        }
        struct heap *idle = heap_receive_idle(&global.arena);
        if (idle != NULL) {
            give_back_pages(idle);
        }
        give_back_runs(before - global.arena.zone_count);
        global_unlock();
    }
    if (heap != NULL) {
        give_back_pages(heap);
        give_back_demanded(heap);
    }
}
