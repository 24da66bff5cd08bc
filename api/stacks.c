// SPDX-License-Identifier: MIT
#include "api/stacks.h"

#include "api/event.h"
#include "api/export.h"
#include "api/global.h"
#include "api/locate.h"
#include "api/stacks_memory.h"
#include "core/backtrace.h"
#include "core/bits.h"
#include "core/chunk.h"
#include "core/section.h"

#include <errno.h>
#include <string.h>

enum {
    WINDOW_WORDS = 64, // of a stack that is not known to be the thread's own
};

// Where the program itself lies: what is mapped of the first file.
static void find_program(struct stacks *stacks)
{
    struct platform_mappings mappings;
    struct platform_mapping mapping;
    char first[256];
    size_t length = 0;
    if (!platform_mappings_open(&mappings, NULL)) {
        return;
    }
    while (platform_mappings_next(&mappings, &mapping) && mapping.path_bytes < sizeof(first)) {
        if (length == 0) {
            stacks->code = mapping.base;
            length = mapping.path_bytes;
            memcpy(first, mapping.path, length);
        }
        if (mapping.path_bytes != length || strncmp(mapping.path, first, length) != 0) {
            break;
        }
        stacks->code_end = mapping.end;
    }
    platform_mappings_close(&mappings);
}

static void add_section(struct stacks *stacks, uintptr_t base, size_t bytes)
{
    // Relaxed: one thread at a time writes it.
    unsigned count = atomic_load_explicit(&stacks->section_count, memory_order_relaxed);
    if (count < STACKS_SECTIONS_MAX) {
        stacks->sections[count] = (struct range){.base = base, .bytes = bytes};
        atomic_store_explicit(&stacks->section_count, count + 1, memory_order_release);
    }
}

void stacks_note_section(uintptr_t base, size_t bytes)
{
    add_section(&global.stacks, base, bytes);
}

void stacks_open(size_t each)
{
    struct stacks *stacks = &global.stacks;
    if (each == 0) {
        return;
    }
    stacks->copies = global.options.stacks == options_word(STACKS_COPY);
    if (!stacks_memory_open(stacks)) {
        return;
    }
    size_t page = platform_page_bytes();
    size_t slice_bytes = bits_align_up(sizeof(struct stacks_slice) + STACKS_SLICE_BYTES, page);
    stacks->slice = stacks->copies ? platform_map(slice_bytes, page) : NULL;
    uintptr_t registers[PLATFORM_REGISTERS];
    stacks->copies = stacks->slice != NULL && platform_registers(registers);
    if (stacks->copies) {
        find_program(stacks);
    }
    global_lock();
    for (const struct section *section = arena_first_section(&global.arena); section != NULL;
         section = arena_next_section(&global.arena, section)) {
        add_section(stacks, (uintptr_t)section, section->end);
    }
    stacks->each = each;
    global_unlock();
}

// Whether this allocation is a sample: of each so many bytes there is one, at random, that decides.
static bool is_sampled(struct stacks *stacks, size_t bytes)
{
    // Relaxed: it is a count.
    uint64_t before = atomic_fetch_add_explicit(&stacks->bytes, bytes, memory_order_relaxed);
    uint64_t each = stacks->each;
    for (uint64_t step = before / each; step <= (before + bytes) / each; step++) {
        uint64_t mixed = (step + 1) * 0x9E3779B97F4A7C15U;
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9U;
        uint64_t chosen = step * each + (mixed ^ (mixed >> 31)) % each;
        if (chosen >= before && chosen - before < bytes) {
            return true;
        }
        if (step > before / each + 1) {
            return true; // a whole step lies inside
        }
    }
    return false;
}

// Whether a call's stack is kept: slices only of allocations.
static bool is_wanted(struct stacks *stacks, const struct ft_malloc_event *event)
{
    if (stacks->each == 1) {
        return !stacks->copies || event_is_new(event);
    }
    return event_is_new(event) && is_sampled(stacks, event->bytes);
}

// Follows the frames of the calling thread, from this one on.
static void walk(struct backtrace *trace, const void *frame)
{
    uintptr_t base = (uintptr_t)frame;
    uintptr_t end = platform_stack_end(base);
    backtrace_begin(trace, base);
    if (end != 0) {
        (void)backtrace_follow(trace, frame, base, end - base);
        return;
    }
    // A stack that the program has made itself, or that a signal came to. The first frame is one of ours.
    uintptr_t window[WINDOW_WORDS];
    bool goes_on = backtrace_follow(trace, frame, base, BACKTRACE_RECORD_BYTES);
    while (goes_on) {
        size_t bytes = platform_peek_surely(window, (const void *)trace->next, sizeof(window));
        goes_on =
            bytes >= BACKTRACE_RECORD_BYTES && backtrace_follow(trace, window, trace->next, bytes);
    }
}

// Whether a word is an address in a section of the arena's. Others take and give runs meanwhile: of these nothing is asked.
static bool is_of_arena(const struct stacks *stacks, uintptr_t word)
{
    // Acquire: pairs with the release in add_section().
    unsigned count = atomic_load_explicit(&stacks->section_count, memory_order_acquire);
    unsigned index = 0;
    while (index < count && word - stacks->sections[index].base >= stacks->sections[index].bytes) {
        index++;
    }
    return index < count;
}

// Whether a word may lead to code: into the program, or into what is mapped elsewhere, but for this stack and our chunks.
static bool may_be_code(const struct stacks *stacks, uintptr_t word, uintptr_t low, uintptr_t high)
{
    if (word >= stacks->code && word < stacks->code_end) {
        return true;
    }
    return word >> 40 != 0 && word >> 47 == 0 && (word < low || word >= high) &&
           !is_of_arena(stacks, word);
}

// With the lock held. Copies what can be read of the stack from the registers' stack pointer on, and returns what tells it
// from others: the part below `frame` is our own.
static uint64_t copy_stack(const struct stacks *stacks, uintptr_t frame)
{
    struct stacks_slice *slice = stacks->slice;
    uintptr_t *words = (uintptr_t *)(slice + 1);
    uintptr_t base = slice->base;
    uintptr_t end = platform_stack_end(base);
    size_t bytes = end != 0 && end - base < STACKS_SLICE_BYTES ? end - base : STACKS_SLICE_BYTES;
    slice->bytes = platform_peek_surely(words, (const void *)base, bytes);
    uint64_t mark = 1;
    size_t count = slice->bytes / sizeof(uintptr_t);
    for (size_t index = (frame - base) / sizeof(uintptr_t); index < count; index++) {
        if (may_be_code(stacks, words[index], base, end != 0 ? end : base + bytes)) {
            mark = (mark ^ words[index]) * 0x9E3779B97F4A7C15U;
            mark ^= mark >> 29;
        }
    }
    return mark;
}

// The number of the calling thread's stack, with a slice of it.
static uint32_t number_copied(struct stacks *stacks, const void *frame,
                              const uintptr_t registers[PLATFORM_REGISTERS])
{
    struct backtrace trace;
    backtrace_begin(&trace, (uintptr_t)frame);
    (void)backtrace_follow(&trace, frame, (uintptr_t)frame, BACKTRACE_RECORD_BYTES);
    global_lock_other(&global.stacks.lock);
    struct stacks_slice *slice = stacks->slice;
    memcpy(slice->registers, registers, sizeof(slice->registers));
    slice->base = registers[1];
    uint64_t mark = copy_stack(stacks, (uintptr_t)frame);
    const struct backtrace_key key = {.frames = trace.frames, .count = trace.count, .mark = mark};
    const struct backtrace_more more = {.bytes = slice, .count = sizeof(*slice) + slice->bytes};
    uint32_t number = stacks_memory_put(stacks, &key, more);
    global_unlock_other(&global.stacks.lock);
    return number;
}

static uint32_t number_walked(struct stacks *stacks, const void *frame)
{
    struct backtrace trace;
    walk(&trace, frame);
    const struct backtrace_key key = {.frames = trace.frames, .count = trace.count};
    global_lock_other(&global.stacks.lock);
    uint32_t number = stacks_memory_put(stacks, &key, (struct backtrace_more){.count = 0});
    global_unlock_other(&global.stacks.lock);
    return number;
}

void stacks_note(struct ft_malloc_event *event, const void *frame)
{
    struct stacks *stacks = &global.stacks;
    if (stacks->each == 0) {
        return;
    }
    bool is_kept = is_wanted(stacks, event);
    if (is_kept && stacks->copies) {
        // Here and not further in: this function's frame is there for as long as the stack above it is looked at.
        uintptr_t registers[PLATFORM_REGISTERS];
        (void)platform_registers(registers);
        event->stack = number_copied(stacks, frame, registers);
    } else if (is_kept) {
        event->stack = number_walked(stacks, frame);
    }
    bool is_end = event_is_end(event);
    bool is_new = event_is_new(event);
    if (!is_end && !is_new) {
        return;
    }
    global_lock_other(&global.stacks.lock);
    if (is_end || event->stack == 0) {
        address_map_drop(&stacks->owners, (uintptr_t)(is_end ? event->ptr : event->result));
    }
    if (is_new && event->stack != 0) {
        stacks_memory_own(stacks, (uintptr_t)event->result, event->stack);
    }
    global_unlock_other(&global.stacks.lock);
}

uint32_t stacks_of(const void *ptr)
{
    struct stacks *stacks = &global.stacks;
    uint32_t number = 0;
    if (stacks->each != 0 && ptr != NULL) {
        global_lock_other(&global.stacks.lock);
        const uintptr_t *found = address_map_find(&stacks->owners, (uintptr_t)ptr);
        number = found != NULL ? (uint32_t)*found : 0;
        global_unlock_other(&global.stacks.lock);
    }
    return number;
}

// Without the lock: what has a number never changes.
struct backtrace_key stacks_frames(uint32_t number)
{
    return backtrace_table_get(&global.stacks.table, number);
}

const struct stacks_slice *stacks_slice(uint32_t number)
{
    struct backtrace_more more = backtrace_table_more(&global.stacks.table, number);
    return more.count != 0 ? more.bytes : NULL;
}

uint32_t stacks_cut(uint32_t number, size_t count)
{
    struct backtrace_key key = stacks_frames(number);
    if (count >= key.count) {
        return number;
    }
    key.count = count;
    global_lock_other(&global.stacks.lock);
    uint32_t cut = stacks_memory_put(&global.stacks, &key, (struct backtrace_more){.count = 0});
    global_unlock_other(&global.stacks.lock);
    return cut != 0 ? cut : number;
}

EXPORT size_t ft_malloc_stack_frames(uint32_t stack, void **frames, size_t max)
{
    if (global.stacks.each == 0 || stack == 0) {
        return 0;
    }
    struct backtrace_key key = stacks_frames(stack);
    size_t count = key.count < max ? key.count : max;
    for (size_t index = 0; index < count; index++) {
        frames[index] = (void *)key.frames[index];
    }
    return count;
}

EXPORT size_t ft_malloc_stack(const void *ptr, void **frames, size_t max)
{
    struct chunk chunk = locate_chunk(ptr);
    return chunk_is_held_at(&chunk, ptr) ? ft_malloc_stack_frames(stacks_of(ptr), frames, max) : 0;
}

bool stacks_give_back_tail(void)
{
    bool any = false;
    if (global.stacks.each != 0) {
        global_lock_other(&global.stacks.lock);
        any = stacks_memory_cut(&global.stacks);
        global_unlock_other(&global.stacks.lock);
    }
    return any;
}

void stacks_before_fork(void)
{
    platform_lock(&global.stacks.lock);
}

void stacks_after_fork(void)
{
    platform_unlock(&global.stacks.lock);
}

void stacks_after_fork_in_child(void)
{
    platform_lock_reset(&global.stacks.lock);
}
