// SPDX-License-Identifier: MIT
// The fake platform does what it says, and whoever plays on it notices a platform that lies.
#include "tests/fake/campaign.h"

#include "platform/platform.h"
#include "tests/core/test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096 };

static const struct fake_config plain = {.page_bytes = PAGE, .place = FAKE_LOW};

static void mappings_are_counted_with_their_splits(void **state)
{
    (void)state;
    fake_reset(&plain);
    char *base = platform_reserve(8 * PAGE);
    assert_non_null(base);
    assert_int_equal(fake_books.mapping_count, 1);
    assert_true(platform_commit(base + 2 * PAGE, PAGE));
    assert_int_equal(fake_books.mapping_count, 3);
    assert_true(platform_commit(base + 3 * PAGE, PAGE));
    assert_int_equal(fake_books.mapping_count, 3);
    assert_true(platform_release(base, 2 * PAGE));
    assert_int_equal(fake_books.mapping_count, 2);
    fake_limits.mapping_count = 2;
    assert_false(platform_release(base + 5 * PAGE, PAGE)); // a hole would make three
    assert_int_equal(fake_books.unreleased_bytes, PAGE);
    assert_true(platform_release(base + 2 * PAGE, 6 * PAGE));
    assert_int_equal(fake_books.reserved_bytes, 0);
}

static void budgets_are_kept_to_and_can_change(void **state)
{
    (void)state;
    fake_reset(&plain);
    fake_limits.committed_bytes = 2 * PAGE;
    fake_limits.reserved_bytes = 10 * PAGE;
    assert_int_equal(platform_address_limit(), 10 * PAGE);
    assert_null(platform_reserve(11 * PAGE));
    char *base = platform_reserve(8 * PAGE);
    assert_true(platform_commit(base, 2 * PAGE));
    assert_true(platform_commit(base, 2 * PAGE)); // is charged already
    assert_false(platform_commit(base + 2 * PAGE, PAGE));
    assert_null(platform_map(PAGE, PAGE));
    fake_limits.committed_bytes = PAGE;
    assert_int_equal(platform_purge(base, 2 * PAGE), PLATFORM_PURGED);
    assert_int_equal(fake_books.committed_bytes, 2 * PAGE);
    fake_limits.committed_bytes = SIZE_MAX;
    assert_non_null(platform_map(PAGE, PAGE));
    assert_int_equal(fake_books.refused, 3);
    assert_int_equal(errno, FAKE_ERRNO);
}

static void faults_come_once_from_then_on_and_in_pairs(void **state)
{
    (void)state;
    static const struct {
        struct fake_faults faults;
        const char *refused; // of six calls
    } cases[] = {
        {{FAKE_NEVER, 1, 2, 0}, "......"},
        {{FAKE_ONCE, 3, 0, 0}, "..x..."},
        {{FAKE_FROM_THEN_ON, 3, 0, 0}, "..xxxx"},
        {{FAKE_PAIR, 2, 5, 0}, ".x..x."},
    };
    for (unsigned index = 0; index < 4; index++) {
        fake_reset(&plain);
        fake_faults = cases[index].faults;
        for (unsigned call = 0; call < 6; call++) {
            assert_int_equal(platform_reserve(PAGE) == NULL, cases[index].refused[call] == 'x');
        }
    }
}

static void addresses_lie_where_the_configuration_says(void **state)
{
    (void)state;
    struct fake_config config = plain;
    uintptr_t bases[FAKE_PLACE_COUNT][2];
    for (unsigned place = 0; place < FAKE_PLACE_COUNT; place++) {
        config.place = (enum fake_place)place;
        fake_reset(&config);
        bases[place][0] = (uintptr_t)platform_reserve(PAGE);
        bases[place][1] = (uintptr_t)platform_reserve(PAGE);
    }
    assert_true(bases[FAKE_LOW][0] % 65536 == 0 && bases[FAKE_LOW][1] > bases[FAKE_LOW][0] + PAGE);
    assert_int_equal(bases[FAKE_HIGH][0] + PAGE, bases[FAKE_HIGH][1]);
    assert_int_equal(bases[FAKE_FALLING][1] + PAGE, bases[FAKE_FALLING][0]);
#ifndef FT_SHORT // a sanitizer's runtime has its own there
    assert_true(bases[FAKE_LOW][0] < (uintptr_t)4 << 30);
    assert_true(bases[FAKE_HIGH][0] > (uintptr_t)64 << 40);
#endif
    assert_int_equal(bases[FAKE_ADJACENT][1], bases[FAKE_ADJACENT][0] + PAGE);
    assert_int_equal(bases[FAKE_ODD][0] % 65536, 3 * PAGE);
}

static void faults_can_be_of_some_kinds_only(void **state)
{
    (void)state;
    fake_reset(&plain);
    fake_faults = (struct fake_faults){
        .when = FAKE_FROM_THEN_ON, .first = 2, .calls = 1U << FAKE_PURGE | 1U << FAKE_MAP};
    char *base = platform_reserve(8 * PAGE);
    assert_true(platform_commit(base, 4 * PAGE));
    assert_non_null(platform_map(PAGE, PAGE));
    assert_null(platform_map(PAGE, PAGE));
    assert_true(platform_commit(base, PAGE));
    assert_int_equal(platform_purge(base, PAGE), PLATFORM_KEPT);
    assert_true(platform_release(base, 8 * PAGE));
    assert_int_equal(fake_books.matching, 3);
    assert_int_equal(fake_books.refused_by_plan, 2);
}

static void a_refused_purge_may_have_done_half(void **state)
{
    (void)state;
    struct fake_config config = plain;
    for (unsigned what = FAKE_PURGED_NOTHING; what <= FAKE_PURGED_ALL; what++) {
        config.refused_purge = (enum fake_refused_purge)what;
        fake_reset(&config);
        char *base = platform_map(2 * PAGE, PAGE);
        memset(base, 1, 2 * PAGE);
        fake_faults = (struct fake_faults){.when = FAKE_ONCE, .first = 2};
        assert_int_equal(platform_purge(base, 2 * PAGE), PLATFORM_KEPT);
        assert_int_equal(base[0], what == FAKE_PURGED_NOTHING);
        assert_int_equal(base[PAGE], what != FAKE_PURGED_ALL);
    }
}

static void a_refused_purge_may_have_lost_the_pages(void **state)
{
    (void)state;
    struct fake_config config = plain;
    config.refused_purge = FAKE_PURGED_LOST;
    fake_reset(&config);
    char *base = platform_map(4 * PAGE, PAGE);
    fake_faults = (struct fake_faults){.when = FAKE_ONCE, .first = 2};
    assert_int_equal(platform_purge(base + PAGE, 2 * PAGE), PLATFORM_RESERVED);
    assert_int_equal(fake_books.committed_bytes, 2 * PAGE);
    assert_int_equal(fake_books.reserved_bytes, 4 * PAGE);
    assert_true(fake_is_lost(base, 2 * PAGE) && fake_is_lost(base + 2 * PAGE, 1));
    assert_false(fake_is_lost(base, PAGE) || fake_is_lost(base + 3 * PAGE, PAGE));
    static char not_ours[16];
    assert_false(fake_is_lost(not_ours, 16));
    assert_true(platform_release(base, 4 * PAGE));
}

static void grants_are_kept_until_they_are_taken_back(void **state)
{
    (void)state;
    fake_reset(&plain);
    char *base = platform_reserve(4 * PAGE);
    char *other = platform_map(PAGE, PAGE);
    fake_faults = (struct fake_faults){.when = FAKE_ONCE, .first = 3};
    assert_false(platform_release(base, 4 * PAGE));
    assert_true(platform_release(other, PAGE));
    assert_int_equal(fake_grant_at(0)->base, (uintptr_t)base);
    assert_true(fake_grant_at(0)->is_stuck);
    assert_null(fake_grant_at(1));
    assert_true(platform_release(base, 4 * PAGE));
    assert_null(fake_grant_at(0));
}

// Whether fn, in a child, ends otherwise than by itself; what it says is dropped.
static bool is_stopped(void (*fn)(const void *argument), const void *argument)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        campaign_watch();
        if (freopen("/dev/null", "w", stderr) == NULL) {
            _exit(0);
        }
        fn(argument);
        _exit(0);
    }
    int status = 0;
    assert_true(child > 0 && waitpid(child, &status, 0) == child);
    return status != 0;
}

static char *reserved;

static void touch(const void *argument)
{
    (void)argument;
    *(volatile char *)reserved = 1;
}

static void commit_twice_as_much(const void *argument)
{
    (void)argument;
    platform_commit(reserved, 4 * PAGE);
}

static void release_half_a_page(const void *argument)
{
    (void)argument;
    platform_release(reserved, PAGE / 2);
}

static void what_breaks_the_contract_stops_the_process(void **state)
{
    (void)state;
    fake_reset(&plain);
    reserved = platform_reserve(2 * PAGE);
    assert_true(is_stopped(touch, NULL));
    assert_true(is_stopped(commit_twice_as_much, NULL));
    assert_true(is_stopped(release_half_a_page, NULL));
    assert_true(platform_commit(reserved, PAGE));
    assert_false(is_stopped(touch, NULL));
}

struct planted {
    enum fake_lie lie;
    const char *sequence;
    bool is_thrifty;
};

static const struct sequence *sequence_named(const char *name)
{
    for (size_t index = 0; sequence_at(index) != NULL; index++) {
        if (strcmp(sequence_at(index)->name, name) == 0) {
            return sequence_at(index);
        }
    }
    fail_msg("there is no sequence %s", name);
    return NULL;
}

static void play_planted(const void *argument)
{
    const struct planted *planted = argument;
    const struct sequence *sequence = sequence_named(planted->sequence);
    struct fake_faults none = {.when = FAKE_NEVER};
    struct setting setting = {.fake = plain, .seed = 1, .is_thrifty = planted->is_thrifty};
    setting.fake.lie = planted->lie;
    campaign_case(sequence, &setting, &none);
}

static void a_platform_that_lies_is_noticed(void **state)
{
    (void)state;
    static const struct planted planted[] = {
        {FAKE_COMMIT_LEAVES_DIRT, "calloc_takes_what_was_used", false},
        {FAKE_COMMIT_DOES_NOTHING, "large_chunks_come_and_go", false},
        {FAKE_MAP_LEAVES_DIRT, "mappings_that_stay_serve_again", true},
        {FAKE_PURGE_DOES_NOTHING, "calloc_takes_what_was_purged", false},
        {FAKE_PURGE_DOES_NOTHING, "calloc_follows_every_free", true},
        {FAKE_PURGE_DOES_NOTHING, "pages_of_zones_are_purged", false},
        {FAKE_PURGE_DOES_NOTHING, "zones_become_sparse_again_and_again", true},
        {FAKE_PURGE_DOES_HALF, "pages_of_zones_are_purged", false},
        {FAKE_PURGE_DOES_HALF, "calloc_follows_every_free", true},
        {FAKE_RELEASE_DOES_NOTHING, "huge_chunks_get_mappings", false},
        {FAKE_REFUSES_UNASKED, "huge_chunks_get_mappings", true},
    };
    for (unsigned index = 0; index < sizeof(planted) / sizeof(planted[0]); index++) {
        struct planted honest = planted[index];
        honest.lie = FAKE_HONEST;
        assert_false(is_stopped(play_planted, &honest));
        if (!is_stopped(play_planted, &planted[index])) {
            fail_msg("lie %u went unnoticed in %s", planted[index].lie, planted[index].sequence);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mappings_are_counted_with_their_splits),
        cmocka_unit_test(budgets_are_kept_to_and_can_change),
        cmocka_unit_test(faults_come_once_from_then_on_and_in_pairs),
        cmocka_unit_test(faults_can_be_of_some_kinds_only),
        cmocka_unit_test(a_refused_purge_may_have_done_half),
        cmocka_unit_test(a_refused_purge_may_have_lost_the_pages),
        cmocka_unit_test(grants_are_kept_until_they_are_taken_back),
        cmocka_unit_test(addresses_lie_where_the_configuration_says),
        cmocka_unit_test(what_breaks_the_contract_stops_the_process),
        cmocka_unit_test(a_platform_that_lies_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
