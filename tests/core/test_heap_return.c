// SPDX-License-Identifier: MIT
// What a heap gives back out of zones that are in use: when, of which zones, and what becomes of it.
#include "core/heap_return.h"

#include "core/heap_zones.h"
#include "core/misuse.h"
#include "core/zone_home.h"
#include "tests/core/churn.h"
#include "tests/core/test.h"

#include <string.h>

enum {
    KIB = 1 << 10,
    MIB = 1 << 20,
    PAGE = 4 * KIB,
    UNIT = 64 * KIB,
    HEAP_BYTES = 2 * UNIT,
    CHUNKS_MAX = 65536,
    CHUNK = 1024, // bytes of most chunks here: four in a page, 100 in a zone of two units
    OLD = 0xFF,
};

static struct driver driver;
static struct heap *heap;
static unsigned char *chunks[CHUNKS_MAX];

// An arena that keeps as much as it is told, whose heaps return nothing by themselves.
static void begin(size_t dirty_bytes_max)
{
    driver_begin(&driver, &(struct driver_options){.unit_bytes = UNIT,
                                                   .page_bytes = PAGE,
                                                   .dirty_bytes_max = dirty_bytes_max,
                                                   .parcel_count = 8,
                                                   .section_bytes = 32 * MIB});
    heap = driver_acquire(&driver, HEAP_BYTES);
    assert_non_null(heap);
}

static void end(void)
{
    assert_true(driver_is_valid(&driver));
    driver_end(&driver);
}

// Allocates chunks and writes to them.
static void fill(struct heap *owner, size_t bytes, unsigned count)
{
    for (unsigned index = 0; index < count; index++) {
        chunks[index] = driver_alloc(&driver, owner, bytes, 16).ptr;
        assert_non_null(chunks[index]);
        memset(chunks[index], OLD, bytes);
    }
}

static void put(struct heap *owner, void *ptr)
{
    struct chunk chunk = chunk_locate(driver.arena, ptr);
    assert_true(chunk_is_held_at(&chunk, ptr));
    assert_true(heap_owns(owner, chunk.zone) || heap_take_back(owner, chunk.zone));
    assert_true(heap_put(owner, &chunk));
}

// Frees all of so many chunks but each `step`th, without giving anything back.
static void thin_out(struct heap *owner, unsigned count, unsigned step)
{
    for (unsigned index = 0; index < count; index++) {
        if (index % step != 0) {
            put(owner, chunks[index]);
            chunks[index] = NULL;
        }
    }
    heap_flush(owner);
    while (heap_give_empty(owner)) {
    }
}

static struct zone *zone_of(const void *ptr)
{
    return chunk_locate(driver.arena, ptr).zone;
}

static struct zone *zone_of_leaving(const struct leaving *leaving)
{
    struct zone *zone = offset_to(driver.arena, leaving->record);
    assert_ptr_equal(zone, zone_map_find(&driver.arena->map, (void *)leaving->range.base));
    return zone;
}

static bool next(size_t least_bytes, size_t zone_count, struct leaving *leaving)
{
    *leaving = (struct leaving){.kind = LEAVING_NOTHING};
    bool any = heap_next_leaving(heap, least_bytes, zone_count, leaving);
    assert_int_equal(any, leaving->kind == LEAVING_PAGES);
    if (any) {
        assert_true(leaving->range.bytes >= least_bytes);
        assert_int_equal(leaving->range.base % PAGE, 0);
        assert_int_equal(leaving->range.bytes % PAGE, 0);
    }
    return any;
}

static void left(const struct leaving *leaving, enum left what)
{
    if (what == LEFT_CLEAN) {
        memset((void *)leaving->range.base, 0, leaving->range.bytes);
    }
    heap_left(heap, leaving, what);
    assert_true(heap_is_valid(heap));
}

// ---- when ---------------------------------------------------------------------------------------

static void a_heap_of_an_arena_that_keeps_all_has_no_books(void **state)
{
    (void)state;
    begin(SIZE_MAX);
    assert_null(heap_returns(heap));
    fill(heap, CHUNK, 500);
    thin_out(heap, 500, 50);
    assert_true(heap_is_valid(heap));
    end();
}

// What is kept of so many bytes in use, in an arena that keeps 4 MiB: with time, and at most.
static uintptr_t allowed_beside(uintptr_t held)
{
    return MIB + held / 2;
}

static uintptr_t most_beside(uintptr_t held)
{
    return allowed_beside(held) + 16 * MIB;
}

static void beyond_a_bound_all_ranges_are_worth_it_until_a_quarter_has_left(void **state)
{
    (void)state;
    begin(4 * MIB);
    struct heap_return *back = heap_returns(heap);
    const struct heap_return before = *back;
    for (uintptr_t held = 0; held <= 8 * MIB; held += 4 * MIB) {
        uintptr_t most = most_beside(held);
        *back = (struct heap_return){.held_bytes = held, .dirty_bytes = most};
        assert_int_equal(heap_worth_leaving(heap), 0);
        back->dirty_bytes = most + 1;
        assert_int_equal(heap_worth_leaving(heap), HEAP_RETURN_BYTES_MIN);
        back->dirty_bytes = most - most / 4 + 1;
        assert_int_equal(heap_worth_leaving(heap), HEAP_RETURN_BYTES_MIN);
        back->dirty_bytes = most - most / 4;
        assert_int_equal(heap_worth_leaving(heap), 0);
        back->dirty_bytes = most;
        assert_int_equal(heap_worth_leaving(heap), 0);
    }
    *back = before;
    end();
}

static void the_bound_is_64_mib_at_most_and_little_where_little_is_kept(void **state)
{
    (void)state;
    static const struct {
        size_t dirty_bytes_max, most;
    } bounds[] = {
        {4, 1 + 16},
        {MIB, MIB / 4 + 4 * MIB},
        {16 * MIB - 4, 4 * MIB - 1 + 64 * MIB - 16},
        {16 * MIB, 4 * MIB + 64 * MIB},
        {24 * MIB, 6 * MIB + 64 * MIB},
        {128 * MIB, 32 * MIB + 64 * MIB},
    };
    for (unsigned index = 0; index < sizeof bounds / sizeof *bounds; index++) {
        begin(bounds[index].dirty_bytes_max);
        struct heap_return *back = heap_returns(heap);
        const struct heap_return before = *back;
        back->dirty_bytes = bounds[index].most;
        assert_int_equal(heap_worth_leaving(heap), 0);
        back->dirty_bytes++;
        assert_int_equal(heap_worth_leaving(heap), HEAP_RETURN_BYTES_MIN);
        *back = before;
        end();
    }
}

static void several_heaps_share_it_and_it_becomes_less(void **state)
{
    (void)state;
    begin(4 * MIB);
    struct heap_return *back = heap_returns(heap);
    const struct heap_return before = *back;
    for (uintptr_t heaps = 1; heaps <= 4; heaps++) {
        assert_int_equal(driver.arena->heap_count, heaps);
        *back = (struct heap_return){.dirty_bytes = MIB + 16 * MIB / (heaps * heaps)};
        assert_int_equal(heap_worth_leaving(heap), 0);
        back->dirty_bytes++;
        assert_int_equal(heap_worth_leaving(heap), HEAP_RETURN_BYTES_MIN);
        *back = before;
        assert_non_null(driver_acquire(&driver, HEAP_BYTES));
    }
    end();
}

// The longer ago the last range left, as told by what was taken, the shorter ones are worth it.
static void with_what_is_taken_shorter_ranges_are_worth_it(void **state)
{
    (void)state;
    begin(4 * MIB);
    struct heap_return *back = heap_returns(heap);
    const struct heap_return before = *back;
    static const struct {
        uintptr_t taken;
        size_t worth;
    } paces[] = {
        {0, 0},
        {1, 0},
        {512 * KIB - 1, 0},
        {512 * KIB, 4 * MIB},
        {MIB - 1, 4 * MIB},
        {MIB, 2 * MIB},
        {2 * MIB, MIB},
        {4 * MIB - 1, MIB},
        {32 * MIB, 64 * KIB},
        {128 * MIB - 1, 32 * KIB},
        {128 * MIB, 16 * KIB},
        {256 * MIB, 16 * KIB},
        {(uintptr_t)1024 * MIB, 16 * KIB},
    };
    for (uintptr_t held = 0; held <= 8 * MIB; held += 8 * MIB) {
        for (unsigned index = 0; index < sizeof paces / sizeof *paces; index++) {
            *back =
                (struct heap_return){.held_bytes = held, .dirty_bytes = allowed_beside(held) + 1};
            back->taken_bytes = paces[index].taken;
            assert_int_equal(heap_worth_leaving(heap), paces[index].worth);
            assert_int_equal(back->taken_bytes, paces[index].taken);
            // What is allowed stays, and nothing is saved up meanwhile.
            back->dirty_bytes--;
            assert_int_equal(heap_worth_leaving(heap), 0);
            assert_int_equal(back->taken_bytes, 0);
        }
    }
    *back = before;
    end();
}

static void what_a_heap_takes_is_counted_and_what_leaves_is_paid_for(void **state)
{
    (void)state;
    begin(4 * KIB);
    struct heap_return *back = heap_returns(heap);
    fill(heap, CHUNK, 1);
    for (unsigned refill = 0; refill < 5; refill++) {
        struct heap_stack *stack = &heap->stacks[size_class_of(CHUNK)];
        while (stack->top != stack->bottom) {
            assert_non_null(heap_take(heap, size_class_of(CHUNK), CHUNK, SIZE_CLASS_STEP).ptr);
        }
        back->taken_bytes = refill;
        assert_non_null(heap_take(heap, size_class_of(CHUNK), CHUNK, SIZE_CLASS_STEP).ptr);
        // What the stack has got, and the chunk from it.
        uintptr_t got = (uintptr_t)(stack->top - stack->bottom) + 1;
        assert_int_equal(back->taken_bytes, refill + got * CHUNK);
    }
    fill(heap, CHUNK, 128);
    for (unsigned index = 0; index < 128; index++) {
        put(heap, chunks[index]);
    }
    heap_flush(heap);
    static const struct {
        uintptr_t taken, bytes, rest;
    } prices[] = {
        {MIB, 1, 0},
        {128 * MIB, 1, 0},
        {128 * MIB + 1, 1, 1},
        {128 * MIB + 1, 16 * KIB, 1},
        {129 * MIB, 28 * KIB, MIB},
        {129 * MIB, 32 * KIB, 65 * MIB},
        {129 * MIB, 36 * KIB, 65 * MIB},
        {129 * MIB, 64 * KIB, 97 * MIB},
    };
    struct leaving leaving;
    assert_true(next(16 * KIB, SIZE_MAX, &leaving));
    const struct range whole = leaving.range;
    for (unsigned index = 0; index < sizeof prices / sizeof *prices; index++) {
        back->taken_bytes = prices[index].taken;
        leaving.range.bytes = prices[index].bytes;
        heap_left(heap, &leaving, LEFT_DIRTY);
        assert_int_equal(back->taken_bytes, prices[index].rest);
    }
    leaving.range = whole;
    left(&leaving, LEFT_CLEAN);
    end();
}

// A zone that is used up and freed by turns would else leave and be faulted in by turns, beside others that keep what is
// allowed.
static void what_left_and_is_taken_again_stays_the_next_time(void **state)
{
    (void)state;
    begin(4 * MIB);
    struct heap_return *back = heap_returns(heap);
    fill(heap, CHUNK, 128);
    thin_out(heap, 128, 64);
    struct leaving leaving;
    assert_true(next(HEAP_RETURN_BYTES_MIN, SIZE_MAX, &leaving));
    uintptr_t bytes = leaving.range.bytes;
    left(&leaving, LEFT_CLEAN);
    assert_int_equal(back->spare_bytes, 0);
    fill(heap, CHUNK, 126);
    assert_int_equal(back->spare_bytes, bytes);
    const struct heap_return before = *back;
    uintptr_t held = 2 * MIB;
    for (uintptr_t spare = 0; spare <= 5 * MIB; spare += MIB) {
        uintptr_t kept = allowed_beside(held) + (spare < 4 * MIB ? spare : 4 * MIB);
        *back = (struct heap_return){.held_bytes = held, .taken_bytes = 4 * MIB};
        back->spare_bytes = spare;
        back->dirty_bytes = kept + 1;
        assert_int_equal(heap_worth_leaving(heap), 512 * KIB);
        back->dirty_bytes = kept;
        assert_int_equal(heap_worth_leaving(heap), 0);
    }
    *back = before;
    end();
}

static void what_nobody_takes_again_stays_less(void **state)
{
    (void)state;
    begin(4 * KIB);
    struct heap_return *back = heap_returns(heap);
    fill(heap, CHUNK, 128);
    thin_out(heap, 128, 64);
    struct leaving leaving;
    assert_true(next(HEAP_RETURN_BYTES_MIN, SIZE_MAX, &leaving));
    back->spare_bytes = MIB;
    uintptr_t less = leaving.range.bytes / 8;
    left(&leaving, LEFT_CLEAN);
    assert_int_equal(back->spare_bytes, MIB - less);
    assert_true(next(HEAP_RETURN_BYTES_MIN, SIZE_MAX, &leaving));
    back->spare_bytes = leaving.range.bytes / 8 - 1;
    left(&leaving, LEFT_CLEAN);
    assert_int_equal(back->spare_bytes, 0);
    end();
}

static void a_search_in_vain_is_not_repeated_before_there_is_more(void **state)
{
    (void)state;
    begin(4 * MIB);
    struct heap_return *back = heap_returns(heap);
    const struct heap_return before = *back;
    struct leaving leaving;
    for (uintptr_t dirty = 18 * MIB; dirty <= 288 * MIB; dirty *= 16) {
        *back = (struct heap_return){.dirty_bytes = dirty};
        assert_int_not_equal(heap_worth_leaving(heap), 0);
        assert_false(next(HEAP_RETURN_BYTES_MIN, SIZE_MAX, &leaving)); // there are no zones
        assert_int_equal(heap_worth_leaving(heap), 0);
        uintptr_t more = dirty / 8 > MIB ? dirty / 8 : MIB;
        back->dirty_bytes = dirty + more;
        assert_int_equal(heap_worth_leaving(heap), 0);
        back->dirty_bytes++;
        assert_int_not_equal(heap_worth_leaving(heap), 0);
        // Once little is kept, the next time is as the first.
        assert_false(next(HEAP_RETURN_BYTES_MIN, SIZE_MAX, &leaving));
        back->dirty_bytes = MIB;
        assert_int_equal(heap_worth_leaving(heap), 0);
        assert_int_equal(back->above, 0);
        back->dirty_bytes = 17 * MIB + 1;
        assert_int_not_equal(heap_worth_leaving(heap), 0);
    }
    *back = before;
    end();
}

static void a_search_in_vain_is_repeated_where_less_is_in_use(void **state)
{
    (void)state;
    begin(4 * MIB);
    struct heap_return *back = heap_returns(heap);
    const struct heap_return before = *back;
    struct leaving leaving;
    *back = (struct heap_return){.dirty_bytes = 64 * MIB, .held_bytes = 8 * MIB};
    assert_int_not_equal(heap_worth_leaving(heap), 0);
    assert_false(next(HEAP_RETURN_BYTES_MIN, SIZE_MAX, &leaving));
    assert_int_equal(heap_worth_leaving(heap), 0);
    back->held_bytes = 6 * MIB;
    assert_int_equal(heap_worth_leaving(heap), 0);
    back->held_bytes = 6 * MIB - 1;
    assert_int_not_equal(heap_worth_leaving(heap), 0);
    *back = before;
    end();
}

static void a_search_in_vain_is_repeated_for_shorter_ranges(void **state)
{
    (void)state;
    begin(4 * MIB);
    struct heap_return *back = heap_returns(heap);
    const struct heap_return before = *back;
    struct leaving leaving;
    *back = (struct heap_return){.dirty_bytes = 8 * MIB, .taken_bytes = 4 * MIB};
    assert_int_equal(heap_worth_leaving(heap), 512 * KIB);
    assert_false(next(512 * KIB, SIZE_MAX, &leaving));
    assert_int_equal(heap_worth_leaving(heap), 0);
    back->taken_bytes = 8 * MIB - 1;
    assert_int_equal(heap_worth_leaving(heap), 0);
    back->taken_bytes = 8 * MIB;
    assert_int_equal(heap_worth_leaving(heap), 256 * KIB);
    assert_int_equal(back->above, 0);
    assert_false(next(256 * KIB, SIZE_MAX, &leaving));
    assert_int_equal(heap_worth_leaving(heap), 0);
    // All that is beyond the bound has to go, whatever was looked for before.
    back->above = back->dirty_bytes = 17 * MIB + 1;
    assert_int_equal(heap_worth_leaving(heap), HEAP_RETURN_BYTES_MIN);
    assert_false(next(HEAP_RETURN_BYTES_MIN, SIZE_MAX, &leaving));
    assert_int_equal(heap_worth_leaving(heap), 0);
    *back = before;
    end();
}

// Its first part may have passed over what is as short as the rest is searched for.
static void a_search_has_looked_for_the_longest_ranges_that_it_began_with(void **state)
{
    (void)state;
    begin(4 * MIB);
    fill(heap, CHUNK, 1280);
    thin_out(heap, 1280, 64);
    struct heap_return *back = heap_returns(heap);
    struct leaving leaving;
    assert_false(next(4 * MIB, 1, &leaving));
    assert_int_equal(back->least_bytes, 4 * MIB);
    assert_false(next(MIB, SIZE_MAX, &leaving));
    assert_int_equal(back->least_bytes, 4 * MIB);
    assert_false(next(MIB, 1, &leaving));
    assert_int_equal(back->least_bytes, MIB);
    assert_false(next(2 * MIB, SIZE_MAX, &leaving));
    assert_int_equal(back->least_bytes, 2 * MIB);
    end();
}

static void a_search_that_is_worth_it_again_goes_on_below_what_was_kept(void **state)
{
    (void)state;
    begin(4 * MIB);
    struct heap_return *back = heap_returns(heap);
    const struct heap_return before = *back;
    struct leaving leaving;
    *back = (struct heap_return){.dirty_bytes = 64 * MIB};
    assert_int_not_equal(heap_worth_leaving(heap), 0);
    assert_false(next(HEAP_RETURN_BYTES_MIN, SIZE_MAX, &leaving));
    back->dirty_bytes = 72 * MIB + 1;
    assert_int_not_equal(heap_worth_leaving(heap), 0);
    back->dirty_bytes = 68 * MIB; // some has left
    assert_int_not_equal(heap_worth_leaving(heap), 0);
    uintptr_t most = most_beside(0);
    back->dirty_bytes = most - most / 4 + 1;
    assert_int_not_equal(heap_worth_leaving(heap), 0);
    back->dirty_bytes = most - most / 4;
    assert_int_equal(heap_worth_leaving(heap), 0);
    *back = before;
    end();
}

static void where_purges_have_split_mappings_no_parts_of_zones_leave(void **state)
{
    (void)state;
    begin(4 * KIB);
    fill(heap, CHUNK, 500);
    thin_out(heap, 500, 100);
    struct leaving leaving;
    driver.arena->splits = true;
    atomic_store(&driver.arena->split_count, 4096 - 1);
    assert_int_not_equal(heap_worth_leaving(heap), 0);
    assert_true(next(1, SIZE_MAX, &leaving));
    left(&leaving, LEFT_CLEAN);
    assert_int_equal(atomic_load(&driver.arena->split_count), 4096);
    assert_int_equal(heap_worth_leaving(heap), 0);
    // A trim goes on for a while.
    atomic_store(&driver.arena->split_count, 16384 - 1);
    assert_true(next(1, SIZE_MAX, &leaving));
    left(&leaving, LEFT_CLEAN);
    assert_false(next(1, SIZE_MAX, &leaving));
    end();
}

static void what_leaves_is_counted_where_it_may_split(void **state)
{
    (void)state;
    for (unsigned splits = 0; splits < 2; splits++) {
        begin(MIB);
        driver.arena->splits = splits != 0;
        fill(heap, CHUNK, 500);
        thin_out(heap, 500, 100);
        struct leaving leaving;
        unsigned count = 0;
        for (; next(PAGE, SIZE_MAX, &leaving); count++) {
            left(&leaving, LEFT_CLEAN);
        }
        assert_int_not_equal(count, 0);
        assert_int_equal(atomic_load(&driver.arena->split_count), splits != 0 ? count : 0);
        end();
    }
}

// ---- which --------------------------------------------------------------------------------------

static void the_emptiest_zones_come_first(void **state)
{
    (void)state;
    begin(SIZE_MAX - 1);
    fill(heap, CHUNK, 1280);
    // Ten zones; of each other one a tenth of the chunks is kept, of those between them a half.
    for (unsigned index = 0; index < 1280; index++) {
        unsigned kept = index / 128 % 2 != 0 ? 64 : 12;
        if (index % 128 >= kept) {
            put(heap, chunks[index]);
        }
    }
    heap_flush(heap);
    unsigned count = 0;
    uint32_t fill_before = ZONE_FILL_COUNT;
    struct leaving leaving;
    while (next(16 * KIB, SIZE_MAX, &leaving)) {
        uint32_t fill = zone_of_leaving(&leaving)->fill;
        assert_true(fill <= fill_before);
        fill_before = fill;
        left(&leaving, LEFT_CLEAN);
        count++;
    }
    assert_true(count >= 10);
    assert_int_not_equal(fill_before, ZONE_FILL_COUNT - 1);
    end();
}

static void a_search_in_small_steps_finds_as_much(void **state)
{
    (void)state;
    size_t bytes[2] = {0, 0};
    for (unsigned steps = 0; steps < 2; steps++) {
        begin(MIB);
        fill(heap, CHUNK, 2000);
        thin_out(heap, 2000, 40);
        fill(heap, 48, 5000);
        thin_out(heap, 5000, 500);
        struct leaving leaving;
        struct heap_return *back = heap_returns(heap);
        unsigned in_vain = 0;
        do {
            if (next(1, steps != 0 ? 1 : SIZE_MAX, &leaving)) {
                bytes[steps] += leaving.range.bytes;
                left(&leaving, LEFT_CLEAN);
            } else {
                in_vain++;
            }
        } while (back->above == 0);
        assert_true(steps == 0 ? in_vain == 1 : in_vain > 10);
        // All have been looked at, and what went does not go again.
        heap_search_anew(heap);
        assert_false(next(1, SIZE_MAX, &leaving));
        end();
    }
    assert_int_equal(bytes[0], bytes[1]);
    assert_int_not_equal(bytes[0], 0);
}

static void each_zone_is_looked_at_from_its_first_chunk_on(void **state)
{
    (void)state;
    enum { ZONES = 3, PER_ZONE = 128, KEPT = 20 };
    begin(MIB);
    fill(heap, CHUNK, ZONES * PER_ZONE);
    assert_int_equal(zone_of(chunks[0])->chunk_count, PER_ZONE);
    for (unsigned index = 0; index < ZONES * PER_ZONE; index++) {
        if (chunk_locate(driver.arena, chunks[index]).index < PER_ZONE - KEPT) {
            put(heap, chunks[index]);
        }
    }
    heap_flush(heap);
    struct leaving leaving;
    unsigned count = 0;
    for (; next(16 * KIB, 100, &leaving); count++) {
        assert_ptr_equal((void *)leaving.range.base, zone_base(zone_of_leaving(&leaving)));
        left(&leaving, LEFT_CLEAN);
    }
    assert_int_equal(count, ZONES);
    end();
}

static void zones_with_less_than_is_wanted_are_passed_over(void **state)
{
    (void)state;
    begin(MIB);
    fill(heap, CHUNK, 128);
    for (unsigned index = 16; index < 31; index++) {
        put(heap, chunks[index]);
    }
    heap_flush(heap);
    struct leaving leaving;
    assert_false(next(16 * KIB, SIZE_MAX, &leaving));
    put(heap, chunks[31]);
    heap_flush(heap);
    assert_true(next(16 * KIB, SIZE_MAX, &leaving));
    assert_int_equal(leaving.range.base, (uintptr_t)chunks[16]);
    assert_int_equal(leaving.range.bytes, 16 * KIB);
    left(&leaving, LEFT_CLEAN);
    end();
}

// ---- the place where a search goes on -----------------------------------------------------------

// Three zones of one list, each with two ranges that can go; `order` has them as the search comes to them.
static void three_zones(struct zone *order[3])
{
    begin(MIB);
    fill(heap, CHUNK, 384);
    for (unsigned index = 0; index < 384; index++) {
        unsigned at = index % 128;
        if ((at >= 8 && at < 32) || (at >= 64 && at < 96)) {
            put(heap, chunks[index]);
        }
    }
    heap_flush(heap);
    uintptr_t at = 0;
    for (unsigned fill = 0; fill < ZONE_FILL_COUNT && at == 0; fill++) {
        at = heap_lists(heap, zone_of(chunks[0])->size_class)[fill];
    }
    for (unsigned index = 0; index < 3; index++) {
        order[index] = offset_to(driver.arena, at);
        assert_non_null(order[index]);
        at = order[index]->next;
    }
    assert_int_equal(at, 0);
}

// Frees what is still in use of a zone.
static void empty(const struct zone *zone)
{
    for (unsigned index = 0; index < 384; index++) {
        unsigned at = index % 128;
        bool is_free = (at >= 8 && at < 32) || (at >= 64 && at < 96);
        if (!is_free && zone_spans(zone, chunks[index])) {
            put(heap, chunks[index]);
        }
    }
    heap_flush(heap);
}

// Has everything of a zone handed out.
static void use_up(struct zone *zone)
{
    struct chunk_entry entries[128];
    uint32_t count = zone_take(zone, entries, 128);
    for (uint32_t index = 0; index < count; index++) {
        zone_set_state(zone, zone_entry_index(zone, &entries[index]), STATE_LIVE);
    }
    heap_relist(heap, zone);
}

static void a_search_goes_on_in_the_zone_that_it_has_come_to(void **state)
{
    (void)state;
    struct zone *order[3];
    three_zones(order);
    struct leaving leaving;
    for (unsigned range = 0; range < 6; range++) {
        assert_true(next(16 * KIB, SIZE_MAX, &leaving));
        assert_ptr_equal(zone_of_leaving(&leaving), order[range / 2]);
        left(&leaving, LEFT_CLEAN);
    }
    assert_false(next(16 * KIB, SIZE_MAX, &leaving));
    end();
}

static void a_search_survives_that_its_zone_is_used_up(void **state)
{
    (void)state;
    struct zone *order[3];
    three_zones(order);
    struct leaving leaving;
    assert_true(next(16 * KIB, SIZE_MAX, &leaving));
    left(&leaving, LEFT_CLEAN);
    use_up(order[0]);
    assert_int_equal(order[0]->fill, ZONE_UNLISTED);
    assert_true(heap_is_valid(heap));
    assert_true(next(16 * KIB, SIZE_MAX, &leaving));
    assert_ptr_equal(zone_of_leaving(&leaving), order[1]);
    left(&leaving, LEFT_CLEAN);
    // The zone after it goes as well, then the one that it is at.
    use_up(order[2]);
    use_up(order[1]);
    assert_false(next(16 * KIB, SIZE_MAX, &leaving));
    assert_int_equal(heap_returns(heap)->zone, 0);
    end();
}

static void a_search_survives_that_its_zone_is_dissolved(void **state)
{
    (void)state;
    for (unsigned gives = 0; gives < 2; gives++) {
        struct zone *order[3];
        three_zones(order);
        struct leaving leaving;
        assert_true(next(16 * KIB, SIZE_MAX, &leaving));
        left(&leaving, LEFT_CLEAN);
        empty(order[0]);
        assert_true(heap_has_empty(heap));
        while (gives != 0 && heap_give_empty(heap)) {
        }
        assert_true(heap_is_valid(heap));
        assert_true(next(16 * KIB, SIZE_MAX, &leaving));
        assert_ptr_equal(zone_of_leaving(&leaving), order[1]);
        left(&leaving, LEFT_CLEAN);
        while (heap_give_empty(heap)) {
        }
        end();
    }
}

static void a_search_survives_that_its_zone_goes_to_another_list(void **state)
{
    (void)state;
    struct zone *order[3];
    three_zones(order);
    struct leaving leaving;
    assert_true(next(16 * KIB, SIZE_MAX, &leaving));
    left(&leaving, LEFT_CLEAN);
    // It becomes fuller: it is in a list that is still to come, and is looked through from its start.
    struct chunk_entry entries[30];
    uint32_t fill = order[0]->fill;
    assert_int_equal(zone_take(order[0], entries, 30), 30);
    for (uint32_t index = 0; index < 30; index++) {
        zone_set_state(order[0], zone_entry_index(order[0], &entries[index]), STATE_LIVE);
    }
    heap_relist(heap, order[0]);
    assert_true(order[0]->fill < fill);
    for (unsigned range = 0; range < 5; range++) {
        static const unsigned expected[] = {1, 1, 2, 2, 0};
        assert_true(next(16 * KIB, SIZE_MAX, &leaving));
        assert_ptr_equal(zone_of_leaving(&leaving), order[expected[range]]);
        left(&leaving, LEFT_CLEAN);
    }
    assert_false(next(16 * KIB, SIZE_MAX, &leaving));
    end();
}

// ---- what becomes of it -------------------------------------------------------------------------

static void what_was_purged_is_no_longer_kept(void **state)
{
    (void)state;
    begin(MIB);
    fill(heap, CHUNK, 128);
    for (unsigned index = 16; index < 100; index++) {
        put(heap, chunks[index]);
    }
    heap_flush(heap);
    struct heap_return *back = heap_returns(heap);
    assert_int_equal(back->dirty_bytes, 84 * CHUNK);
    assert_int_equal(back->held_bytes, (128 - 84) * CHUNK);
    struct leaving leaving;
    assert_true(next(PAGE, SIZE_MAX, &leaving));
    left(&leaving, LEFT_CLEAN);
    assert_int_equal(back->dirty_bytes, 0);
    assert_int_equal(back->held_bytes, (128 - 84) * CHUNK);
    // A calloc finds it zero, and what it is used for counts as before.
    unsigned zero_count = 0;
    for (unsigned index = 16; index < 100; index++) {
        struct grant grant = driver_alloc(&driver, heap, CHUNK, 16);
        assert_true(!grant.is_zero || bytes_are(grant.ptr, CHUNK, 0));
        zero_count += grant.is_zero;
        chunks[index] = grant.ptr;
        memset(grant.ptr, OLD, CHUNK);
    }
    assert_int_equal(zero_count, 84);
    for (unsigned index = 0; index < 128; index++) {
        put(heap, chunks[index]);
    }
    heap_flush(heap);
    assert_int_equal(back->dirty_bytes, 128 * CHUNK);
    assert_int_equal(back->held_bytes, 0);
    end();
}

static void what_the_system_refuses_ends_the_search(void **state)
{
    (void)state;
    struct zone *order[3];
    three_zones(order);
    struct heap_return *back = heap_returns(heap);
    struct leaving leaving;
    assert_true(next(16 * KIB, SIZE_MAX, &leaving));
    uintptr_t dirty = back->dirty_bytes;
    left(&leaving, LEFT_DIRTY);
    assert_int_equal(back->dirty_bytes, dirty);
    assert_int_equal(back->above, dirty + MIB);
    assert_int_equal(heap_worth_leaving(heap), 0);
    // Whoever asks nevertheless begins anew.
    assert_true(next(16 * KIB, SIZE_MAX, &leaving));
    assert_ptr_equal(zone_of_leaving(&leaving), order[0]);
    left(&leaving, LEFT_CLEAN);
    end();
}

static void what_has_no_access_any_more_is_nobodys_for_ever(void **state)
{
    (void)state;
    struct zone *order[3];
    three_zones(order);
    struct leaving lost[6];
    for (unsigned index = 0; index < 6; index++) {
        assert_true(next(16 * KIB, SIZE_MAX, &lost[index]));
        left(&lost[index], LEFT_RESERVED);
    }
    // Whatever is freed and allocated, trimmed and left behind, and with a child's new books.
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned index = 0; index < 600; index++) {
            unsigned char *ptr = driver_alloc(&driver, heap, CHUNK, 16).ptr;
            assert_non_null(ptr);
            for (unsigned range = 0; range < 6; range++) {
                uintptr_t distance = (uintptr_t)ptr - lost[range].range.base;
                assert_true(distance >= lost[range].range.bytes && (uintptr_t)-distance >= CHUNK);
            }
            chunks[1000 + index] = ptr;
        }
        for (unsigned index = 0; index < 600; index++) {
            driver_free(&driver, heap, chunks[1000 + index]);
        }
        heap_trim(heap);
        assert_true(driver_is_valid(&driver));
        if (round == 1) {
            heap_revive(driver.arena, heap);
            assert_true(driver_is_valid(&driver));
        }
    }
    end();
}

static void a_zone_that_is_lost_but_for_what_is_in_use_is_nobodys(void **state)
{
    (void)state;
    begin(MIB);
    fill(heap, CHUNK, 128);
    struct zone *zone = zone_of(chunks[0]);
    for (unsigned index = 16; index < 128; index++) {
        put(heap, chunks[index]);
    }
    heap_flush(heap);
    struct leaving leaving;
    assert_true(next(PAGE, SIZE_MAX, &leaving));
    left(&leaving, LEFT_RESERVED);
    assert_int_equal(zone->owner, ZONE_OWNER_FULL);
    assert_int_equal(heap_returns(heap)->dirty_bytes, 0);
    assert_int_equal(heap_returns(heap)->held_bytes, 0);
    assert_true(heap_is_valid(heap));
    // What is in use of it can be freed, and had again.
    for (unsigned index = 0; index < 16; index++) {
        driver_free(&driver, heap, chunks[index]);
    }
    heap_flush(heap);
    assert_true(heap_owns(heap, zone));
    assert_int_equal(zone_available(zone), 16);
    end();
}

// ---- trims of all heaps -------------------------------------------------------------------------

static void a_trim_that_is_demanded_is_due_once_in_each_heap(void **state)
{
    (void)state;
    begin(MIB);
    struct heap *other = driver_acquire(&driver, HEAP_BYTES);
    assert_false(heap_trim_is_due(heap));
    heap_demand_trim(driver.arena);
    heap_demand_trim(driver.arena);
    assert_true(heap_trim_is_due(heap));
    assert_false(heap_trim_is_due(heap));
    assert_true(heap_trim_is_due(other));
    assert_false(heap_trim_is_due(other));
    heap_demand_trim(driver.arena);
    assert_true(heap_trim_is_due(heap));
    end();
}

// ---- heaps that change hands --------------------------------------------------------------------

static void a_heap_that_waits_for_a_thread_keeps_its_books(void **state)
{
    (void)state;
    begin(MIB);
    fill(heap, CHUNK, 1280);
    thin_out(heap, 1280, 64);
    heap_retire(heap);
    assert_true(driver_is_valid(&driver));
    assert_true(heap_returns(heap)->dirty_bytes > MIB);
    struct leaving leaving;
    while (next(1, SIZE_MAX, &leaving)) {
        left(&leaving, LEFT_CLEAN);
    }
    // Of each page with one in use the three others stay.
    assert_int_equal(heap_returns(heap)->dirty_bytes, 20 * 3 * CHUNK);
    assert_ptr_equal(driver_acquire(&driver, HEAP_BYTES), heap);
    assert_true(driver_is_valid(&driver));
    end();
}

static void a_zone_that_another_heap_takes_over_is_counted_there(void **state)
{
    (void)state;
    begin(MIB);
    struct heap *other = driver_acquire(&driver, HEAP_BYTES);
    fill(heap, CHUNK, 256);
    for (unsigned index = 0; index < 256; index++) {
        if (index % 64 != 0) {
            driver_free(&driver, other, chunks[index]);
        }
    }
    heap_send_parcels(other);
    struct zone *zone = zone_of(chunks[0]);
    assert_true(heap_adopt(other, zone->size_class, true));
    assert_true(driver_is_valid(&driver));
    assert_true(heap_returns(other)->dirty_bytes >= 100 * CHUNK);
    while (heap_adopt(other, zone->size_class, true)) {
    }
    assert_int_equal(heap_returns(heap)->held_bytes, 0);
    assert_int_equal(heap_returns(other)->dirty_bytes, 252 * CHUNK);
    assert_int_equal(heap_returns(other)->held_bytes, 4 * CHUNK);
    end();
}

static void classes_that_nobody_wants_any_more_are_taken_in_one_by_one(void **state)
{
    (void)state;
    begin(MIB);
    struct heap *other = driver_acquire(&driver, HEAP_BYTES);
    fill(heap, CHUNK, 256);
    struct zone *zone = zone_of(chunks[0]);
    assert_int_equal(atomic_load(&zone->owner), ZONE_OWNER_FULL);
    for (unsigned index = 0; index < 10; index++) {
        driver_free(&driver, other, chunks[index]);
    }
    heap_send_parcels(other);
    // By who had it last: a tenth of its chunks are not enough for the other.
    for (unsigned count = 0; count < heap->class_count; count++) {
        heap_adopt_next(other);
        assert_false(heap_owns(other, zone));
    }
    assert_int_equal(zone_home_count(zone), 10);
    heap_drain(heap);
    assert_true(heap_owns(heap, zone));
    assert_int_equal(zone_home_count(zone), 0);
    assert_true(heap_returns(heap)->dirty_bytes >= 10 * CHUNK);
    end();
}

static void each_new_zone_looks_through_one_class(void **state)
{
    (void)state;
    begin(MIB);
    struct heap *other = driver_acquire(&driver, HEAP_BYTES);
    fill(heap, CHUNK, 256);
    struct zone *zone = zone_of(chunks[0]);
    for (unsigned index = 0; index < 10; index++) {
        driver_free(&driver, other, chunks[index]);
    }
    heap_send_parcels(other);
    size_t zones = driver.arena->zone_count;
    uintptr_t first = heap_returns(heap)->home_class;
    for (unsigned count = 0; count < heap->class_count; count++) {
        assert_int_equal(heap_returns(heap)->home_class, (first + count) % heap->class_count);
        while (driver.arena->zone_count == zones + count) {
            assert_non_null(driver_alloc(&driver, heap, 16, 16).ptr);
        }
    }
    assert_int_equal(heap_returns(heap)->home_class, first);
    assert_true(heap_owns(heap, zone));
    assert_int_equal(zone_home_count(zone), 0);
    end();
}

static void a_revived_heap_counts_anew_and_goes_on(void **state)
{
    (void)state;
    for (unsigned survives = 0; survives < 2; survives++) {
        begin(MIB);
        fill(heap, CHUNK, 1280);
        thin_out(heap, 1280, 64);
        struct leaving leaving;
        for (unsigned count = 0; count < 4; count++) {
            assert_true(next(PAGE, SIZE_MAX, &leaving));
            left(&leaving, LEFT_CLEAN);
        }
        // A thread of the parent was about to purge one more.
        assert_true(next(PAGE, SIZE_MAX, &leaving));
        uintptr_t dirty = heap_returns(heap)->dirty_bytes;
        heap_revive(driver.arena, survives != 0 ? heap : NULL);
        assert_true(driver_is_valid(&driver));
        assert_int_equal(heap_returns(heap)->dirty_bytes, dirty);
        assert_int_equal(heap_returns(heap)->zone, 0);
        while (next(1, SIZE_MAX, &leaving)) {
            left(&leaving, LEFT_CLEAN);
        }
        assert_int_equal(heap_returns(heap)->dirty_bytes, 20 * 3 * CHUNK);
        end();
    }
}

// ---- any program --------------------------------------------------------------------------------

// All pages of a program's zones that can go. Returns how many ranges went.
static size_t purge_all(struct churn *churn)
{
    size_t count = 0;
    for (unsigned which = 0; which < CHURN_HEAPS_MAX; which++) {
        struct heap *owner = churn->heaps[which];
        struct leaving leaving;
        while (owner != NULL && heap_next_leaving(owner, 1, SIZE_MAX, &leaving)) {
            memset((void *)leaving.range.base, 0, leaving.range.bytes);
            heap_left(owner, &leaving, LEFT_CLEAN);
            count++;
        }
    }
    return count;
}

// Programs of up to three heaps on arenas that keep next to nothing: what is said to be zero is zero, and what is in use
// stays as it is, whichever pages leave meanwhile.
static void contents_survive_purges(void **state)
{
    (void)state;
    struct random random = random_seeded(47);
    size_t purges = 0;
    for (unsigned round = 0; round < 24; round++) {
        static struct churn churn;
        static const size_t pages[] = {4 * KIB, 16 * KIB, 64 * KIB};
        const struct driver_options options = {
            .unit_bytes = UNIT,
            .page_bytes = pages[round % 3],
            .dirty_bytes_max = 1 + random_below(&random, 64 * KIB),
            .parcel_count = round % 2 != 0 ? 8 : 0,
            .section_bytes = 16 * MIB,
            .commits = round % 4 == 0,
        };
        churn_begin(&churn, &options, 1 + round % 3, HEAP_BYTES, random_next(&random));
        churn.bytes_most = 256U << random_below(&random, 6);
        for (unsigned step = 0; step < 9000; step++) {
            // From time to time most of what is held goes.
            while (step % 3000 == 2999 && churn.held_count > 40) {
                struct heap *heap_now = churn_heap(&churn);
                churn_free(&churn, heap_now, random_below(&random, (uint32_t)churn.held_count));
            }
            churn_step(&churn);
            purges += step % 300 == 0 ? purge_all(&churn) : 0;
        }
        purges += churn.driver.purge_count;
        churn_end(&churn);
    }
    assert_true(purges > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_heap_of_an_arena_that_keeps_all_has_no_books),
        cmocka_unit_test(beyond_a_bound_all_ranges_are_worth_it_until_a_quarter_has_left),
        cmocka_unit_test(the_bound_is_64_mib_at_most_and_little_where_little_is_kept),
        cmocka_unit_test(several_heaps_share_it_and_it_becomes_less),
        cmocka_unit_test(with_what_is_taken_shorter_ranges_are_worth_it),
        cmocka_unit_test(what_a_heap_takes_is_counted_and_what_leaves_is_paid_for),
        cmocka_unit_test(what_left_and_is_taken_again_stays_the_next_time),
        cmocka_unit_test(what_nobody_takes_again_stays_less),
        cmocka_unit_test(a_search_in_vain_is_not_repeated_before_there_is_more),
        cmocka_unit_test(a_search_in_vain_is_repeated_where_less_is_in_use),
        cmocka_unit_test(a_search_in_vain_is_repeated_for_shorter_ranges),
        cmocka_unit_test(a_search_has_looked_for_the_longest_ranges_that_it_began_with),
        cmocka_unit_test(a_search_that_is_worth_it_again_goes_on_below_what_was_kept),
        cmocka_unit_test(where_purges_have_split_mappings_no_parts_of_zones_leave),
        cmocka_unit_test(what_leaves_is_counted_where_it_may_split),
        cmocka_unit_test(the_emptiest_zones_come_first),
        cmocka_unit_test(a_search_in_small_steps_finds_as_much),
        cmocka_unit_test(each_zone_is_looked_at_from_its_first_chunk_on),
        cmocka_unit_test(zones_with_less_than_is_wanted_are_passed_over),
        cmocka_unit_test(a_search_goes_on_in_the_zone_that_it_has_come_to),
        cmocka_unit_test(a_search_survives_that_its_zone_is_used_up),
        cmocka_unit_test(a_search_survives_that_its_zone_is_dissolved),
        cmocka_unit_test(a_search_survives_that_its_zone_goes_to_another_list),
        cmocka_unit_test(what_was_purged_is_no_longer_kept),
        cmocka_unit_test(what_the_system_refuses_ends_the_search),
        cmocka_unit_test(what_has_no_access_any_more_is_nobodys_for_ever),
        cmocka_unit_test(a_zone_that_is_lost_but_for_what_is_in_use_is_nobodys),
        cmocka_unit_test(a_trim_that_is_demanded_is_due_once_in_each_heap),
        cmocka_unit_test(a_heap_that_waits_for_a_thread_keeps_its_books),
        cmocka_unit_test(a_zone_that_another_heap_takes_over_is_counted_there),
        cmocka_unit_test(classes_that_nobody_wants_any_more_are_taken_in_one_by_one),
        cmocka_unit_test(each_new_zone_looks_through_one_class),
        cmocka_unit_test(a_revived_heap_counts_anew_and_goes_on),
        cmocka_unit_test(contents_survive_purges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
