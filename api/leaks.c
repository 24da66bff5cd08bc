// SPDX-License-Identifier: MIT
#include "api/leaks.h"

#include "api/global.h"
#include "api/leaks_groups.h"
#include "api/leaks_scan.h"
#include "api/print.h"
#include "core/bits.h"
#include "core/walk.h"

enum { FREED = 1, ROOM_BYTES = 256 };

// Goes through the chunks with the lock held, and puts the first `room` of their addresses into a list. How many there are.
static size_t list_chunks(_Atomic uintptr_t *list, size_t room)
{
    struct walk walk = {.next = 0};
    struct walk_step step;
    size_t count = 0;
    while ((step = walk_next(&global.arena, &walk)).what != WALK_END) {
        if (step.what != WALK_CHUNK) {
            continue;
        }
        if (count < room) {
            atomic_init(&list[count], (uintptr_t)step.base);
        }
        count++;
    }
    return count;
}

void leaks_begin(void)
{
    struct leaks *leaks = &global.leaks;
    size_t page = platform_page_bytes();
    if (leaks->early != NULL) {
        // What cannot be given back now is lost: it is in a forked child alone.
        (void)platform_release((void *)leaks->early, leaks->early_bytes);
        *leaks = (struct leaks){.early = NULL};
    }
    global_lock();
    size_t count = list_chunks(NULL, 0);
    leaks->early_bytes = bits_align_up(count * sizeof(uintptr_t), page);
    if (count != 0) {
        leaks->early = platform_map(leaks->early_bytes, page);
    }
    if (leaks->early != NULL) {
        leaks->early_count = list_chunks(leaks->early, count);
    }
    global_unlock();
}

// The place of an address among those that there were before, or NULL.
static _Atomic uintptr_t *find_early(const void *ptr)
{
    const struct leaks *leaks = &global.leaks;
    size_t low = 0;
    size_t high = leaks->early_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        // Relaxed: of an entry one thread at a time holds the chunk, and so may change it.
        uintptr_t at =
            atomic_load_explicit(&leaks->early[middle], memory_order_relaxed) & ~(uintptr_t)FREED;
        if (at == (uintptr_t)ptr) {
            return &leaks->early[middle];
        }
        if (at < (uintptr_t)ptr) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

void leaks_note_end(const void *ptr)
{
    _Atomic uintptr_t *place = find_early(ptr);
    if (place != NULL) {
        atomic_store_explicit(place, (uintptr_t)ptr | FREED, memory_order_relaxed);
    }
}

bool leaks_has(const struct walk_step *step)
{
    if (step->what != WALK_CHUNK || platform_is_of_streams(step->base)) {
        return false;
    }
    const _Atomic uintptr_t *place = find_early(step->base);
    return place == NULL ||
           atomic_load_explicit(place, memory_order_relaxed) != (uintptr_t)step->base;
}

struct sum {
    size_t count;
    uint64_t bytes;
    size_t unreachable_count;
    uint64_t unreachable_bytes;
};

static struct sum add_up(const struct leaks_scan *scan)
{
    struct sum sum = {.count = 0};
    struct walk walk = {.next = 0};
    struct walk_step step;
    global_lock();
    while ((step = walk_next(&global.arena, &walk)).what != WALK_END) {
        if (leaks_has(&step)) {
            bool is_reached = leaks_scan_has(scan, step.base);
            sum.count++;
            sum.bytes += step.bytes;
            sum.unreachable_count += !is_reached;
            sum.unreachable_bytes += is_reached ? 0 : step.bytes;
        }
    }
    global_unlock();
    return sum;
}

// "[LEAK] 0x7f1c2d43d040 - 0x7f1c2d43d110 : 208 bytes"
static void tell_leak(struct text *text, const struct walk_step *step, bool is_reached)
{
    text_string(text, "[LEAK] ");
    text_pointer(text, (uintptr_t)step->base);
    text_string(text, " - ");
    text_pointer(text, (uintptr_t)step->base + step->bytes);
    text_string(text, " : ");
    text_decimal(text, step->bytes);
    text_string(text, is_reached ? " bytes\n" : " bytes, unreachable\n");
}

static void tell_unreachable(struct text *text, struct sum sum, bool has_scanned)
{
    if (has_scanned) {
        text_string(text, "unreachable: ");
        text_decimal(text, sum.unreachable_count);
        text_string(text, " (total: ");
        text_decimal(text, sum.unreachable_bytes);
        text_string(text, " bytes)\n");
    } else if (global.options.leaks == LEAKS_SCAN) {
        text_string(text, "(what can be reached is not known)\n");
    }
}

// Whose leaks have call stacks.
static void tell_sample(struct text *text)
{
    if (global.stacks.each > 1) {
        text_string(text, "call stacks are of a sample: about one allocation in each ");
        text_decimal(text, global.stacks.each);
        text_string(text, " bytes has one\n");
    }
}

static void tell_sum(struct text *text, struct sum sum)
{
    text_decimal(text, sum.count);
    text_string(text, sum.count == 1 ? " block" : " blocks");
    text_string(text, " not freed (total: ");
    text_decimal(text, sum.bytes);
    text_string(text, " bytes)\n");
}

static void tell_leaks(struct print *print, int descriptor, const struct leaks_scan *scan)
{
    struct walk walk = {.next = 0};
    struct walk_step step = {.what = WALK_ZONE};
    while (step.what != WALK_END) {
        global_lock();
        walk_resume(&walk);
        while (step.what != WALK_END && print->text.length < PRINT_BYTES - ROOM_BYTES) {
            step = walk_next(&global.arena, &walk);
            if (leaks_has(&step) && stacks_of(step.base) == 0) {
                tell_leak(&print->text, &step, leaks_scan_has(scan, step.base));
            }
        }
        global_unlock();
        print_tell(print, descriptor);
    }
}

bool leaks_report(int descriptor)
{
    struct leaks_scan scan = {.bytes = 0};
    bool has_scanned = global.options.leaks == LEAKS_SCAN && leaks_scan_begin(&scan);
    struct sum sum = add_up(&scan);
    if (descriptor >= 0) {
        struct print print;
        print_begin(&print);
        text_string(&print.text, "========== MEMORY LEAK REPORT ==========\n");
        tell_sum(&print.text, sum);
        tell_unreachable(&print.text, sum, has_scanned);
        tell_sample(&print.text);
        if (global.stacks.each != 0) {
            print_tell(&print, descriptor);
            leaks_groups_print(descriptor, &scan);
        }
        tell_leaks(&print, descriptor, &scan);
        text_string(&print.text, "========================================\n");
        print_tell(&print, descriptor);
    }
    leaks_scan_end(&scan);
    return sum.count != 0;
}
