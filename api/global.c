// SPDX-License-Identifier: MIT
#include "api/global.h"

#include "api/give_back.h"
#include "api/memory.h"
#include "api/root.h"
#include "api/watch.h"
#include "core/check.h"

struct global global = {
    .lock = PLATFORM_LOCK_INITIAL,
    .heaps = {.lock = PLATFORM_LOCK_INITIAL},
    .history = {.lock = PLATFORM_LOCK_INITIAL},
    .stacks = {.lock = PLATFORM_LOCK_INITIAL},
};

// What a thread's slot points to before it has a heap.
struct platform_slot_initial {
    struct heap heap;
};

const struct platform_slot_initial platform_slot_initial = {.heap = HEAP_NONE};

// Once in a process: out of the way of all other calls.
__attribute__((noinline, cold)) static void open_arena(void)
{
    const struct arena_config config = {
        .page_bytes = platform_page_bytes(),
        .unit_bytes = GLOBAL_UNIT_BYTES,
        .run_bytes_max = GLOBAL_RUN_BYTES_MAX,
        .dirty_bytes_max = GLOBAL_DIRTY_BYTES_MAX,
        .zone_bytes_max = SIZE_MAX,
        .stack_bytes_max = GLOBAL_STACK_BYTES_MAX,
        .hand_bytes_max = GLOBAL_HAND_BYTES_MAX,
        .parcel_count = GLOBAL_PARCEL_COUNT,
        .wide = true,
    };
    CHECK(config.page_bytes <= config.unit_bytes);
    arena_init(&global.arena, &config);
    uintptr_t first = (uintptr_t)global.first;
    struct need plan =
        arena_plan_section(&global.arena, first, sizeof(global.first), GLOBAL_HEAP_BYTES);
    CHECK(plan.kind == NEED_COMMIT);
    bool rests = root_rest(first, sizeof(global.first), plan.commit[1].base + plan.commit[1].bytes);
    CHECK(arena_add_section(&global.arena, first, sizeof(global.first), rests ? &plan : NULL));
    // It lies in the middle of a loaded object, where nothing else is to be mapped.
    arena_first_section(&global.arena)->keeps_end = true;
    memory_note_space();
}

// In a child: what the parent's other threads were doing, with a heap or without one, is not known, so that all heaps are made
// anew. Not before a thread wants one, and then that may be any, for the child's first thread can make others without a call of
// ours: until then none has a heap.
static void revive(void)
{
    heap_revive(&global.arena, NULL);
    // Release: who finds it so without the lock finds all the rest (global_heap_get).
    atomic_store_explicit(&global.is_child, false, memory_order_release);
}

// The calling thread has no heap from now on, and nothing to leave.
static void give_up_heap(void)
{
    platform_slot_set((void *)&platform_slot_initial);
    platform_aside_set(NULL);
    (void)platform_at_thread_exit(&global.exit, NULL);
    holders_clear(&global.holders);
}

// Apart, so that who takes the lock pays nothing for it.
__attribute__((noinline)) static void make_ready(void)
{
    if (global.arena.section_count == 0) {
        open_arena();
    }
    if (atomic_load_explicit(&global.is_child, memory_order_relaxed)) {
        revive();
    }
    global.is_ready = true;
}

void global_lock(void)
{
    if (global_is_forking()) {
        return;
    }
    platform_lock(&global.lock);
    if (__builtin_expect(!global.is_ready, 0)) {
        make_ready();
    }
}

void global_unlock(void)
{
    global_unlock_other(&global.lock);
}

// Whether a child's arena and all its heaps are as they should be: for those who ask for it.
static void audit(void)
{
    static const char words[] = "ft_malloc: the heap of a forked child is not valid\n";
    global_lock();
    bool is_valid = arena_is_valid(&global.arena);
    for (struct heap *heap = offset_to(&global.arena, global.arena.heaps); heap != NULL && is_valid;
         heap = offset_to(&global.arena, heap->next_heap)) {
        is_valid = heap_is_valid(heap);
    }
    global_unlock();
    if (!is_valid) {
        platform_write(PLATFORM_ERRORS, words, sizeof(words) - 1);
        platform_abort();
    }
}

// The calling thread ends: its heap waits for the next thread.
static void leave(void *value)
{
    struct heap *heap = value;
    platform_slot_set((void *)&platform_slot_initial);
    platform_aside_set(NULL);
    global_lock();
    (void)holders_take(&global.holders, platform_thread_self());
    heap_retire(heap);
    give_back_pages(heap);
    give_back_runs(SIZE_CLASS_COUNT);
    global_unlock();
}

// Locks in this order: libc's list of streams, the heaps of the program's own, the arena, the history, call stacks, the trace's.
static void before_fork(void)
{
    bool has_streams = platform_streams_lock();
    heaps_before_fork(&global.heaps);
    global_lock();
    watch_before_fork();
    global.has_streams = has_streams;
    global.is_alone = platform_is_alone();
    atomic_store_explicit(&global.forker, platform_thread_self(), memory_order_relaxed);
}

static void after_fork_in_parent(void)
{
    atomic_store_explicit(&global.forker, NULL, memory_order_relaxed);
    bool has_streams = global.has_streams;
    watch_after_fork();
    global_unlock();
    heaps_after_fork(&global.heaps);
    if (has_streams) {
        platform_streams_unlock();
    }
}

static void after_fork_in_child(void)
{
    atomic_store_explicit(&global.forker, NULL, memory_order_relaxed);
    platform_lock_reset(&global.lock);
    if (global.has_streams) {
        platform_streams_reset();
    }
    global.arena.splits =
        true; // what was mapped before the fork and what is after it are not merged
    heaps_after_fork_in_child(&global.heaps);
    uint32_t own_count = heap_is_none(global_heap_own()) ? 0 : 1;
    // Also a thread without a heap may have been inside: it frees without the lock, and lets it go to give memory back.
    bool had_others = !global.is_alone || heap_count_in_use(&global.arena) > own_count;
    if (had_others) {
        give_up_heap();
    }
    atomic_store_explicit(&global.is_child, had_others, memory_order_relaxed);
    global.is_ready = !had_others;
    watch_after_fork_in_child();
    if (global.options.audit == AUDIT_FORK) {
        audit();
    }
}

struct heap *global_heap_common(void)
{
    struct need need;
    struct heap *heap = heap_common(&global.arena, GLOBAL_HEAP_BYTES, &need);
    while (heap == NULL && memory_meet(&need)) {
        heap = heap_common(&global.arena, GLOBAL_HEAP_BYTES, &need);
    }
    return heap;
}

// Whether the calling thread may have a heap by now. A heap takes a page of memory at least, which a thread that
// allocates once or twice is not worth. But SMALL zones are large: the common heap is to have none. And somebody must
// hear of the thread's end.
static bool is_due(size_t bytes)
{
    bool is_small = bytes > SIZE_CLASS_TINY_MAX && bytes <= SIZE_CLASS_SMALL_MAX;
    return !platform_thread_is_ending() &&
           (is_small || platform_thread_count() >= GLOBAL_CALLS_BEFORE_HEAP);
}

// A heap that waits for a thread, or a new one.
static struct heap *acquire(void)
{
    struct need need;
    struct heap *heap = heap_acquire(&global.arena, GLOBAL_HEAP_BYTES, &need);
    while (heap == NULL && memory_meet(&need)) {
        heap = heap_acquire(&global.arena, GLOBAL_HEAP_BYTES, &need);
    }
    return heap;
}

// A heap for a thread that will end: the one of a thread that has ended where this one is, if that could not be told.
static struct heap *acquire_held(void)
{
    const void *self = platform_thread_self();
    struct heap *heap = holders_take(&global.holders, self);
    heap = heap != NULL ? heap : acquire();
    if (heap != NULL) {
        holders_note(&global.holders, self, heap);
    }
    return heap;
}

void global_put_aside(void)
{
    struct heap *heap = global_heap();
    if (!heap_is_none(heap)) {
        platform_aside_set(heap);
        platform_slot_set((void *)&platform_slot_initial);
    }
}

struct heap *global_heap_get(size_t bytes)
{
    struct heap *heap = global_heap_own();
    if (!heap_is_none(heap)) {
        return heap;
    }
    // Acquire: pairs with revive(), which another thread may have come to first.
    if (atomic_load_explicit(&global.is_child, memory_order_acquire)) {
        global_lock();
        global_unlock();
    }
    if (atomic_load_explicit(&global.has_first, memory_order_relaxed) && !is_due(bytes)) {
        return NULL;
    }
    global_lock();
    platform_exit_open(&global.exit, leave);
    bool is_first = global.arena.heap_count == 0;
    if (is_first) {
        heap = acquire();
    } else {
        heap = global.exit.has_key ? acquire_held() : NULL;
    }
    global_unlock();
    if (heap == NULL) {
        return NULL;
    }
    platform_slot_set(heap);
    if (watch_is_on()) {
        global_put_aside();
    }
    // Both may allocate, from the heap that the thread has by now.
    if (is_first) {
        atomic_store_explicit(&global.has_first, true, memory_order_relaxed);
        // Before any other library can: handlers run in reverse order before a fork, so that the lock is
        // taken last, and in order after it.
        platform_at_fork(before_fork, after_fork_in_parent, after_fork_in_child);
    }
    // Of the process's first thread nobody hears, if it does not end before the process (pthread_exit): that keeps its heap.
    (void)platform_at_thread_exit(&global.exit, heap);
    return heap;
}

void global_keep(size_t bytes)
{
    // Relaxed: heaps look at it without the lock, whenever.
    atomic_store_explicit((_Atomic size_t *)&global.arena.config.dirty_bytes_max, bytes,
                          memory_order_relaxed);
}

// What the options say of how much there may be. The arena may have served others before they could be read.
static void apply_bounds(void)
{
    const struct options *options = &global.options;
    size_t limit = options->limit;
    if (limit == options_word(LIMIT_CGROUP)) {
        limit = platform_group_limit("");
    }
    global_lock();
    if (limit < options_word(LIMIT_CGROUP)) {
        global.arena.config.limit_bytes = limit > 0 ? limit : 1;
        memory_note_space();
    }
    if (options->reserve != options_word(RESERVE_USUAL)) {
        global_keep(options->reserve);
    }
    if (options->mapping != options_word(MAPPING_USUAL)) {
        size_t least = SIZE_CLASS_SMALL_MAX;
        global.arena.config.run_bytes_max = options->mapping > least ? options->mapping : least;
    }
    if (options->cache != options_word(CACHE_USUAL)) {
        global.arena.config.stack_bytes_max = options->cache;
        size_t usual = GLOBAL_HAND_BYTES_MAX;
        global.arena.config.hand_bytes_max =
            (uint32_t)(options->cache < usual ? options->cache : usual);
    }
    // Memory that was asked to be huge and what takes its place are not merged.
    global.arena.splits = global.arena.splits || options->huge == SWITCH_ON;
    global_unlock();
}

void global_begin(void)
{
    if (!atomic_load_explicit(&global.has_first, memory_order_relaxed)) {
        (void)global_heap_get(0);
    }
}

__attribute__((constructor)) void global_start(void)
{
    options_read(&global.options);
    apply_bounds();
    output_open();
    (void)global_heap_get(0);
    watch_start();
}
