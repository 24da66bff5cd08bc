// SPDX-License-Identifier: MIT
// What an arena gives back to the system: when, and what of it.
#include "core/arena.h"
#include "core/check.h"

enum {
    RETURN_SLACK_BYTES =
        4 << 20, // by which what is kept may pass its bound, before anything leaves
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
    return *first == RUN_NONE ? 0 : run_dirty(runs, *first);
}

// Takes the free run out of its list that has most to give back. False if there is none.
static bool leave_dirtiest(struct arena *arena, struct leaving *leaving)
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
    size_t length = run_unit(section_runs(dirtiest), first)->length;
    run_leave(section_runs(dirtiest), first);
    arena->leaving_count++;
    *leaving = (struct leaving){
        .kind = LEAVING_PURGE,
        .range = {.base = (uintptr_t)section_unit_at(dirtiest, first),
                  .bytes = length << arena->unit_shift},
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

bool arena_next_leaving(struct arena *arena, struct leaving *leaving)
{
    size_t allowed =
        (arena->config.dirty_bytes_max >> arena->unit_shift) + arena->used_unit_count / 8;
    // Once begun, more leaves than must: a program that goes back and forth at the bound is not to fault each time.
    size_t slack = (size_t)RETURN_SLACK_BYTES >> arena->unit_shift;
    size_t bound = arena->is_returning ? allowed - allowed / 8 : allowed + slack;
    size_t room = room_units(arena);
    bound = bound < room ? bound : room;
    arena->is_returning = dirty_units(arena) > bound && leave_dirtiest(arena, leaving);
    return arena->is_returning;
}

bool arena_next_surplus(struct arena *arena, size_t keep_bytes, struct leaving *leaving)
{
    return dirty_units(arena) > keep_bytes >> arena->unit_shift && leave_dirtiest(arena, leaving);
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
