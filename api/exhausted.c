// SPDX-License-Identifier: MIT
#include "api/exhausted.h"

#include "api/global.h"
#include "api/stats.h"
#include "core/run.h"

enum { ZONES_TOLD = 3 }; // size classes that hold most

static void amount(struct text *text, const char *what, size_t bytes)
{
    text_string(text, what);
    stats_grouped(text, bytes, 0);
}

// The class with the most bytes in zones after the one that was told before. NULL if there is none.
static const struct census_class *next_class(const struct census *census,
                                             const struct census_class *before)
{
    const struct census_class *most = NULL;
    for (unsigned index = 0; index < SIZE_CLASS_COUNT; index++) {
        const struct census_class *class = &census->classes[index];
        bool is_left = before == NULL || class->zone_bytes < before->zone_bytes ||
                       (class->zone_bytes == before->zone_bytes && class > before);
        if (is_left && class->zone_bytes != 0 &&
            (most == NULL || class->zone_bytes > most->zone_bytes)) {
            most = class;
        }
    }
    return most;
}

static void tell_classes(struct text *text, const struct census *census)
{
    const struct census_class *class = next_class(census, NULL);
    for (unsigned told = 0; class != NULL && told < ZONES_TOLD; told++) {
        size_t chunk_bytes = size_class_bytes((unsigned)(class - census->classes));
        amount(text, told == 0 ? "; most in zones of " : ", ", chunk_bytes);
        amount(text, " (", class->zone_bytes);
        amount(text, " for ", class->live_count);
        text_string(text, " chunks)");
        class = next_class(census, class);
    }
}

// The longest run that could be had of what is committed, to within an eighth.
static size_t longest_free_bytes(void)
{
    size_t longest = 0;
    for (const struct section *section = arena_first_section(&global.arena); section != NULL;
         section = arena_next_section(&global.arena, section)) {
        const struct run_table *runs = section_runs(section);
        size_t units = run_longest_free(runs);
        size_t last = run_frontier(runs) - (runs->unit_count - runs->committed);
        longest = units > longest ? units : longest;
        longest = last > longest ? last : longest;
    }
    return longest << global.arena.unit_shift;
}

static void tell(struct text *text, size_t bytes)
{
    struct census census;
    global_lock();
    census_take(&global.arena, &census);
    size_t longest = longest_free_bytes();
    size_t limit = global.arena.config.limit_bytes;
    global_unlock();
    amount(text, "ft_malloc: out of memory: asked for ", bytes);
    amount(text, " bytes; in use ", census.bytes[CENSUS_LIVE]);
    amount(text, ", free in zones ",
           census.bytes[CENSUS_ZONES] + census.bytes[CENSUS_STACKS] + census.bytes[CENSUS_HANDS] +
               census.bytes[CENSUS_HOME]);
    amount(text, ", in reserve ",
           census.bytes[CENSUS_DIRTY] + census.bytes[CENSUS_CLEAN] + census.bytes[CENSUS_VIRGIN]);
    amount(text, " (longest run ", longest);
    amount(text, "), committed ", census.committed_bytes);
    if (limit != 0) {
        amount(text, ", limit ", limit);
    }
    tell_classes(text, &census);
    text_string(text, "\n");
}

// Apart, so that its stack is only taken when it is wanted.
__attribute__((noinline)) static void explain(size_t bytes)
{
    struct print print;
    print_begin(&print);
    tell(&print.text, bytes);
    print_tell(&print, output_errors());
}

void exhausted_tell(size_t bytes)
{
    if (global.options.exhausted == EXHAUSTED_EXPLAIN) {
        explain(bytes);
    }
}
