// SPDX-License-Identifier: MIT
// Pages of a zone that only free chunks touch, against a model that looks at each page of the zone by itself; and what the
// zone says of its chunks after they were purged, against the memory.
#include "core/zone_idle.h"

#include "core/bits.h"
#include "tests/core/random.h"
#include "tests/core/test.h"
#include "tests/core/zone_record.h"

#include <stdlib.h>
#include <string.h>

enum { KIB = 1 << 10, UNIT = 64 * KIB, OLD = 0xFF };

static const size_t page_sizes[] = {4 * KIB, 16 * KIB, 64 * KIB};
enum { PAGE_SIZES = sizeof(page_sizes) / sizeof(page_sizes[0]) };

// A zone whose run holds what the zone knows of it: zeros, or old bytes.
struct scene {
    struct zone_record record;
    struct zone *zone;
    size_t page_bytes;
    struct chunk_entry *stacked; // chunks that are neither live nor in the zone
    uint32_t stacked_count;
};

static struct scene scene_begin(unsigned size_class, size_t page_bytes, bool is_clean)
{
    struct scene scene = {.page_bytes = page_bytes};
    scene.record = zone_record_new(size_class, UNIT, is_clean);
    scene.zone = scene.record.zone;
    memset(scene.record.run.base, is_clean ? 0 : OLD, scene.record.run.bytes);
    scene.stacked = calloc(scene.zone->chunk_count, sizeof(*scene.stacked));
    assert_non_null(scene.stacked);
    return scene;
}

static void scene_end(struct scene *scene)
{
    assert_true(zone_is_valid(scene->zone));
    free(scene->stacked);
    memset(scene->record.run.base, 0x77, scene->record.run.bytes); // as the record wants it
    zone_record_delete(&scene->record);
}

static unsigned char *bytes_of(const struct zone *zone, uint32_t index)
{
    return zone_chunk(zone, index);
}

// The zone's next chunks are handed out, and written to.
static void use(struct scene *scene, uint32_t count)
{
    struct zone *zone = scene->zone;
    for (uint32_t taken = 0; taken < count; taken++) {
        struct chunk_entry entry;
        assert_int_equal(zone_take(zone, &entry, 1), 1);
        uint32_t index = zone_entry_index(zone, &entry);
        zone_set_state(zone, index, STATE_LIVE);
        memset(entry.chunk, OLD, zone->chunk_bytes);
    }
}

static void give(const struct scene *scene, uint32_t index)
{
    zone_set_state(scene->zone, index, STATE_FREED);
    zone_give(scene->zone, index);
}

static void give_from_to(const struct scene *scene, uint32_t first, uint32_t end)
{
    for (uint32_t index = first; index < end; index++) {
        give(scene, index);
    }
}

// Whether all that the zone says is zero is zero in memory (Z3), but for what is said not to be there any more.
static bool zeros_are_zero(const struct scene *scene)
{
    const struct zone *zone = scene->zone;
    for (uint32_t index = 0; index < zone->chunk_count; index++) {
        if (state_is_zero(zone_state(zone, index)) &&
            !bytes_are(bytes_of(zone, index), zone->chunk_bytes, 0)) {
            return false;
        }
    }
    return true;
}

static void purge(const struct scene *scene, const struct range *range)
{
    memset((void *)range->base, 0, range->bytes);
    zone_note_clean(scene->zone, range);
    assert_true(zone_is_valid(scene->zone));
    assert_true(zeros_are_zero(scene));
}

// ---- the model ----------------------------------------------------------------------------------

static size_t smaller(size_t one, size_t other)
{
    return one < other ? one : other;
}

// How many bytes of a chunk lie between two offsets from the zone's base.
static size_t overlap(const struct zone *zone, uint32_t index, size_t low, size_t high)
{
    size_t start = (size_t)index * zone->chunk_bytes;
    size_t end = smaller(start + zone->chunk_bytes, high);
    start = start > low ? start : low;
    return start < end ? end - start : 0;
}

// Whether chunks of the zone touch a page, and only free ones.
static bool page_is_idle(const struct scene *scene, size_t page)
{
    const struct zone *zone = scene->zone;
    size_t low = page * scene->page_bytes;
    if (low >= (size_t)zone->chunk_count * zone->chunk_bytes) {
        return false;
    }
    for (uint32_t index = 0; index < zone->chunk_count; index++) {
        if (overlap(zone, index, low, low + scene->page_bytes) != 0 && !zone_holds(zone, index)) {
            return false;
        }
    }
    return true;
}

// Whether a page of a group of idle ones is touched by a chunk that may hold old bytes there.
static bool page_has_reason(const struct scene *scene, size_t page, size_t group, size_t group_end)
{
    const struct zone *zone = scene->zone;
    size_t low = page * scene->page_bytes;
    for (uint32_t index = 0; index < zone->chunk_count; index++) {
        size_t inside =
            overlap(zone, index, group * scene->page_bytes, group_end * scene->page_bytes);
        if (!state_is_zero(zone_state(zone, index)) && inside != 0 &&
            overlap(zone, index, low, low + scene->page_bytes) != 0) {
            return true;
        }
    }
    return false;
}

// The next range by the model, from page *next on.
static bool model_next(const struct scene *scene, size_t *next, size_t least_bytes,
                       struct range *range)
{
    size_t page_count = scene->record.run.bytes / scene->page_bytes;
    while (*next < page_count) {
        size_t first = *next;
        if (!page_is_idle(scene, first)) {
            (*next)++;
            continue;
        }
        size_t end = first;
        while (end < page_count && page_is_idle(scene, end)) {
            end++;
        }
        *next = end;
        size_t low = first, high = end;
        while (low < end && !page_has_reason(scene, low, first, end)) {
            low++;
        }
        while (high > low && !page_has_reason(scene, high - 1, first, end)) {
            high--;
        }
        *range = (struct range){
            .base = (uintptr_t)scene->record.run.base + low * scene->page_bytes,
            .bytes = (high - low) * scene->page_bytes,
        };
        if (range->bytes != 0 && range->bytes >= least_bytes) {
            return true;
        }
    }
    return false;
}

// Holds what is found in a zone against the model. Returns how many ranges there are.
static unsigned expect_as_model(const struct scene *scene, size_t least_bytes)
{
    unsigned count = 0;
    uint32_t from = 0;
    size_t next = 0;
    struct range expected;
    struct range range;
    while (model_next(scene, &next, least_bytes, &expected)) {
        assert_true(zone_find_idle(scene->zone, &from, scene->page_bytes, least_bytes, &range));
        assert_int_equal(range.base, expected.base);
        assert_int_equal(range.bytes, expected.bytes);
        count++;
    }
    assert_false(zone_find_idle(scene->zone, &from, scene->page_bytes, least_bytes, &range));
    assert_int_equal(from, scene->zone->chunk_count);
    assert_false(zone_find_idle(scene->zone, &from, scene->page_bytes, least_bytes, &range));
    return count;
}

// ---- what is found ------------------------------------------------------------------------------

static void a_zone_as_it_was_cut_has_something_only_if_it_was_cut_dirty(void **state)
{
    (void)state;
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class += 3) {
        for (unsigned page = 0; page < PAGE_SIZES; page++) {
            struct scene clean = scene_begin(size_class, page_sizes[page], true);
            assert_int_equal(expect_as_model(&clean, 1), 0);
            scene_end(&clean);
            struct scene dirty = scene_begin(size_class, page_sizes[page], false);
            assert_int_equal(expect_as_model(&dirty, 1), 1);
            uint32_t from = 0;
            struct range range;
            assert_true(zone_find_idle(dirty.zone, &from, page_sizes[page], 1, &range));
            assert_int_equal(range.base, (uintptr_t)zone_base(dirty.zone));
            size_t bytes = (size_t)dirty.zone->chunk_count * dirty.zone->chunk_bytes;
            assert_int_equal(range.bytes, bits_align_up(bytes, page_sizes[page]));
            scene_end(&dirty);
        }
    }
}

static void a_page_that_one_chunk_in_use_touches_stays(void **state)
{
    (void)state;
    // 4096 chunks of 16 bytes, 256 of them in a page.
    struct scene scene = scene_begin(0, 4 * KIB, true);
    use(&scene, 4096);
    struct range range;
    uint32_t from = 0;
    give_from_to(&scene, 256, 511);
    assert_false(zone_find_idle(scene.zone, &from, 4 * KIB, 1, &range));
    give(&scene, 511);
    from = 0;
    assert_true(zone_find_idle(scene.zone, &from, 4 * KIB, 1, &range));
    assert_int_equal(range.base, (uintptr_t)bytes_of(scene.zone, 256));
    assert_int_equal(range.bytes, 4 * KIB);
    assert_int_equal(from, 512);
    scene_end(&scene);
}

static void shorter_ranges_than_wanted_are_passed_over(void **state)
{
    (void)state;
    struct scene scene = scene_begin(0, 4 * KIB, true);
    use(&scene, 4096);
    give_from_to(&scene, 256, 512);
    give_from_to(&scene, 1024, 2048 + 17);
    give_from_to(&scene, 3072, 3072 + 768);
    struct range range;
    uint32_t from = 0;
    assert_true(zone_find_idle(scene.zone, &from, 4 * KIB, 16 * KIB, &range));
    assert_int_equal(range.base, (uintptr_t)bytes_of(scene.zone, 1024));
    assert_int_equal(range.bytes, 16 * KIB);
    assert_false(zone_find_idle(scene.zone, &from, 4 * KIB, 16 * KIB, &range));
    assert_int_equal(expect_as_model(&scene, 1), 3);
    assert_int_equal(expect_as_model(&scene, 4 * KIB + 1), 2);
    assert_int_equal(expect_as_model(&scene, 16 * KIB + 1), 0);
    scene_end(&scene);
}

static void what_lies_above_the_last_chunk_used_goes_only_if_it_is_dirty(void **state)
{
    (void)state;
    for (unsigned is_clean = 0; is_clean < 2; is_clean++) {
        struct scene scene = scene_begin(0, 4 * KIB, is_clean != 0);
        use(&scene, 600);
        give_from_to(&scene, 300, 600);
        struct range range;
        uint32_t from = 0;
        assert_true(zone_find_idle(scene.zone, &from, 4 * KIB, 1, &range));
        // From the next page on; the page that the 600th chunk lies in is the last that was touched.
        assert_int_equal(range.base, (uintptr_t)bytes_of(scene.zone, 512));
        assert_int_equal(range.bytes, is_clean ? 4 * KIB : UNIT - 8 * KIB);
        assert_int_equal(from, scene.zone->chunk_count);
        scene_end(&scene);
    }
}

static void what_is_known_to_be_zero_does_not_go_twice(void **state)
{
    (void)state;
    // Up to half a page: longer chunks may lie half in pages that stay.
    for (unsigned size_class = 0; size_class_bytes(size_class) <= 2 * KIB; size_class++) {
        struct scene scene = scene_begin(size_class, 4 * KIB, size_class % 2 != 0);
        uint32_t count = scene.zone->chunk_count;
        use(&scene, count);
        give_from_to(&scene, 1, count / 2);
        give_from_to(&scene, count / 2 + 1, count);
        struct range range;
        uint32_t from = 0;
        unsigned purged = 0;
        while (zone_find_idle(scene.zone, &from, 4 * KIB, 1, &range)) {
            purge(&scene, &range);
            purged++;
        }
        assert_int_equal(purged, 2);
        assert_int_equal(expect_as_model(&scene, 1), 0);
        // One chunk in the midst of it is used once more: its pages go again, and no other.
        uint32_t taken = zone_take(scene.zone, scene.stacked, count / 2);
        struct chunk_entry entry = scene.stacked[taken / 2];
        memset(entry.chunk, OLD, scene.zone->chunk_bytes);
        zone_set_state(scene.zone, zone_entry_index(scene.zone, &entry), STATE_FREED);
        while (taken-- != 0) {
            zone_give(scene.zone, zone_entry_index(scene.zone, &scene.stacked[taken]));
        }
        from = 0;
        assert_true(zone_find_idle(scene.zone, &from, 4 * KIB, 1, &range));
        assert_true(range.base <= (uintptr_t)entry.chunk &&
                    (uintptr_t)entry.chunk < range.base + range.bytes);
        assert_true(range.bytes <= 8 * KIB);
        scene_end(&scene);
    }
}

// ---- what becomes of it -------------------------------------------------------------------------

static void purged_chunks_are_handed_out_as_zero(void **state)
{
    (void)state;
    for (unsigned is_clean = 0; is_clean < 2; is_clean++) {
        struct scene scene = scene_begin(0, 4 * KIB, is_clean != 0);
        use(&scene, 1100);
        give_from_to(&scene, 10, 1100);
        assert_int_equal(zone_dirty_count(scene.zone), is_clean ? 1090 : 4096 - 10);
        struct range range;
        uint32_t from = 0;
        assert_true(zone_find_idle(scene.zone, &from, 4 * KIB, 1, &range));
        purge(&scene, &range);
        assert_int_equal(zone_dirty_count(scene.zone), 246); // of the first page
        assert_int_equal(scene.zone->fresh_index, is_clean ? 1100 : 4096);
        assert_int_equal(zone_available(scene.zone), 4096 - 10);
        uint32_t zero_count = 0;
        while (zone_available(scene.zone) != 0) {
            struct chunk_entry entry;
            zone_take(scene.zone, &entry, 1);
            bool is_zero =
                state_is_zero(zone_state(scene.zone, zone_entry_index(scene.zone, &entry)));
            assert_int_equal(is_zero, bytes_are(entry.chunk, 16, 0));
            zero_count += is_zero;
        }
        assert_int_equal(zero_count, 4096 - 256);
        assert_int_equal(scene.zone->clean_count, 0);
        assert_int_equal(zone_dirty_count(scene.zone), 0);
        scene_end(&scene);
    }
}

static void a_chunk_that_lies_half_in_a_purged_page_is_cleared(void **state)
{
    (void)state;
    // Chunks of 48 bytes: 85 and a third in a page.
    struct scene scene = scene_begin(2, 4 * KIB, true);
    use(&scene, 400);
    for (uint32_t index = 0; index < 400; index++) {
        memset(zone_chunk(scene.zone, index), 0xA5, 48);
    }
    give_from_to(&scene, 80, 350);
    struct range range;
    uint32_t from = 0;
    assert_true(zone_find_idle(scene.zone, &from, 4 * KIB, 1, &range));
    assert_int_equal(range.base, (uintptr_t)zone_base(scene.zone) + 4 * KIB);
    assert_int_equal(range.bytes, 12 * KIB); // to byte 16384, in the 342nd chunk
    purge(&scene, &range);
    assert_int_equal(zone_state(scene.zone, 84), STATE_FREED);
    assert_true(bytes_are(zone_chunk(scene.zone, 84), 48, 0xA5));
    for (uint32_t index = 85; index <= 341; index++) {
        assert_int_equal(zone_state(scene.zone, index), STATE_CLEAN);
        assert_true(bytes_are(zone_chunk(scene.zone, index), 48, 0));
    }
    assert_int_equal(zone_state(scene.zone, 342), STATE_FREED);
    assert_true(bytes_are(zone_chunk(scene.zone, 342), 48, 0xA5));
    assert_int_equal(scene.zone->clean_count, 342 - 85);
    scene_end(&scene);
}

static void chunks_from_a_stack_that_nobody_used_are_counted_or_not(void **state)
{
    (void)state;
    struct scene scene = scene_begin(0, 4 * KIB, true);
    struct chunk_entry entries[512];
    assert_int_equal(zone_take(scene.zone, entries, 512), 512);
    for (unsigned index = 0; index < 512; index++) {
        zone_give(scene.zone, index); // as they were taken
    }
    // They are zero, which the count need not know (Z6), but a search does.
    assert_int_equal(scene.zone->clean_count, 0);
    assert_true(zone_is_valid(scene.zone));
    struct range range;
    uint32_t from = 0;
    assert_false(zone_find_idle(scene.zone, &from, 4 * KIB, 1, &range));
    // Nor does it fall below nothing when they leave.
    assert_int_equal(zone_take(scene.zone, entries, 512), 512);
    assert_int_equal(scene.zone->clean_count, 0);
    scene_end(&scene);
}

static void what_is_lost_is_never_handed_out(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 4; round++) {
        // Chunks of 48 bytes that reach over the pages' ends are lost as well; of those known to be zero, too.
        struct scene scene = scene_begin(2, 4 * KIB, round % 2 != 0);
        use(&scene, 400);
        give_from_to(&scene, 80, 350);
        struct range range = {.base = (uintptr_t)zone_base(scene.zone) + 4 * KIB,
                              .bytes = 12 * KIB};
        if (round / 2 != 0) {
            purge(&scene, &range);
        }
        zone_lose(scene.zone, &range);
        assert_true(zone_is_valid(scene.zone));
        assert_int_equal(zone_available(scene.zone),
                         (350 - 80) + (scene.zone->chunk_count - 400) - (342 - 85));
        for (uint32_t index = 85; index < 342; index++) {
            assert_false(zone_holds(scene.zone, index));
            assert_true(state_is_live(zone_state(scene.zone, index)));
        }
        while (zone_available(scene.zone) != 0) {
            struct chunk_entry entry;
            zone_take(scene.zone, &entry, 1);
            uintptr_t chunk = (uintptr_t)entry.chunk;
            assert_true(chunk + 48 <= range.base || chunk >= range.base + range.bytes);
        }
        // A child of a fork, which knows states alone, does not find them either.
        zone_rebuild(scene.zone);
        assert_true(zone_is_valid(scene.zone));
        for (uint32_t index = 85; index < 342; index++) {
            assert_false(zone_holds(scene.zone, index));
        }
        scene_end(&scene);
    }
}

static void the_end_of_a_zone_can_be_lost(void **state)
{
    (void)state;
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class += 5) {
        struct scene scene = scene_begin(size_class, 4 * KIB, false);
        uint32_t from = 0;
        struct range range;
        assert_true(zone_find_idle(scene.zone, &from, 4 * KIB, 1, &range));
        zone_lose(scene.zone, &range);
        assert_int_equal(zone_available(scene.zone), 0);
        assert_int_equal(zone_dirty_count(scene.zone), 0);
        assert_int_equal(zone_fill_of(scene.zone), ZONE_UNLISTED);
        scene_end(&scene);
    }
}

static void a_rebuilt_zone_still_knows_what_is_zero(void **state)
{
    (void)state;
    for (unsigned is_clean = 0; is_clean < 2; is_clean++) {
        struct scene scene = scene_begin(0, 4 * KIB, is_clean != 0);
        use(&scene, 4000);
        give_from_to(&scene, 1, 3999);
        struct range range;
        uint32_t from = 0;
        assert_true(zone_find_idle(scene.zone, &from, 4 * KIB, 1, &range));
        purge(&scene, &range);
        uint32_t dirty = zone_dirty_count(scene.zone);
        zone_rebuild(scene.zone);
        assert_int_equal(zone_dirty_count(scene.zone), dirty);
        assert_true(zone_is_valid(scene.zone));
        assert_true(zeros_are_zero(&scene));
        assert_int_equal(expect_as_model(&scene, 1), 0);
        scene_end(&scene);
    }
}

// ---- any zone -----------------------------------------------------------------------------------

// Hands out a stretch of chunks: most are used, some lie in a stack for a while.
static void take_some(struct scene *scene, struct random *random)
{
    struct zone *zone = scene->zone;
    uint32_t count = random_below(random, zone_available(zone) + 1);
    for (uint32_t taken = 0; taken < count; taken++) {
        struct chunk_entry entry;
        assert_int_equal(zone_take(zone, &entry, 1), 1);
        uint32_t index = zone_entry_index(zone, &entry);
        if (state_is_zero(zone_state(zone, index))) {
            assert_true(bytes_are(entry.chunk, zone->chunk_bytes, 0));
        }
        if (random_below(random, 64) == 0) {
            scene->stacked[scene->stacked_count++] = entry;
            continue;
        }
        zone_set_state(zone, index, STATE_LIVE);
        memset(entry.chunk, OLD, zone->chunk_bytes);
    }
}

// Frees chunks, mostly many side by side, and what lies in the stack.
static void free_some(struct scene *scene, struct random *random)
{
    struct zone *zone = scene->zone;
    uint32_t keep_percent = random_below(random, 4) == 0 ? 50 : 0;
    for (unsigned stretch = 0; stretch < 6; stretch++) {
        uint32_t first = random_below(random, zone->chunk_count);
        uint32_t end = first + (uint32_t)random_size(random, zone->chunk_count - first);
        for (uint32_t index = first; index < end; index++) {
            if (state_is_live(zone_state(zone, index)) && !random_chance(random, keep_percent)) {
                give(scene, index);
            }
        }
    }
    while (scene->stacked_count != 0) {
        zone_give(zone, zone_entry_index(zone, &scene->stacked[--scene->stacked_count]));
    }
}

static void any_zone_is_as_the_model_says(void **state)
{
    (void)state;
    struct random random = random_seeded(41);
    unsigned found = 0;
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        struct scene scene = scene_begin(size_class, page_sizes[random_below(&random, PAGE_SIZES)],
                                         random_chance(&random, 50));
        for (unsigned round = 0; round < 6; round++) {
            take_some(&scene, &random);
            free_some(&scene, &random);
            assert_true(zone_is_valid(scene.zone));
            size_t least = random_chance(&random, 50) ? 1 : random_size(&random, 64 * KIB);
            found += expect_as_model(&scene, least);
            uint32_t from = 0;
            struct range range;
            while (zone_find_idle(scene.zone, &from, scene.page_bytes, least, &range)) {
                if (random_chance(&random, 70)) {
                    purge(&scene, &range);
                }
            }
        }
        scene_end(&scene);
    }
    assert_true(found > 100);
}

static void any_zone_can_lose_pages(void **state)
{
    (void)state;
    struct random random = random_seeded(43);
    for (unsigned size_class = 0; size_class < SIZE_CLASS_COUNT; size_class++) {
        struct scene scene = scene_begin(size_class, 4 * KIB, random_chance(&random, 50));
        for (unsigned round = 0; round < 4; round++) {
            take_some(&scene, &random);
            free_some(&scene, &random);
            uint32_t from = 0;
            struct range range;
            uint32_t available = zone_available(scene.zone);
            if (round == 2 && zone_find_idle(scene.zone, &from, scene.page_bytes, 1, &range)) {
                zone_lose(scene.zone, &range);
                assert_true(zone_available(scene.zone) < available);
                assert_int_equal(scene.zone->fresh_index, scene.zone->chunk_count);
                assert_true(zone_is_valid(scene.zone));
                break;
            }
        }
        scene_end(&scene);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zone_as_it_was_cut_has_something_only_if_it_was_cut_dirty),
        cmocka_unit_test(a_page_that_one_chunk_in_use_touches_stays),
        cmocka_unit_test(shorter_ranges_than_wanted_are_passed_over),
        cmocka_unit_test(what_lies_above_the_last_chunk_used_goes_only_if_it_is_dirty),
        cmocka_unit_test(what_is_known_to_be_zero_does_not_go_twice),
        cmocka_unit_test(purged_chunks_are_handed_out_as_zero),
        cmocka_unit_test(a_chunk_that_lies_half_in_a_purged_page_is_cleared),
        cmocka_unit_test(chunks_from_a_stack_that_nobody_used_are_counted_or_not),
        cmocka_unit_test(what_is_lost_is_never_handed_out),
        cmocka_unit_test(the_end_of_a_zone_can_be_lost),
        cmocka_unit_test(a_rebuilt_zone_still_knows_what_is_zero),
        cmocka_unit_test(any_zone_is_as_the_model_says),
        cmocka_unit_test(any_zone_can_lose_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
