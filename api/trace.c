// SPDX-License-Identifier: MIT
#include "api/trace.h"

#include "api/global.h"
#include "api/modules.h"
#include "api/trace_file.h"
#include "core/backtrace.h"
#include "core/bits.h"
#include "core/trace_block.h"
#include "core/walk.h"

#include <string.h>

enum {
    LANE_COUNT = 16,
    LEAST_ROOM = 2 * TRACE_RECORD_BYTES_MAX, // for a call, and perhaps its thread before it
    CALLS_A_LOOK = 16, // of a lane, for one at the clock, which takes as long as half a call
};

// Whether it is a child that goes through its handlers, before ours was called: what is mapped is the parent's file.
static bool has_parents_file(const struct trace *trace)
{
    return global_is_forking() && platform_process() != trace->process;
}

// ---- lanes ----------------------------------------------------------------------------------------

static void tell_end(struct trace *trace)
{
    if (!atomic_exchange_explicit(&trace->is_over, true, memory_order_relaxed)) {
        trace_file_complain("no more calls are traced: there is no room for more of",
                            global.options.trace);
    }
}

static void leave_block(struct trace_lane *lane)
{
    if (lane->block != NULL) {
        trace_block_close(lane->block, lane->used - TRACE_HEAD_BYTES);
        // What cannot be given back stays mapped, to no harm.
        (void)platform_release(lane->block, TRACE_BLOCK_BYTES);
        lane->block = NULL;
    }
}

// With the lane's lock held: reads the clock.
static uint64_t look(struct trace_lane *lane)
{
    lane->time = platform_coarse_nanoseconds();
    lane->until_look = CALLS_A_LOOK;
    return lane->time;
}

// With the lane's lock held: the time of a call.
static uint64_t time_of_call(struct trace_lane *lane)
{
    if (lane->until_look == 0) {
        (void)look(lane);
    }
    lane->until_look--;
    return lane->time;
}

// With the lane's lock held: another block for it, in which the next call will be the one after `order`.
static bool enter_block(struct trace *trace, struct trace_lane *lane, uint64_t order)
{
    leave_block(lane);
    uint8_t *block = trace_file_map(trace);
    if (block == NULL) {
        tell_end(trace);
        return false;
    }
    const struct trace_head head = {
        .process = (uint32_t)trace->process,
        .lane = (uint32_t)(lane - trace->lanes),
        .sequence = lane->sequence++,
        .order = order,
        .time = lane->time != 0 ? lane->time : look(lane),
        .began = trace->began,
    };
    trace_block_begin(&head, block);
    lane->state = trace_block_state(&head);
    lane->used = TRACE_HEAD_BYTES;
    lane->block = block;
    return true;
}

static void put(struct trace_lane *lane, const struct trace_record *record)
{
    lane->used += (uint32_t)trace_put(&lane->state, record, lane->block + lane->used);
}

// With the lane's lock held: writes what is no more than a call, and the thread before it if that is another one.
static void write_record(struct trace *trace, struct trace_lane *lane,
                         const struct trace_record *record)
{
    bool has_room =
        lane->block != NULL && TRACE_BLOCK_BYTES - lane->used >= LEAST_ROOM + record->data_bytes;
    if (!has_room && (!trace_is_on(trace) || !enter_block(trace, lane, record->order - 1))) {
        return;
    }
    if (record->thread != lane->state.thread) {
        const struct trace_record thread = {.kind = TRACE_THREAD, .thread = record->thread};
        put(lane, &thread);
    }
    put(lane, record);
}

static struct trace_lane *lane_of(const struct trace *trace, uint32_t thread)
{
    return &trace->lanes[thread % LANE_COUNT];
}

// ---- call stacks ----------------------------------------------------------------------------------

// With the lane's lock held: what the number of a call's stack stands for, the first time that it comes up. Whether it leads
// to what may not be in the file yet.
static bool write_stack(struct trace *trace, struct trace_lane *lane,
                        const struct trace_record *call)
{
    size_t word = call->stack / BITS_PER_WORD;
    uintptr_t bit = (uintptr_t)1 << call->stack % BITS_PER_WORD;
    if (trace->told == NULL || word >= trace->told_bytes / sizeof(uintptr_t) ||
        // Relaxed: who comes second knows that somebody writes it.
        (atomic_load_explicit(&trace->told[word], memory_order_relaxed) & bit) != 0 ||
        (atomic_fetch_or_explicit(&trace->told[word], bit, memory_order_relaxed) & bit) != 0) {
        return false;
    }
    struct backtrace_key key = stacks_frames(call->stack);
    uint64_t frames[BACKTRACE_FRAMES_MAX];
    size_t count = key.count < BACKTRACE_FRAMES_MAX ? key.count : BACKTRACE_FRAMES_MAX;
    for (size_t index = 0; index < count; index++) {
        frames[index] = key.frames[index];
    }
    uint8_t *data = trace->frames + (size_t)(lane - trace->lanes) * TRACE_DATA_BYTES_MAX;
    const struct trace_record record = {
        .kind = TRACE_STACK,
        .order = call->order,
        .thread = call->thread,
        .stack = call->stack,
        .data = data,
        .data_bytes = trace_frames_put(frames, count, data),
    };
    write_record(trace, lane, &record);
    return trace_modules_lack(trace->modules, key.frames, count);
}

// Notes what is mapped where call stacks lead to, if there are any: all of it, or what is not in the file yet.
static void note_modules(struct trace *trace, struct trace_lane *lane, uint64_t order,
                         bool only_new)
{
    if (trace->modules == NULL) {
        return;
    }
    struct modules modules;
    bool found_any = false;
    modules_load(&modules);
    global_lock_other(&lane->lock);
    for (size_t index = 0; index < modules.count; index++) {
        struct module_place place = modules_at(&modules, index);
        bool is_new = trace_modules_add(trace->modules, &place);
        found_any = found_any || is_new;
        const struct trace_record record = {
            .kind = TRACE_MODULE,
            .order = order,
            .thread = lane->state.thread,
            .ptr = place.start,
            .bytes = place.bytes,
            .data = (const uint8_t *)place.path,
            .data_bytes = place.path_bytes,
        };
        if (place.path_bytes != 0 && place.path_bytes <= TRACE_DATA_BYTES_MAX &&
            (is_new || !only_new)) {
            write_record(trace, lane, &record);
        }
    }
    global_unlock_other(&lane->lock);
    trace_modules_were_read(trace->modules, found_any);
    modules_unload(&modules);
}

// ---- records --------------------------------------------------------------------------------------

static const enum trace_kind kinds[] = {
    [FT_MALLOC_EVENT_MALLOC] = TRACE_MALLOC,   [FT_MALLOC_EVENT_CALLOC] = TRACE_CALLOC,
    [FT_MALLOC_EVENT_REALLOC] = TRACE_REALLOC, [FT_MALLOC_EVENT_ALIGNED] = TRACE_ALIGNED,
    [FT_MALLOC_EVENT_FREE] = TRACE_FREE,
};

static enum trace_kind kind_of(const struct ft_malloc_event *event)
{
    if (!event->is_misuse) {
        return kinds[event->kind];
    }
    return event->kind == FT_MALLOC_EVENT_FREE ? TRACE_MISUSED_FREE : TRACE_MISUSED_REALLOC;
}

// With the lane's lock held: numbers and writes a call. Whether its stack leads to what may not be in the file yet.
static bool write_call(struct trace *trace, struct trace_lane *lane, struct ft_malloc_event *event,
                       bool is_alone)
{
    event->order = global_number_call(is_alone);
    // All fields are named: compilers would make the others zero in a loop, which takes longer than all else here.
    const struct trace_record record = {
        .kind = kind_of(event),
        .order = event->order,
        .time = time_of_call(lane),
        .thread = event->thread,
        .stack = event->stack,
        .align = event->align,
        .ptr = (uintptr_t)event->ptr,
        .held = event->held,
        .bytes = event->bytes,
        .result = (uintptr_t)event->result,
        .count = 0,
        .data = NULL,
        .data_bytes = 0,
    };
    bool is_beyond = record.stack != 0 && write_stack(trace, lane, &record);
    write_record(trace, lane, &record);
    return is_beyond;
}

void trace_call(struct ft_malloc_event *event)
{
    struct trace *trace = &global.trace;
    struct trace_lane *lane = lane_of(trace, event->thread);
    bool is_beyond;
    if (has_parents_file(trace)) {
        // What comes of it is among the chunks that the child's trace begins with.
        event->order = global_number_call(true);
        return;
    }
    // Who is alone stays so until it returns.
    if (platform_is_alone()) {
        is_beyond = write_call(trace, lane, event, true);
    } else {
        global_lock_other(&lane->lock);
        is_beyond = write_call(trace, lane, event, false);
        global_unlock_other(&lane->lock);
    }
    if (is_beyond) {
        note_modules(trace, lane, event->order + 1, true);
    }
}

// Notes the chunks that the program has, in the lane of one thread.
static void note_chunks(struct trace *trace, uint32_t thread)
{
    struct trace_lane *lane = lane_of(trace, thread);
    struct walk walk = {.next = 0};
    struct walk_step step;
    global_lock();
    global_lock_other(&lane->lock);
    // Relaxed: nobody else calls.
    uint64_t last = atomic_load_explicit(&global.watch.count, memory_order_relaxed);
    // A file that has a head says what it is, also if there is nothing to note.
    bool is_begun = enter_block(trace, lane, last);
    while (is_begun && (step = walk_next(&global.arena, &walk)).what != WALK_END) {
        if (step.what == WALK_CHUNK) {
            const struct trace_record record = {
                .kind = TRACE_BEFORE,
                .order = last + 1,
                .thread = thread,
                .ptr = (uintptr_t)step.base,
                .held = step.bytes,
            };
            write_record(trace, lane, &record);
        }
    }
    global_unlock_other(&lane->lock);
    global_unlock();
    note_modules(trace, lane, last + 1, true);
}

// Makes an empty trace of one that has memory for its lanes.
static void begin(struct trace *trace)
{
    for (unsigned index = 0; index < LANE_COUNT; index++) {
        trace->lanes[index] = (struct trace_lane){.lock = PLATFORM_LOCK_INITIAL};
    }
    trace->lock = (struct platform_lock)PLATFORM_LOCK_INITIAL;
    trace->process = platform_process();
    trace->began = platform_coarse_nanoseconds();
    if (trace->modules != NULL) {
        trace_modules_clear(trace->modules);
    }
    atomic_init(&trace->block_count, 0);
    atomic_init(&trace->is_over, !trace_file_open(trace));
    if (trace_is_on(trace)) {
        note_chunks(trace, 1);
    }
}

void trace_open(void)
{
    struct trace *trace = &global.trace;
    if (global.options.trace[0] == '\0') {
        return;
    }
    size_t page = platform_page_bytes();
    size_t lane_bytes = LANE_COUNT * sizeof(struct trace_lane);
    size_t frame_bytes = LANE_COUNT * TRACE_DATA_BYTES_MAX;
    trace->lanes_bytes = bits_align_up(lane_bytes + TRACE_PATH_BYTES + frame_bytes, page);
    trace->lanes = platform_map(trace->lanes_bytes, page);
    if (trace->lanes == NULL) {
        trace_file_complain("there is no memory for the trace", global.options.trace);
        return;
    }
    trace->path = (char *)(trace->lanes + LANE_COUNT);
    trace->frames = (uint8_t *)trace->path + TRACE_PATH_BYTES;
    if (global.stacks.each != 0) {
        // A stack's number is where it is in its table, at a multiple of 8 at least. Without memory stacks have no frames.
        trace->told_bytes = bits_align_up(global.stacks.table_bytes / 8 / 8, page);
        trace->told = platform_map(trace->told_bytes, page);
        size_t modules_bytes = bits_align_up(sizeof(struct trace_modules), page);
        trace->modules = trace->told != NULL ? platform_map(modules_bytes, page) : NULL;
        trace->told = trace->modules != NULL ? trace->told : NULL;
    }
    begin(trace);
}

void trace_before_fork(void)
{
    struct trace *trace = &global.trace;
    if (trace->lanes == NULL) {
        return;
    }
    for (unsigned index = 0; index < LANE_COUNT; index++) {
        platform_lock(&trace->lanes[index].lock);
    }
    platform_lock(&trace->lock);
    if (trace->modules != NULL) {
        platform_lock(&trace->modules->lock);
    }
}

void trace_after_fork(void)
{
    struct trace *trace = &global.trace;
    if (trace->lanes == NULL) {
        return;
    }
    if (trace->modules != NULL) {
        platform_unlock(&trace->modules->lock);
    }
    platform_unlock(&trace->lock);
    for (unsigned index = LANE_COUNT; index > 0; index--) {
        platform_unlock(&trace->lanes[index - 1].lock);
    }
}

void trace_after_fork_in_child(void)
{
    struct trace *trace = &global.trace;
    if (trace->lanes == NULL) {
        return;
    }
    for (unsigned index = 0; index < LANE_COUNT; index++) {
        // The parent goes on with it.
        if (trace->lanes[index].block != NULL) {
            (void)platform_release(trace->lanes[index].block, TRACE_BLOCK_BYTES);
        }
    }
    platform_close(&trace->file);
    if (trace->told != NULL) {
        // The child's file has none of them.
        memset((void *)trace->told, 0, trace->told_bytes);
    }
    begin(trace);
}

void trace_end(uint32_t thread)
{
    struct trace *trace = &global.trace;
    if (!trace_is_on(trace)) {
        return;
    }
    struct trace_record record = {.kind = TRACE_END, .thread = thread};
    struct walk walk = {.next = 0};
    struct walk_step step;
    struct trace_lane *lane = lane_of(trace, thread);
    // Relaxed: the number of some call before the end.
    uint64_t last = atomic_load_explicit(&global.watch.count, memory_order_relaxed);
    note_modules(trace, lane, last + 1, false);
    global_lock();
    global_lock_other(&lane->lock);
    while ((step = walk_next(&global.arena, &walk)).what != WALK_END) {
        record.count += step.what == WALK_CHUNK;
        record.bytes += step.what == WALK_CHUNK ? step.bytes : 0;
    }
    record.order = global_number_call(false);
    record.time = look(lane);
    write_record(trace, lane, &record);
    global_unlock_other(&lane->lock);
    global_unlock();
}
