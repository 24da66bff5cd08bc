// SPDX-License-Identifier: MIT
// What an arena gives back to the system: when, and what of it.
#include "core/arena.h"
#include "core/check.h"

enum {
    RETURN_SLACK_BYTES =
        4 << 20,              // by which what is kept may pass its bound, before anything leaves
    RETURN_SPARE_FACTOR = 3,  // times dirty_bytes_max may be kept beside, at most
    RETURN_AGAIN_FACTOR = 4,  // by which that grows, of what was taken again
    RETURN_FALL_SHARE = 8,    // by which that falls, of what is too much
    RETURN_GROWTH_PART = 4,   // of dirty_bytes_max is kept while the arena grows,
    RETURN_GROWTH_SHARE = 16, // and of what is in use
    RETURN_LEAST_BYTES = 1 << 20, // that leave at once, if a run has as much to give back
    RETURN_SPLIT_BYTES =
        1 << 20, // where many purges have split mappings, only runs as long as this leave
};

static size_t dirty_units(const struct arena *arena)
{
    size_t dirty = 0;
    for (struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        dirty += section_runs(section)->dirty_count;
    }
    return dirty;
}

// Units that may hold old bytes in the free run of a section that has many; 0 if there is none.
static size_t most_dirty(const struct section *section, uint32_t *first)
{
    const struct run_table *runs = section_runs(section);
    *first = run_dirtiest(runs);
    return *first == RUN_NONE ? 0 : run_dirt(runs, *first).count;
}

// Takes so many units, or as many as it has to give back, out of the free run that has most. False if there is none.
static bool leave_dirtiest(struct arena *arena, size_t units, struct leaving *leaving)
{
    struct section *dirtiest = NULL;
    uint32_t first = RUN_NONE;
    bool may_split = arena_may_split(arena, ARENA_SPLITS_MAX);
    size_t most = may_split ? 0 : ((size_t)RETURN_SPLIT_BYTES >> arena->unit_shift) - 1;
    for (struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        uint32_t candidate;
        size_t dirty = most_dirty(section, &candidate);
        if (dirty > most) {
            dirtiest = section;
            first = candidate;
            most = dirty;
        }
    }
    if (dirtiest == NULL) {
        return false;
    }
    size_t worth = (size_t)RETURN_LEAST_BYTES >> arena->unit_shift;
    struct run_table *runs = section_runs(dirtiest);
    struct run_dirt dirt = run_dirt(runs, first);
    units = units > worth ? units : worth;
    // What stays is the run's start, which is taken first: no more may hold old bytes there than are to stay.
    uint32_t staying = dirt.count > units ? dirt.count - (uint32_t)units : 0;
    arena->clean_units += runs->dirty_count;
    run_leave(runs, first, first + staying, dirt.end - staying);
    arena->clean_units -= runs->dirty_count;
    arena->leaving_count++;
    *leaving = (struct leaving){
        .kind = LEAVING_PURGE,
        .range = {.base = (uintptr_t)section_unit_at(dirtiest, first + staying),
                  .bytes = (size_t)(dirt.end - staying) << arena->unit_shift},
    };
    return true;
}

// Units that the limit leaves for what is in use and what is kept.
static size_t room_units(const struct arena *arena)
{
    size_t limit = arena->config.limit_bytes >> arena->unit_shift;
    size_t used = arena->used_unit_count + (arena->mapping_bytes >> arena->unit_shift);
    return limit == 0 ? SIZE_MAX : used < limit ? limit - used : 0;
}

// Free units that are known to be zero, about.
static size_t clean_units(const struct arena *arena)
{
    size_t clean = 0;
    for (struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        clean += section_runs(section)->free_count - section_runs(section)->dirty_count;
    }
    return clean;
}

// What may be kept beyond the bound is bounded, too.
static void set_spare(struct arena *arena, size_t spare)
{
    size_t most = (arena->config.dirty_bytes_max >> arena->unit_shift) * RETURN_SPARE_FACTOR;
    size_t share = arena->used_unit_max - arena->used_unit_max / 4;
    most = most < share ? most : share;
    arena->spare_units = (uint32_t)(spare < most ? spare : most);
}

// So many units more are kept than may be: from now on a few times as many more may be as were purged the last time and have
// been taken again, less a share of what is too much, so that what nobody takes again becomes less.
static void adapt(struct arena *arena, size_t excess)
{
    size_t clean = clean_units(arena);
    size_t again = arena->clean_units > clean ? arena->clean_units - clean : 0;
    size_t spare = arena->spare_units + RETURN_AGAIN_FACTOR * again;
    size_t less = excess / RETURN_FALL_SHARE;
    set_spare(arena, less < spare ? spare - less : 0);
    arena->clean_units = (uint32_t)clean;
}

void arena_note_wanted(struct arena *arena, size_t units)
{
    set_spare(arena, arena->spare_units + units);
}

size_t arena_taken_units(const struct arena *arena)
{
    size_t taken = 0;
    for (struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        taken += section_runs(section)->fresh;
    }
    return taken;
}

// Units that may hold old bytes beyond those that are kept while the arena grows.
static size_t dirty_to_spare(const struct arena *arena, size_t dirty)
{
    size_t keep = (arena->config.dirty_bytes_max >> arena->unit_shift) / RETURN_GROWTH_PART +
                  arena->used_unit_count / RETURN_GROWTH_SHARE;
    return dirty > keep ? dirty - keep : 0;
}

bool arena_has_to_spare(const struct arena *arena)
{
    return dirty_to_spare(arena, dirty_units(arena)) != 0;
}

void arena_note_growth(struct arena *arena, uint32_t units)
{
    size_t spare = dirty_to_spare(arena, dirty_units(arena));
    size_t grown = (size_t)arena->grown_units + units;
    arena->grown_units = (uint32_t)(grown < spare ? grown : spare);
}

// As many of the units that nobody seems to be able to use leave as virgin ones were taken, so that the most that is ever in
// memory becomes no more by them.
static bool leave_for_growth(struct arena *arena, size_t dirty, struct leaving *leaving)
{
    size_t spare = dirty_to_spare(arena, dirty);
    size_t units = arena->grown_units < spare ? arena->grown_units : spare;
    if (units << arena->unit_shift < ARENA_GROWTH_BYTES_MIN ||
        !leave_dirtiest(arena, units, leaving)) {
        return false;
    }
    size_t left = leaving->range.bytes >> arena->unit_shift;
    arena->grown_units -= (uint32_t)(left < units ? left : units);
    return true;
}

bool arena_next_leaving(struct arena *arena, struct leaving *leaving)
{
    size_t dirty = dirty_units(arena);
    if (leave_for_growth(arena, dirty, leaving)) {
        return true;
    }
    size_t allowed =
        (arena->config.dirty_bytes_max >> arena->unit_shift) + arena->used_unit_count / 8;
    size_t slack = (size_t)RETURN_SLACK_BYTES >> arena->unit_shift;
    if (!arena->is_returning && dirty > allowed + arena->spare_units + slack) {
        adapt(arena, dirty - allowed - arena->spare_units);
    }
    allowed += arena->spare_units;
    size_t room = room_units(arena);
    // Once begun, more leaves than must, if the runs that give it have so much: a program that goes back and forth at the bound
    // is not to fault each time.
    size_t enough = allowed < room ? allowed : room;
    size_t most = allowed + slack < room ? allowed + slack : room;
    arena->is_returning = dirty > (arena->is_returning ? enough : most) &&
                          leave_dirtiest(arena, dirty - (enough - enough / 8), leaving);
    return arena->is_returning;
}

bool arena_next_surplus(struct arena *arena, size_t keep_bytes, struct leaving *leaving)
{
    size_t dirty = dirty_units(arena);
    size_t keep = keep_bytes >> arena->unit_shift;
    arena->spare_units = 0;
    return dirty > keep && leave_dirtiest(arena, dirty - keep, leaving);
}

void arena_left(struct arena *arena, const struct leaving *leaving, enum left left)
{
    CHECK(leaving->kind == LEAVING_PURGE && arena->leaving_count != 0);
    struct section *section = arena_section_of(arena, (const void *)leaving->range.base);
    struct run_table *runs = section_runs(section);
    uint32_t first = section_unit_of(section, (const void *)leaving->range.base);
    uint32_t count = run_unit(runs, first)->length;
    CHECK(run_unit(runs, first)->kind == RUN_LEAVING);
    arena->leaving_count--;
    arena_note_split(arena);
    if (left != LEFT_CLEAN) { // what is not free and zero now is not taken again
        arena->clean_units -= count < arena->clean_units ? count : arena->clean_units;
    }
    if (left == LEFT_RESERVED) {
        run_mark(runs, first, RUN_META, 0);
        arena->meta_unit_count += count;
        arena_count_used(arena, count);
        return;
    }
    run_give(runs, first, left == LEFT_CLEAN);
}

struct section *arena_find_tail(const struct arena *arena, struct range *range)
{
    struct section *section = arena_first_section(arena);
    for (; section != NULL; section = arena_next_section(arena, section)) {
        *range = section_tail(section);
        if (range->bytes != 0 && !section->keeps_end) {
            break;
        }
    }
    return section;
}

void arena_cut_tail(struct arena *arena, struct section *section)
{
    size_t before = section_runs(section)->unit_count;
    section_cut_tail(section);
    arena->unit_count -= before - section_runs(section)->unit_count;
    arena->change_count++;
}
