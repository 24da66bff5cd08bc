// SPDX-License-Identifier: MIT
#include "core/run.h"

#include "core/check.h"

_Static_assert(sizeof(struct unit) == 8, "an entry is one word");
_Static_assert((int)RUN_UNITS_MAX <= (int)RUN_LINK_NONE, "a list's members are below its end");

// The first list in which every run is at least this long.
static inline uint32_t bin_above(uint32_t length)
{
    if (length <= RUN_EXACT_BINS) {
        return length;
    }
    unsigned high = bits_highest(length);
    uint32_t step = (uint32_t)1 << (high - 3);
    return run_bin_of(length + (step - 1));
}

static size_t units_at(uint32_t bin_count)
{
    return bits_align_up(sizeof(struct run_table) + bin_count * sizeof(uint16_t),
                         _Alignof(struct unit));
}

size_t run_table_bytes(uint32_t unit_count)
{
    return units_at(run_bin_of(unit_count) + 1) + unit_count * sizeof(struct unit);
}

void run_table_init(struct run_table *table, uint32_t unit_count)
{
    ASSERT(unit_count <= RUN_UNITS_MAX);
    table->unit_count = unit_count;
    table->bin_count = (uint16_t)(run_bin_of(unit_count) + 1);
    table->units = (uint32_t)units_at(table->bin_count);
    table->fresh_is_zero = true;
    for (uint32_t bin = 0; bin < table->bin_count; bin++) {
        run_heads(table)[bin] = RUN_LINK_NONE;
    }
}

// Writes the entries by which a run is told.
static inline void write_run(struct run_table *table, uint32_t first, uint32_t count,
                             enum run_kind kind, bool clean)
{
    struct unit entry = {.length = (uint16_t)count, .kind = (uint8_t)kind, .clean = clean};
    run_unit_write(run_unit(table, first), entry);
    run_unit_write(run_unit(table, first + count - 1), entry);
}

// Forgets that a run begins and ends here, before it becomes part of another.
static void erase_run(struct run_table *table, uint32_t first)
{
    struct unit *head = run_unit(table, first);
    run_unit_write(run_unit(table, first + head->length - 1), (struct unit){.kind = RUN_INSIDE});
    run_unit_write(head, (struct unit){.kind = RUN_INSIDE});
}

// Takes a free run, by its first entry, out of its list. Returns what was known of old bytes in it.
static struct run_dirt list_remove(struct run_table *table, uint32_t first)
{
    const struct unit *head = run_unit(table, first);
    struct run_dirt dirt = run_dirt(table, first);
    CHECK(head->kind == RUN_FREE);
    uint32_t bin = run_bin_of(head->length);
    uint16_t next = head->next;
    uint16_t previous = head->previous;
    if (next != RUN_LINK_NONE) {
        run_unit(table, next)->previous = previous;
    }
    if (previous != RUN_LINK_NONE) {
        run_unit(table, previous)->next = next;
    } else {
        run_heads(table)[bin] = next;
        if (next == RUN_LINK_NONE) {
            table->bitmap[bin / BITS_PER_WORD] &= ~((uintptr_t)1 << (bin % BITS_PER_WORD));
        }
    }
    table->free_count -= head->length;
    table->dirty_count -= dirt.count;
    return dirt;
}

// Makes these units a free run, and the first of its list.
static void insert_free(struct run_table *table, uint32_t first, uint32_t count,
                        struct run_dirt dirt)
{
    uint32_t bin = run_bin_of(count);
    uint16_t next = run_heads(table)[bin];
    struct unit entry = {.length = (uint16_t)count, .kind = RUN_FREE, .clean = dirt.count == 0};
    entry.dirty = (uint16_t)dirt.count;
    entry.dirty_end = (uint16_t)dirt.end;
    run_unit_write(run_unit(table, first + count - 1), entry);
    entry.next = next;
    entry.previous = RUN_LINK_NONE;
    run_unit_write(run_unit(table, first), entry);
    if (next != RUN_LINK_NONE) {
        run_unit(table, next)->previous = (uint16_t)first;
    }
    run_heads(table)[bin] = (uint16_t)first;
    table->bitmap[bin / BITS_PER_WORD] |= (uintptr_t)1 << (bin % BITS_PER_WORD);
    table->free_count += count;
    table->dirty_count += dirt.count;
}

// What is known of a piece of a free run: at its start as many units as there can be may hold old bytes, further up its
// share of them. Not inlined, as neither are the lists' functions: code that small processes run is to be little.
__attribute__((noinline)) static struct run_dirt part_of(struct run_dirt dirt, uint32_t first,
                                                         uint32_t count)
{
    if (dirt.end <= first) {
        return (struct run_dirt){.count = 0};
    }
    uint32_t end = dirt.end - first < count ? dirt.end - first : count;
    if (first == 0 || dirt.count == dirt.end) {
        return (struct run_dirt){.count = dirt.count < end ? dirt.count : end, .end = end};
    }
    // Rounded up, so that what may hold some says so. Both factors are of 16 bits.
    return (struct run_dirt){.count = (dirt.count * end - 1) / dirt.end + 1, .end = end};
}

// What is known of a run of so many units and of the one after it together.
static inline struct run_dirt sum_of(struct run_dirt low, uint32_t count, struct run_dirt high)
{
    return (struct run_dirt){
        .count = low.count + high.count,
        .end = high.end != 0 ? count + high.end : low.end,
    };
}

// What is known of a run that comes back.
static inline struct run_dirt all_of(uint32_t count, bool clean)
{
    return (struct run_dirt){.count = clean ? 0 : count, .end = clean ? 0 : count};
}

// Cuts `count` units off the start of a free run whose rest belongs to the same list, and takes its place there.
static inline void shorten(struct run_table *table, uint32_t whole, struct unit head,
                           uint32_t count)
{
    uint32_t first = whole + count;
    uint32_t rest = head.length - count;
    struct run_dirt dirt = run_dirt(table, whole);
    struct run_dirt left = part_of(dirt, count, rest);
    struct unit last = {.length = (uint16_t)rest, .kind = RUN_FREE, .clean = left.count == 0};
    last.dirty = (uint16_t)left.count;
    last.dirty_end = (uint16_t)left.end;
    run_unit_write(run_unit(table, whole + head.length - 1), last);
    head.length = last.length;
    head.clean = last.clean;
    run_unit_write(run_unit(table, first), head);
    if (head.next != RUN_LINK_NONE) {
        run_unit(table, head.next)->previous = (uint16_t)first;
    }
    if (head.previous != RUN_LINK_NONE) {
        run_unit(table, head.previous)->next = (uint16_t)first;
    } else {
        run_heads(table)[run_bin_of(head.length)] = (uint16_t)first;
    }
    table->free_count -= count;
    table->dirty_count -= dirt.count - left.count;
}

// The first member of the first list from `bin` on that has one.
static inline uint32_t first_from(const struct run_table *table, uint32_t bin)
{
    uint32_t word = bin / BITS_PER_WORD;
    uintptr_t bits = table->bitmap[word] & (UINTPTR_MAX << (bin % BITS_PER_WORD));
    while (bits == 0) {
        if (++word == RUN_BITMAP_WORDS) {
            return RUN_NONE;
        }
        bits = table->bitmap[word];
    }
    return run_heads(table)[word * BITS_PER_WORD + bits_lowest(bits)];
}

// The first unit at or after `unit` where a run of this shape may begin.
static uint32_t aligned_unit(uint32_t unit, struct run_shape shape)
{
    uint32_t over = (unit + shape.phase) & (shape.align - 1);
    return over == 0 ? unit : unit + (shape.align - over);
}

// Writes the entries of a run in use.
static inline void write_used(struct run_table *table, uint32_t first, uint32_t count,
                              enum run_kind kind, uint32_t note)
{
    struct unit entry = {.length = (uint16_t)count, .kind = (uint8_t)kind, .note = note};
    struct unit last = entry;
    last.note = kind == RUN_LARGE ? RUN_TAIL : note;
    entry.state = kind == RUN_LARGE ? STATE_LIVE : 0;
    run_unit_write(run_unit(table, first + count - 1), last);
    run_unit_write(run_unit(table, first), entry);
}

// Gives what [first, first + count) leaves of the free run `whole`, which holds it, back. The entries of that
// part are still to be written. Returns whether its bytes are known to be zero.
static inline bool cut_out(struct run_table *table, uint32_t whole, uint32_t first, uint32_t count)
{
    struct unit head = *run_unit(table, whole);
    uint32_t rest = whole + head.length - (first + count);
    if (whole == first && rest != 0 && run_bin_of(rest) == run_bin_of(head.length)) {
        shorten(table, whole, head, count);
        return head.clean;
    }
    struct run_dirt dirt = list_remove(table, whole);
    // The pieces' ends cover those of the whole.
    if (whole < first) {
        insert_free(table, whole, first - whole, part_of(dirt, 0, first - whole));
    }
    if (rest != 0) {
        insert_free(table, first + count, rest, part_of(dirt, first - whole + count, rest));
    }
    return dirt.end <= first - whole;
}

// The same for a run that serves as nothing yet.
static bool carve(struct run_table *table, uint32_t whole, uint32_t first, uint32_t count)
{
    bool clean = cut_out(table, whole, first, count);
    write_run(table, first, count, RUN_META, clean);
    return clean;
}

// A free run of `count` units at least, or RUN_NONE.
static inline uint32_t find(const struct run_table *table, uint64_t count)
{
    if (count > table->free_count) {
        return RUN_NONE;
    }
    // A run of the exact list may fit by luck; each one of the lists above fits for certain.
    uint32_t whole = run_heads(table)[run_bin_of((uint32_t)count)];
    if (whole != RUN_LINK_NONE && run_unit(table, whole)->length >= count) {
        return whole;
    }
    uint32_t bin = bin_above((uint32_t)count);
    return bin < table->bin_count ? first_from(table, bin) : RUN_NONE;
}

uint32_t run_take(struct run_table *table, struct run_shape shape, bool *clean)
{
    ASSERT(shape.count != 0 && bits_is_power_of_two(shape.align));
    uint32_t whole = find(table, (uint64_t)shape.count + shape.align - 1);
    if (whole == RUN_NONE) {
        return RUN_NONE;
    }
    uint32_t first = aligned_unit(whole, shape);
    *clean = carve(table, whole, first, shape.count);
    return first;
}

uint32_t run_take_large(struct run_table *table, uint32_t count, uint32_t requested, bool *clean)
{
    ASSERT(count != 0);
    uint32_t first = find(table, count);
    if (first != RUN_NONE) {
        *clean = cut_out(table, first, first, count);
        write_used(table, first, count, RUN_LARGE, requested);
    }
    return first;
}

// Where the free run below the virgin units begins, or they do if there is none.
static uint32_t end_start(const struct run_table *table)
{
    return table->unit_count - run_frontier(table);
}

uint32_t run_take_fresh(struct run_table *table, struct run_shape shape, bool *clean)
{
    uint32_t start = end_start(table);
    uint32_t first = aligned_unit(start, shape);
    uint64_t end = (uint64_t)first + shape.count;
    if (end > table->committed) {
        return RUN_NONE;
    }
    uint32_t fresh = table->fresh;
    if (end <= fresh) {
        *clean = carve(table, start, first, shape.count);
        return first;
    }
    struct run_dirt dirt = all_of((uint32_t)end - fresh, table->fresh_is_zero);
    if (start < fresh) {
        dirt = sum_of(list_remove(table, start), fresh - start, dirt);
        erase_run(table, start);
    }
    table->fresh = (uint32_t)end;
    if (start < first) {
        insert_free(table, start, first - start, part_of(dirt, 0, first - start));
    }
    *clean = dirt.end <= first - start;
    write_run(table, first, shape.count, RUN_META, *clean);
    return first;
}

uint32_t run_take_virgin(struct run_table *table, uint32_t count)
{
    uint32_t first = table->fresh;
    if (!table->fresh_is_zero || count > table->committed - first) {
        return RUN_NONE;
    }
    table->fresh = first + count;
    write_run(table, first, count, RUN_META, true);
    return first;
}

uint32_t run_cut_end(struct run_table *table, uint32_t count, bool *clean)
{
    uint32_t start = end_start(table);
    if (table->committed != table->unit_count || table->unit_count - start < count) {
        return RUN_NONE;
    }
    uint32_t end = table->unit_count - count;
    *clean = table->fresh_is_zero;
    if (end < table->fresh) {
        struct run_dirt dirt = list_remove(table, start);
        erase_run(table, start);
        table->fresh = start;
        *clean = *clean && dirt.count == 0;
        if (start < end) {
            table->fresh = end;
            insert_free(table, start, end - start, part_of(dirt, 0, end - start));
        }
    }
    table->committed = end;
    // Relaxed: section_holds() reads it without the lock.
    atomic_store_explicit((_Atomic uint32_t *)&table->unit_count, end, memory_order_relaxed);
    return end;
}

void run_cut_tail(struct run_table *table)
{
    uint32_t start = end_start(table);
    if (start < table->fresh) {
        (void)list_remove(table, start);
        erase_run(table, start);
        table->fresh = start;
    }
    if (table->committed > start) {
        table->committed = start;
    }
    // Relaxed: section_holds() reads it without the lock.
    atomic_store_explicit((_Atomic uint32_t *)&table->unit_count, start, memory_order_relaxed);
}

uint32_t run_commitment_for(const struct run_table *table, struct run_shape shape)
{
    uint64_t end = (uint64_t)aligned_unit(end_start(table), shape) + shape.count;
    return end > table->unit_count ? RUN_NONE : (uint32_t)end;
}

void run_mark(struct run_table *table, uint32_t first, enum run_kind kind, uint32_t note)
{
    write_used(table, first, run_unit(table, first)->length, kind, note);
}

uint32_t run_give(struct run_table *table, uint32_t first, bool clean)
{
    return run_give_known(table, first, all_of(run_unit(table, first)->length, clean));
}

uint32_t run_give_known(struct run_table *table, uint32_t first, struct run_dirt dirt)
{
    struct unit *head = run_unit(table, first);
    uint32_t count = head->length;
    CHECK(head->kind > RUN_FREE && dirt.end <= count && dirt.count <= dirt.end);
    CHECK((dirt.count == 0) == (dirt.end == 0));
    // What were two runs' ends, and now lies inside, is erased; the ends are written at last.
    if (first + count < table->fresh && head[count].kind == RUN_FREE) {
        uint32_t after = head[count].length;
        dirt = sum_of(dirt, count, list_remove(table, first + count));
        run_unit_write(&head[count - 1], (struct unit){.kind = RUN_INSIDE});
        run_unit_write(&head[count], (struct unit){.kind = RUN_INSIDE});
        count += after;
    }
    if (first != 0 && head[-1].kind == RUN_FREE) {
        uint32_t below = head[-1].length;
        dirt = sum_of(list_remove(table, first - below), below, dirt);
        run_unit_write(head - 1, (struct unit){.kind = RUN_INSIDE});
        run_unit_write(head, (struct unit){.kind = RUN_INSIDE});
        count += below;
        first -= below;
    }
    insert_free(table, first, count, dirt);
    return first;
}

void run_leave(struct run_table *table, uint32_t whole, uint32_t first, uint32_t count)
{
    (void)cut_out(table, whole, first, count);
    write_run(table, first, count, RUN_LEAVING, false);
}

// The free units directly after a run.
static uint32_t free_after(const struct run_table *table, uint32_t first)
{
    uint32_t after = first + run_unit(table, first)->length;
    if (after < table->fresh && run_unit(table, after)->kind == RUN_FREE) {
        return run_unit(table, after)->length;
    }
    return 0;
}

uint32_t run_commitment_to_grow(const struct run_table *table, uint32_t first, uint32_t count)
{
    uint32_t after = first + run_unit(table, first)->length;
    uint64_t end = (uint64_t)first + count;
    bool at_frontier = after + free_after(table, first) == table->fresh;
    return at_frontier && end > table->committed && end <= table->unit_count ? (uint32_t)end
                                                                             : RUN_NONE;
}

// Makes a run in use end elsewhere. What it loses or gains is nobody's meanwhile.
static void resize_used(struct run_table *table, uint32_t first, uint32_t count)
{
    struct unit head = *run_unit(table, first);
    erase_run(table, first);
    write_used(table, first, count, head.kind, head.note);
}

bool run_grow(struct run_table *table, uint32_t first, uint32_t count, bool *clean)
{
    uint32_t old_count = run_unit(table, first)->length;
    uint32_t after = first + old_count;
    struct run_shape rest = {.count = count - old_count, .align = 1, .phase = 0};
    uint32_t right = free_after(table, first);
    if (after + right == table->fresh && right < rest.count) {
        if (run_take_fresh(table, rest, clean) == RUN_NONE) {
            return false;
        }
    } else if (right >= rest.count) {
        *clean = carve(table, after, after, rest.count);
    } else {
        return false;
    }
    erase_run(table, after);
    resize_used(table, first, count);
    return true;
}

uint32_t run_shrink(struct run_table *table, uint32_t first, uint32_t count)
{
    uint32_t old_count = run_unit(table, first)->length;
    ASSERT(count != 0 && count < old_count);
    resize_used(table, first, count);
    write_run(table, first + count, old_count - count, RUN_META, false);
    return run_give(table, first + count, false);
}
