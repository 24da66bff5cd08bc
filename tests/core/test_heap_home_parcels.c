// SPDX-License-Identifier: MIT
// Parcels: chunks of one word of home bits that wait until it is worth sending them.
#include "core/heap_fast.h"

#include "tests/core/home_scene.h"
#include "tests/core/test.h"

static struct home_scene scene;
enum {
    SMALLEST = 16,
    SMALLEST_COUNT = SCENE_UNIT / SMALLEST,
    WORD = sizeof(uintptr_t) * 8,
    ZONES = 4,
};

static void *chunks[(ZONES + 2) * SMALLEST_COUNT];

static struct heap_parcel *parcel_at(const struct heap *heap, uintptr_t index)
{
    return (struct heap_parcel *)((uintptr_t)heap + heap->parcels) + index;
}

// How many chunks wait in the parcels of a heap.
static uint32_t waiting(const struct heap *heap)
{
    uint32_t count = 0;
    for (uintptr_t index = 0; index < heap->parcel_count; index++) {
        const struct heap_parcel *parcel = parcel_at(heap, index);
        count += parcel->at != 0 ? bits_count(parcel->bits) : 0;
    }
    return count;
}

static struct zone *begin(size_t parcel_count)
{
    home_scene_begin(&scene, parcel_count);
    struct zone *zone = home_scene_fill_but_one(&scene, scene.a, SMALLEST, chunks);
    assert_int_equal(zone->chunk_count, SMALLEST_COUNT);
    return zone;
}

static void send(struct heap *heap, uint32_t index)
{
    assert_true(home_scene_send(&scene, heap, chunks[index]));
}

static void chunks_wait_until_the_parcels_are_sent(void **state)
{
    (void)state;
    struct zone *zone = begin(4);
    send(scene.b, 3);
    send(scene.b, 7);
    send(scene.b, 1);
    assert_int_equal(home_scene_at(&scene, chunks[3]).status, CHUNK_HOME);
    assert_false(home_scene_send(&scene, scene.b, chunks[3]));
    assert_false(zone_has_home(zone));
    assert_int_equal(zone_mail(zone)->announced, 0);
    assert_int_equal(waiting(scene.b), 3);
    assert_int_equal(scene.b->parcels_open, 1);
    assert_true(driver_is_valid(&scene.driver));
    heap_send_parcels(scene.b);
    assert_int_equal(waiting(scene.b), 0);
    assert_int_equal(scene.b->parcels_open, 0);
    assert_true(home_scene_is_sent(&scene, chunks[1]) && home_scene_is_sent(&scene, chunks[3]) &&
                home_scene_is_sent(&scene, chunks[7]));
    assert_true(home_scene_is_listed(&scene, &scene.a->home, zone));
    heap_send_parcels(scene.b); // nothing more
    heap_drain(scene.a);
    assert_int_equal(zone_available(zone), 4);
    home_scene_end(&scene);
}

static void a_parcel_makes_room_for_another_word(void **state)
{
    (void)state;
    struct zone *zone = begin(1);
    send(scene.b, 3);
    send(scene.b, WORD - 1);
    assert_false(zone_has_home(zone));
    send(scene.b, WORD);
    assert_true(home_scene_is_sent(&scene, chunks[3]) &&
                home_scene_is_sent(&scene, chunks[WORD - 1]));
    assert_false(home_scene_is_sent(&scene, chunks[WORD]));
    assert_int_equal(waiting(scene.b), 1);
    assert_int_equal(scene.b->parcels_open, 1);
    // The word that was sent begins anew.
    send(scene.b, 5);
    assert_true(home_scene_is_sent(&scene, chunks[WORD]));
    assert_false(home_scene_is_sent(&scene, chunks[5]));
    heap_send_parcels(scene.b);
    heap_drain(scene.a);
    assert_int_equal(zone_available(zone), 5);
    home_scene_end(&scene);
}

static void neighbouring_words_of_each_class_wait_side_by_side(void **state)
{
    (void)state;
    struct zone *zone = begin(4);
    struct zone *other = home_scene_fill(&scene, scene.a, 32, chunks + SMALLEST_COUNT, NULL);
    for (uint32_t index = 0; index < 10; index++) {
        send(scene.b, index);
        send(scene.b, SMALLEST_COUNT + index);
        send(scene.b, WORD + index);
        send(scene.b, SMALLEST_COUNT + WORD + index);
    }
    assert_false(zone_has_home(zone) || zone_has_home(other));
    assert_int_equal(waiting(scene.b), 40);
    send(scene.b, 2 * WORD);
    assert_true(home_scene_is_sent(&scene, chunks[0]));
    assert_false(home_scene_is_sent(&scene, chunks[WORD]) || zone_has_home(other));
    assert_int_equal(waiting(scene.b), 31);
    heap_send_parcels(scene.b);
    heap_drain(scene.a);
    assert_int_equal(zone_available(zone), 22);
    home_scene_end(&scene);
}

static void a_complete_word_is_sent_at_once(void **state)
{
    (void)state;
    struct zone *zone = begin(8);
    for (uint32_t index = 0; index < WORD; index++) {
        assert_false(zone_has_home(zone));
        struct chunk chunk = home_scene_at(&scene, chunks[(index * 7) % WORD]);
        assert_true(zone_claim(zone, chunk.index));
        void *at = zone_state_at(zone, chunk.index);
        assert_int_equal(heap_gather(scene.b, zone, at), index == WORD - 1);
    }
    assert_int_equal(*zone_home_word(zone, 0), UINTPTR_MAX);
    assert_int_equal(waiting(scene.b), 0);
    heap_drain(scene.a);
    assert_int_equal(zone_available(zone), WORD + 1);
    home_scene_end(&scene);
}

static void no_more_chunks_of_a_class_wait_than_two_words_hold(void **state)
{
    (void)state;
    home_scene_begin(&scene, 64);
    static struct zone *zones[ZONES];
    for (unsigned zone = 0; zone < ZONES; zone++) {
        void **first = chunks + (size_t)zone * SMALLEST_COUNT;
        zones[zone] = home_scene_fill(&scene, scene.a, SMALLEST, first, NULL);
    }
    // All but one of each word, so that none is complete.
    uint32_t count = 0;
    for (uint32_t index = 0; index < ZONES * SMALLEST_COUNT; index++) {
        if (index % WORD != 0) {
            send(scene.b, index);
            count++;
        }
        assert_true(waiting(scene.b) <= 2 * WORD && scene.b->parcels_open <= 2);
    }
    assert_int_equal(waiting(scene.b), 2 * (WORD - 1));
    heap_send_parcels(scene.b);
    assert_int_equal(waiting(scene.b), 0);
    uint32_t sent = 0;
    for (unsigned zone = 0; zone < ZONES; zone++) {
        sent += zone_home_count(zones[zone]);
    }
    assert_int_equal(sent, count);
    home_scene_end(&scene);
}

static void a_zone_that_comes_home_in_parcels_goes_back(void **state)
{
    (void)state;
    home_scene_begin(&scene, 4);
    home_scene_fill(&scene, scene.a, SMALLEST, chunks, NULL);
    for (uint32_t index = 0; index < SMALLEST_COUNT; index++) {
        assert_false(heap_has_empty(scene.b));
        send(scene.b, index);
    }
    assert_true(heap_has_empty(scene.b));
    driver_give_empty(&scene.driver, scene.b);
    assert_int_equal(scene.arena->zone_count, 0);
    // The last word of this one is not all of chunks: only the parcels' end sends it.
    home_scene_fill(&scene, scene.a, SCENE_BYTES, chunks, NULL);
    for (uint32_t index = 0; index < SCENE_COUNT; index++) {
        send(scene.b, index);
    }
    assert_false(heap_has_empty(scene.b));
    heap_send_parcels(scene.b);
    assert_true(heap_has_empty(scene.b));
    driver_give_empty(&scene.driver, scene.b);
    assert_int_equal(scene.arena->zone_count, 0);
    home_scene_end(&scene);
}

static void some_chunks_are_sent_at_once(void **state)
{
    (void)state;
    struct zone *zone = begin(4);
    struct zone *small = home_scene_fill(&scene, scene.a, 2000, chunks + SMALLEST_COUNT, NULL);
    send(scene.b, SMALLEST_COUNT); // SMALL
    assert_true(zone_has_home(small));
    send(NULL, 0); // by a thread without a heap
    assert_true(zone_has_home(zone));
    assert_int_equal(scene.b->parcels_open, 0);
    home_scene_end(&scene);
    zone = begin(0); // without parcels
    send(scene.b, 1);
    assert_true(zone_has_home(zone));
    assert_int_equal(scene.b->parcels_open, 0);
    home_scene_end(&scene);
}

static void who_needs_the_lock_sends_first(void **state)
{
    (void)state;
    for (unsigned what = 0; what < 4; what++) {
        struct zone *zone = begin(4);
        struct need need;
        send(scene.b, 0);
        assert_false(zone_has_home(zone));
        switch (what) {
        case 0: assert_non_null(heap_alloc(scene.b, 700, 16, &need).ptr); break;
        case 1: assert_non_null(heap_alloc(scene.b, 70000, 16, &need).ptr); break;
        case 2: heap_trim(scene.b); break;
        default: heap_retire(scene.b);
        }
        assert_int_equal(waiting(scene.b), 0);
        assert_true(home_scene_is_listed(&scene, &scene.a->home, zone));
        assert_true(home_scene_is_sent(&scene, chunks[0]));
        home_scene_end(&scene);
    }
}

static void stacked_chunks_of_others_go_home_in_parcels(void **state)
{
    (void)state;
    struct zone *zone = begin(4);
    // b's stack holds a chunk of a zone that was b's.
    uint32_t index = home_scene_at(&scene, chunks[9]).index;
    zone_set_state(zone, index, STATE_FREED);
    home_scene_put(&scene, scene.b, home_scene_alloc(&scene, scene.b, SMALLEST));
    struct heap_stack *stack = &scene.b->stacks[0];
    while (stack->top != stack->bottom) {
        heap_take(scene.b, 0, SMALLEST, SIZE_CLASS_STEP);
        if (stack->top - stack->bottom == 1) {
            break;
        }
    }
    stack->bottom[0] =
        (struct chunk_entry){.chunk = chunks[9], .state = zone_state_at(zone, index)};
    assert_true(heap_is_valid(scene.b));
    heap_flush(scene.b);
    assert_int_equal(waiting(scene.b), 1);
    assert_int_equal(home_scene_at(&scene, chunks[9]).status, CHUNK_HOME);
    heap_send_parcels(scene.b);
    heap_drain(scene.a);
    assert_int_equal(zone_available(zone), 2);
    home_scene_end(&scene);
}

// ---- the fast path ------------------------------------------------------------------------------

// As free does it: looks at the chunk, and sends what is away.
static enum heap_sent fast(struct heap *heap, struct zone *zone, void *ptr)
{
    void *away = NULL;
    if (heap_fast_look(heap, zone, (uintptr_t)zone_base(zone), ptr, &away) != HEAP_AWAY) {
        return HEAP_NOT_SENT;
    }
    assert_ptr_equal(away, zone_state_at(zone, home_scene_at(&scene, ptr).index));
    return heap_fast_send(heap, zone, away);
}

static void the_fast_path_gathers_what_is_anothers(void **state)
{
    (void)state;
    struct zone *zone = begin(1);
    assert_int_equal(fast(scene.b, zone, chunks[0]), HEAP_GATHERED);
    assert_int_equal(home_scene_at(&scene, chunks[0]).status, CHUNK_HOME);
    assert_int_equal(waiting(scene.b), 1);
    assert_int_equal(fast(scene.b, zone, chunks[1]), HEAP_GATHERED);
    assert_int_equal(fast(scene.b, zone, chunks[WORD + 5]), HEAP_SENT);
    assert_true(home_scene_is_sent(&scene, chunks[1]));
    assert_false(home_scene_is_sent(&scene, chunks[5]));
    heap_send_parcels(scene.b);
    heap_drain(scene.a);
    assert_int_equal(zone_available(zone), 4);
    home_scene_end(&scene);
}

// 16 KiB of one word.
static void of_larger_chunks_fewer_wait(void **state)
{
    (void)state;
    static const struct {
        size_t bytes;
        uint32_t most;
    } cases[] = {{1024, 16}, {896, 18}, {512, 32}, {320, 51}, {16, 1024}};
    for (unsigned each = 0; each < sizeof cases / sizeof *cases; each++) {
        home_scene_begin(&scene, 64);
        struct zone *zone = home_scene_fill(&scene, scene.a, cases[each].bytes, chunks, NULL);
        uint32_t most = cases[each].most < WORD ? cases[each].most : (uint32_t)WORD;
        for (uint32_t index = 0; index < WORD; index++) {
            bool is_last = index % most == most - 1;
            assert_int_equal(fast(scene.b, zone, chunks[index]),
                             is_last ? HEAP_SENT : HEAP_GATHERED);
            assert_int_equal(waiting(scene.b), is_last ? 0 : index % most + 1);
            assert_int_equal(home_scene_is_sent(&scene, chunks[index]), is_last);
        }
        heap_send_parcels(scene.b);
        assert_int_equal(zone_home_count(zone), WORD);
        home_scene_end(&scene);
    }
}

static void the_fast_path_sends_what_must_not_wait(void **state)
{
    (void)state;
    struct zone *zone = begin(4);
    // The last of a word.
    for (unsigned index = 0; index < WORD - 1; index++) {
        assert_int_equal(fast(scene.b, zone, chunks[index]), HEAP_GATHERED);
    }
    assert_int_equal(fast(scene.b, zone, chunks[WORD - 1]), HEAP_SENT);
    assert_int_equal(waiting(scene.b), 0);
    // A second one of the same chunk, which somebody had as his own meanwhile.
    assert_int_equal(fast(scene.b, zone, chunks[WORD + 2]), HEAP_GATHERED);
    zone_set_state(zone, home_scene_at(&scene, chunks[WORD + 2]).index, STATE_LIVE);
    assert_int_equal(fast(scene.b, zone, chunks[WORD + 2]), HEAP_GATHERED);
    assert_ptr_equal(heap_freed_twice(scene.arena), chunks[WORD + 2]);
    heap_send_parcels(scene.b);
    heap_drain(scene.a);
    home_scene_end(&scene);
}

static void the_fast_path_leaves_all_else_as_it_is(void **state)
{
    (void)state;
    struct zone *zone = begin(4);
    for (unsigned inside = 1; inside < SMALLEST; inside++) {
        assert_int_equal(fast(scene.b, zone, (char *)chunks[0] + inside), HEAP_NOT_SENT);
    }
    assert_int_equal(fast(scene.b, zone, (char *)chunks[0] - SMALLEST), HEAP_NOT_SENT);
    assert_int_equal(home_scene_at(&scene, chunks[0]).status, CHUNK_LIVE);
    assert_int_equal(fast(scene.b, zone, chunks[SMALLEST_COUNT - 1]), HEAP_NOT_SENT); // free
    assert_int_equal(fast(scene.a, zone, chunks[0]), HEAP_NOT_SENT); // its own: it is put
    assert_int_equal(home_scene_at(&scene, chunks[0]).status, CHUNK_FREED);
    assert_int_equal(heap_fast_send(scene.b, zone, zone_state_at(zone, 0)), HEAP_NOT_SENT);
    struct zone *full = home_scene_fill(&scene, scene.a, 32, chunks, NULL);
    assert_int_equal(fast(scene.a, full, chunks[0]), HEAP_NOT_SENT); // it was its own
    assert_int_equal(full->owner, ZONE_OWNER_FULL);
    assert_int_equal(fast(scene.b, full, chunks[0]), HEAP_GATHERED);
    assert_int_equal(fast(scene.b, full, chunks[0]), HEAP_NOT_SENT); // twice
    assert_int_equal(heap_fast_send(scene.b, full, zone_state_at(full, 0)), HEAP_NOT_SENT);
    struct zone *small = home_scene_fill(&scene, scene.a, 2000, chunks, NULL);
    assert_int_equal(fast(scene.b, small, chunks[0]), HEAP_NOT_SENT);
    assert_int_equal(waiting(scene.a), 0);
    assert_int_equal(waiting(scene.b), 1);
    home_scene_end(&scene);
    zone = begin(0);
    assert_int_equal(fast(scene.b, zone, chunks[0]), HEAP_NOT_SENT);
    static const struct heap none = HEAP_NONE;
    assert_int_equal(fast((struct heap *)&none, zone, chunks[0]), HEAP_NOT_SENT);
    assert_int_equal(home_scene_at(&scene, chunks[0]).status, CHUNK_LIVE);
    home_scene_end(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_wait_until_the_parcels_are_sent),
        cmocka_unit_test(a_parcel_makes_room_for_another_word),
        cmocka_unit_test(neighbouring_words_of_each_class_wait_side_by_side),
        cmocka_unit_test(a_complete_word_is_sent_at_once),
        cmocka_unit_test(no_more_chunks_of_a_class_wait_than_two_words_hold),
        cmocka_unit_test(a_zone_that_comes_home_in_parcels_goes_back),
        cmocka_unit_test(some_chunks_are_sent_at_once),
        cmocka_unit_test(who_needs_the_lock_sends_first),
        cmocka_unit_test(stacked_chunks_of_others_go_home_in_parcels),
        cmocka_unit_test(the_fast_path_gathers_what_is_anothers),
        cmocka_unit_test(of_larger_chunks_fewer_wait),
        cmocka_unit_test(the_fast_path_sends_what_must_not_wait),
        cmocka_unit_test(the_fast_path_leaves_all_else_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
