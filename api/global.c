// SPDX-License-Identifier: MIT
#include "api/global.h"

#include "api/memory.h"
#include "core/check.h"

struct global global = {.lock = PLATFORM_LOCK_INITIAL};

// What a thread's slot points to before it has a heap.
struct platform_slot_initial {
    struct heap heap;
};

const struct platform_slot_initial platform_slot_initial = {.heap = HEAP_NONE};

static void open_arena(void)
{
    const struct arena_config config = {
        .page_bytes = platform_page_bytes(),
        .unit_bytes = GLOBAL_UNIT_BYTES,
        .run_bytes_max = GLOBAL_RUN_BYTES_MAX,
        .dirty_bytes_max = GLOBAL_DIRTY_BYTES_MAX,
        .zone_bytes_max = SIZE_MAX,
        .stack_bytes_max = GLOBAL_STACK_BYTES_MAX,
        .wide = true,
    };
    CHECK(config.page_bytes <= config.unit_bytes);
    arena_init(&global.arena, &config);
    CHECK(arena_add_section(&global.arena, (uintptr_t)global.first, sizeof(global.first), NULL));
}

// Whether the calling thread is in the middle of a fork, and so has the lock. No other thread's heap is
// ever found there by the thread that owns it.
static bool is_forking(void)
{
    return atomic_load_explicit(&global.forker, memory_order_relaxed) == global_heap();
}

void global_lock(void)
{
    if (is_forking()) {
        return;
    }
    platform_lock(&global.lock);
    if (global.arena.section_count == 0) {
        open_arena();
    }
}

void global_unlock(void)
{
    if (!is_forking()) {
        platform_unlock(&global.lock);
    }
}

// The calling thread ends: its heap waits for the next thread.
static void leave(void *value)
{
    struct heap *heap = value;
    platform_slot_set((void *)&platform_slot_initial);
    global_lock();
    heap_retire(heap);
    global_unlock();
}

// Without a heap, the forking thread cannot be told from others; its handlers must not allocate then.
static void before_fork(void)
{
    struct heap *heap = global_heap_get();
    global_lock();
    atomic_store_explicit(&global.forker, heap, memory_order_relaxed);
}

static void after_fork_in_parent(void)
{
    atomic_store_explicit(&global.forker, NULL, memory_order_relaxed);
    global_unlock();
}

static void after_fork_in_child(void)
{
    atomic_store_explicit(&global.forker, NULL, memory_order_relaxed);
    platform_lock_reset(&global.lock);
}

struct heap *global_heap_get(void)
{
    struct heap *heap = global_heap();
    if (!heap_is_none(heap)) {
        return heap;
    }
    global_lock();
    bool is_first = global.arena.heap_count == 0;
    struct need need;
    heap = heap_acquire(&global.arena, GLOBAL_HEAP_BYTES, &need);
    while (heap == NULL && memory_meet(&need)) {
        heap = heap_acquire(&global.arena, GLOBAL_HEAP_BYTES, &need);
    }
    platform_exit_open(&global.exit);
    global_unlock();
    if (heap == NULL) {
        return NULL;
    }
    platform_slot_set(heap);
    // Both may allocate, from the heap that the slot holds by now.
    if (is_first) {
        // Before any other library can: handlers run in reverse order before a fork, so that the lock is
        // taken last, and in order after it. The process's first thread keeps its heap to the end.
        platform_at_fork(before_fork, after_fork_in_parent, after_fork_in_child);
    } else {
        (void)platform_at_thread_exit(&global.exit, leave, heap);
    }
    return heap;
}

__attribute__((constructor)) void global_start(void)
{
    options_read(&global.options);
    (void)global_heap_get();
}
