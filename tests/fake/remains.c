// SPDX-License-Identifier: MIT
#include "tests/fake/remains.h"

#include "api/global.h"
#include "core/walk.h"
#include "tests/fake/fake.h"

static size_t own_units(const struct section *section)
{
    const struct run_table *runs = section_runs(section);
    size_t units = 0;
    for (uint32_t unit = 0; unit < runs->fresh; unit += run_unit(runs, unit)->length) {
        const struct unit *run = run_unit(runs, unit);
        if (run->kind == RUN_LARGE || run->kind == RUN_LEAVING) {
            player_fail("a run of %u units is left of kind %u", run->length, run->kind);
        }
        units += run->kind == RUN_META ? run->length : 0;
    }
    return units;
}

// Whether what was given belongs to a section: it begins there, or lies inside, and not in what the section lost of its
// area for records.
static bool is_of_section(const struct fake_grant *grant)
{
    const struct arena *arena = &global.arena;
    for (const struct section *section = arena_first_section(arena); section != NULL;
         section = arena_next_section(arena, section)) {
        if ((uintptr_t)section - grant->base < grant->bytes ||
            grant->base - (uintptr_t)section < section->area_end ||
            (grant->base >= (uintptr_t)section_unit_at(section, 0) &&
             grant->base - (uintptr_t)section < section->end)) {
            return true;
        }
    }
    return false;
}

// Whether it is one of the mappings that the arena keeps because the system did not take them.
static bool is_kept(const struct fake_grant *grant)
{
    const struct arena *arena = &global.arena;
    for (const struct zone *zone = offset_to(arena, arena->departing); zone != NULL;
         zone = offset_to(arena, zone->next)) {
        if ((uintptr_t)zone_base(zone) == grant->base && zone->mapped == grant->bytes) {
            return true;
        }
    }
    return false;
}

static void find_owner(const struct fake_grant *grant, struct remains *remains)
{
    if (is_of_section(grant)) {
        remains->section_bytes += grant->bytes;
    } else if (grant->is_stuck && is_kept(grant)) {
        remains->kept_bytes += grant->bytes;
    } else if (grant->is_stuck && grant->is_used) {
        player_fail("a mapping of %zu bytes was not taken back, and the arena has forgotten it",
                    grant->bytes);
    } else if (grant->is_stuck) {
        remains->lost_bytes += grant->bytes;
    } else {
        player_fail("%zu bytes stay mapped, and nobody knows why", grant->bytes);
    }
}

static size_t departing_bytes(void)
{
    const struct arena *arena = &global.arena;
    size_t bytes = 0;
    for (const struct zone *zone = offset_to(arena, arena->departing); zone != NULL;
         zone = offset_to(arena, zone->next)) {
        bytes += zone->mapped;
    }
    return bytes;
}

static void find_owners(struct remains *remains)
{
    for (size_t index = 0; fake_grant_at(index) != NULL; index++) {
        find_owner(fake_grant_at(index), remains);
    }
    if (remains->mapped_bytes !=
        remains->section_bytes + remains->kept_bytes + remains->lost_bytes) {
        player_fail("%zu bytes are mapped, and %zu have an owner", remains->mapped_bytes,
                    remains->section_bytes + remains->kept_bytes + remains->lost_bytes);
    }
    if (departing_bytes() != remains->kept_bytes) {
        player_fail("the arena keeps mappings of %zu bytes, and %zu are there", departing_bytes(),
                    remains->kept_bytes);
    }
}

static void check_empty(void)
{
    const struct arena *arena = &global.arena;
    if (arena->large_count != 0 || arena->mapping_count != 0 || arena->mapping_bytes != 0 ||
        arena->leaving_count != 0) {
        player_fail("%zu runs, %zu mappings, %u ranges on their way are left", arena->large_count,
                    arena->mapping_count, arena->leaving_count);
    }
    struct walk walk = {.next = 0};
    for (struct walk_step step = walk_next(arena, &walk); step.what != WALK_END;
         step = walk_next(arena, &walk)) {
        // Chunks in pages that were lost are never handed out again.
        if (step.what == WALK_CHUNK && !fake_is_lost((const void *)step.base, step.bytes)) {
            player_fail("a chunk of %zu bytes is left", step.bytes);
        }
    }
}

struct remains remains_of(struct player *player)
{
    for (unsigned thread = 0; thread < PLAYER_THREADS; thread++) {
        play_thread(player, thread);
        play_thread_end(player);
    }
    play_audit(player);
    struct remains remains = {
        .mapped_bytes = fake_books.reserved_bytes,
        .committed_bytes = fake_books.committed_bytes,
    };
    if (global.arena.section_count == 0) {
        return remains; // nobody has allocated
    }
    check_empty();
    find_owners(&remains);
    for (const struct section *section = arena_first_section(&global.arena); section != NULL;
         section = arena_next_section(&global.arena, section)) {
        remains.own_units += own_units(section);
    }
    return remains;
}
