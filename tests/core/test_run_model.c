// SPDX-License-Identifier: MIT
// Random operations on a run table, against an array that says of each unit whose it is; and each
// invariant broken on purpose.
#include "core/run.h"
#include "tests/core/random.h"
#include "tests/core/region.h"
#include "tests/core/test.h"

#include <string.h>

enum { UNITS_MAX = 600, RUNS_MAX = 128 };

struct model {
    struct run_table *table;
    struct region memory;
    struct random random;
    uint32_t unit_count;
    uint8_t owner[UNITS_MAX]; // 0: nobody's
    bool dirty[UNITS_MAX];    // somebody has written to the unit
    struct {
        uint32_t first;
        uint32_t count;
        enum run_kind kind;
        uint32_t requested;
    } runs[RUNS_MAX]; // by owner; count 0: not in use
};

static uint32_t model_free(const struct model *model)
{
    uint32_t count = 0;
    for (uint32_t unit = 0; unit < model->table->fresh; unit++) {
        count += model->owner[unit] == 0;
    }
    return count;
}

// The longest piece of nobody's units below the frontier, as run_take() sees it.
static uint32_t longest_piece(const struct model *model)
{
    uint32_t longest = 0;
    uint32_t length = 0;
    for (uint32_t unit = 0; unit < model->table->fresh; unit++) {
        length = model->owner[unit] == 0 ? length + 1 : 0;
        longest = length > longest ? length : longest;
    }
    return longest;
}

static void expect_model(const struct model *model)
{
    assert_true(run_table_is_valid(model->table));
    for (uint32_t owner = 1; owner < RUNS_MAX; owner++) {
        uint32_t first = model->runs[owner].first;
        uint32_t count = model->runs[owner].count;
        if (count == 0) {
            continue;
        }
        const struct unit *head = run_unit(model->table, first);
        assert_int_equal(head->length, count);
        assert_int_equal(head->kind, model->runs[owner].kind);
        for (uint32_t unit = 1; unit + 1 < count; unit++) {
            assert_int_equal(run_unit(model->table, first + unit)->kind, RUN_INSIDE);
        }
        assert_int_equal(run_large_holding(model->table, first + count / 2) == first,
                         head->kind == RUN_LARGE);
        if (head->kind == RUN_LARGE) {
            assert_int_equal(head->note, model->runs[owner].requested);
            assert_int_equal(run_large_holding(model->table, first + count - 1), first);
            assert_int_equal(run_large_holding(model->table, first), first);
        }
    }
    assert_int_equal(model->table->free_count, model_free(model));
    uint32_t longest = longest_piece(model);
    assert_true(run_longest_free(model->table) <= longest);
    assert_true(run_longest_free(model->table) + longest / 8 >= longest);
}

static uint32_t unused_owner(const struct model *model)
{
    for (uint32_t owner = 1; owner < RUNS_MAX; owner++) {
        if (model->runs[owner].count == 0) {
            return owner;
        }
    }
    return 0;
}

static uint32_t random_owner(struct model *model)
{
    for (unsigned attempt = 0; attempt < 300; attempt++) {
        uint32_t owner = 1 + random_below(&model->random, RUNS_MAX - 1);
        if (model->runs[owner].count != 0) {
            return owner;
        }
    }
    return 0;
}

// Gives units to an owner, who were nobody's and, if that is said, clean; and who writes to them.
static void own(struct model *model, uint32_t owner, uint32_t first, uint32_t count, bool clean)
{
    assert_true(first + count <= model->table->committed);
    for (uint32_t unit = first; unit < first + count; unit++) {
        assert_int_equal(model->owner[unit], 0);
        assert_false(clean && model->dirty[unit]);
        model->owner[unit] = (uint8_t)owner;
        model->dirty[unit] = true;
    }
}

static void disown(struct model *model, uint32_t first, uint32_t count, bool clean)
{
    for (uint32_t unit = first; unit < first + count; unit++) {
        model->owner[unit] = 0;
        model->dirty[unit] = !clean;
    }
}

static void do_take(struct model *model, uint32_t owner)
{
    struct run_table *table = model->table;
    uint32_t align = 1U << random_below(&model->random, 5);
    struct run_shape shape = {
        .count = 1 + (uint32_t)random_size(&model->random, model->unit_count / 3),
        .align = align,
        .phase = random_below(&model->random, align),
    };
    bool clean = false;
    uint32_t worst = shape.count + align - 1;
    uint32_t longest = longest_piece(model);
    uint32_t first = run_take(table, shape, &clean);
    assert_true(first != RUN_NONE || longest < worst + worst / 8);
    if (first == RUN_NONE) {
        first = run_take_fresh(table, shape, &clean);
        uint32_t enough = run_commitment_for(table, shape);
        assert_true(first != RUN_NONE || enough > table->committed);
        if (first == RUN_NONE && enough != RUN_NONE) {
            // Exactly what it says is enough.
            table->committed = enough - 1;
            assert_int_equal(run_take_fresh(table, shape, &clean), RUN_NONE);
            table->committed = enough;
            first = run_take_fresh(table, shape, &clean);
            assert_int_not_equal(first, RUN_NONE);
            assert_int_equal(first + shape.count, enough);
        }
    }
    if (first == RUN_NONE) {
        return;
    }
    assert_int_equal((first + shape.phase) % align, 0);
    own(model, owner, first, shape.count, clean);
    model->runs[owner].first = first;
    model->runs[owner].count = shape.count;
    model->runs[owner].kind = RUN_META;
    if (random_chance(&model->random, 70)) {
        model->runs[owner].kind = random_chance(&model->random, 70) ? RUN_LARGE : RUN_ZONE;
        model->runs[owner].requested = (uint32_t)random_below(&model->random, 1000);
        run_mark(table, first, model->runs[owner].kind, model->runs[owner].requested);
    }
}

static void do_give(struct model *model, uint32_t owner)
{
    uint32_t first = model->runs[owner].first;
    bool clean = random_chance(&model->random, 30);
    disown(model, first, model->runs[owner].count, clean);
    uint32_t merged = run_give(model->table, first, clean);
    assert_true(merged <= first);
    assert_true(merged == 0 || model->owner[merged - 1] != 0);
    model->runs[owner].count = 0;
    if (random_chance(&model->random, 10)) {
        // The free run leaves, or a part of it, as a run of this owner.
        uint32_t length = run_unit(model->table, merged)->length;
        uint32_t low = random_chance(&model->random, 50) ? random_below(&model->random, length) : 0;
        uint32_t count = random_chance(&model->random, 50)
                             ? 1 + random_below(&model->random, length - low)
                             : length - low;
        run_leave(model->table, merged, merged + low, count);
        model->runs[owner].first = merged + low;
        model->runs[owner].count = count;
        model->runs[owner].kind = RUN_LEAVING;
        own(model, owner, merged + low, count, false);
    }
}

static void do_resize(struct model *model, uint32_t owner)
{
    uint32_t first = model->runs[owner].first;
    uint32_t old_count = model->runs[owner].count;
    uint32_t count = 1 + (uint32_t)random_size(&model->random, 2 * old_count);
    if (model->runs[owner].kind != RUN_LARGE || count == old_count) {
        return;
    }
    if (count < old_count) {
        assert_true(run_shrink(model->table, first, count) == first + count);
        disown(model, first + count, old_count - count, false);
        model->runs[owner].count = count;
        return;
    }
    bool fits = first + count <= model->table->committed;
    for (uint32_t unit = first + old_count; fits && unit < first + count; unit++) {
        fits = model->owner[unit] == 0;
    }
    bool clean = false;
    assert_int_equal(run_grow(model->table, first, count, &clean), fits);
    if (fits) {
        own(model, owner, first + old_count, count - old_count, clean);
        model->runs[owner].count = count;
    }
}

static void random_operations_follow_the_model(void **state)
{
    (void)state;
    struct random random = random_seeded(11);
    const uint32_t counts[] = {1, 2, 7, 8, 9, 31, 64, 130, 333, UNITS_MAX};
    for (unsigned round = 0; round < 40; round++) {
        static struct model model;
        memset(&model, 0, sizeof(model));
        model.unit_count = counts[round % 10];
        model.random = (struct random){.state = random_next(&random)};
        model.memory = region_new(run_table_bytes(model.unit_count), 16, 0);
        model.table = (struct run_table *)model.memory.base;
        run_table_init(model.table, model.unit_count);
        for (unsigned step = 0; step < 400; step++) {
            uint32_t unused = unused_owner(&model);
            uint32_t owner = random_owner(&model);
            if (unused != 0 && (owner == 0 || random_chance(&random, 45))) {
                do_take(&model, unused);
            } else if (owner != 0 && random_chance(&random, 50)) {
                do_resize(&model, owner);
            } else if (owner != 0) {
                do_give(&model, owner);
            }
            expect_model(&model);
        }
        for (uint32_t owner = 1; owner < RUNS_MAX; owner++) {
            if (model.runs[owner].count != 0) {
                run_give(model.table, model.runs[owner].first, false);
            }
        }
        assert_true(run_table_is_valid(model.table));
        assert_int_equal(model.table->free_count, model.table->fresh);
        region_delete(&model.memory);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_follow_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
