// SPDX-License-Identifier: MIT
#include "api/options_table.h"

#include "api/options.h"

enum {
    MAPPING_BYTES_MAX = 256 << 20,
    HISTORY_MAX = 1000000,
    CACHE_BYTES_MIN = 4096,
    CACHE_BYTES_MAX = 16 << 20,
};

// Above each row stands what the documentation's table says of it.
const struct option_row options_rows[] = {
    // what other options are where nobody says otherwise: see [Presets](#presets)
    {.name = "preset",
     .values = {"hardened", "balanced", "memory", "speed", "debug"},
     .fallback = PRESET_BALANCED,
     .at = offsetof(struct options, preset)},
    // what to do about a double, interior or foreign free and the like
    {.name = "misuse",
     .values = {"abort", "warn", "ignore"},
     .fallback = ANSWER_ABORT,
     .at = offsetof(struct options, misuse)},
    // the same for foreign pointers alone; misuse: what that option says
    {.name = "foreign",
     .values = {"abort", "warn", "ignore", "misuse"},
     .fallback = ANSWER_AS_MISUSE,
     .at = offsetof(struct options, foreign)},
    // fork: every forked child checks all invariants of its heap at once, and aborts if one is broken
    {.name = "audit",
     .values = {"fork", "never"},
     .fallback = AUDIT_NEVER,
     .at = offsetof(struct options, audit)},
    // exit: the table of ft_malloc_stats_print goes to `output` when the process ends by exit() or by returning from
    // main()
    {.name = "stats",
     .values = {"never", "exit"},
     .fallback = STATS_NEVER,
     .at = offsetof(struct options, stats)},
    // what chunks and zones may take together, in bytes or with `K`, `M`, `G`, `T` behind: beyond it NULL and
    // ENOMEM; cgroup: as much as the process's control group may have
    {.name = "limit",
     .values = {"none", "cgroup"},
     .fallback = LIMIT_NONE,
     .at = offsetof(struct options, limit),
     .is_bytes = true},
    // free memory that is kept beside a share of what is in use, the same way; usual: 16M
    {.name = "reserve",
     .values = {"usual"},
     .fallback = RESERVE_USUAL,
     .at = offsetof(struct options, reserve),
     .is_bytes = true},
    // explain: when NULL is returned for want of memory, a line on standard error says what was asked for and where
    // the memory is
    {.name = "exhausted",
     .values = {"silent", "explain"},
     .fallback = EXHAUSTED_SILENT,
     .at = offsetof(struct options, exhausted)},
    // larger chunks get a mapping of their own: a number of bytes up to 256M, which means 32K at least; usual: 256M
    {.name = "mapping",
     .values = {"usual"},
     .fallback = MAPPING_USUAL,
     .at = offsetof(struct options, mapping),
     .most = MAPPING_BYTES_MAX},
    // chunks that each thread keeps at hand, 4K to 16M together, and twice as much of sizes that it frees and
    // allocates by turns; usual: 1M
    {.name = "cache",
     .values = {"usual"},
     .fallback = CACHE_USUAL,
     .at = offsetof(struct options, cache),
     .most = CACHE_BYTES_MAX,
     .least = CACHE_BYTES_MIN},
    // 1: the system is asked for huge pages, by `madvise`, where 2 MiB or more are committed at once
    {.name = "huge",
     .values = {"0", "1"},
     .fallback = SWITCH_OFF,
     .at = offsetof(struct options, huge)},
    // 1: each call is told in a line on `output`
    {.name = "debug",
     .values = {"0", "1"},
     .fallback = SWITCH_OFF,
     .at = offsetof(struct options, debug)},
    // 1: each new chunk is dumped on `output`, and at the end the history and the report of `leaks` follow
    {.name = "bonus",
     .values = {"0", "1"},
     .fallback = SWITCH_OFF,
     .at = offsetof(struct options, bonus)},
    // 1: what was not freed is told on `output` when the process ends; fail: it then ends with status 23 if there is
    // any; scan: those are marked that it can no longer reach
    {.name = "leaks",
     .values = {"0", "1", "fail", "scan"},
     .fallback = LEAKS_SILENT,
     .at = offsetof(struct options, leaks)},
    // how many of the last calls are remembered, 1 to 1000000, and told of a pointer that is misused; 0: none, or 1000
    // with `bonus`
    {.name = "history",
     .values = {"0"},
     .fallback = COUNT_NONE,
     .at = offsetof(struct options, history),
     .most = HISTORY_MAX,
     .least = 1},
    // call stacks are kept: all or 1: of every call; another number of bytes: of about one allocation in each so
    // many bytes; copy: of every allocation, with 16 KiB of the stack, for programs without frame pointers;
    // copy:512K: the same, of about one allocation in each 512 KiB
    {.name = "stacks",
     .values = {"0", "all", "copy"},
     .fallback = STACKS_NONE,
     .at = offsetof(struct options, stacks),
     .is_bytes = true,
     .rate_at = offsetof(struct options, stacks_rate)},
    // freed chunks are filled with this byte, 1 to 255, and new ones but calloc's with its complement; 0: neither
    {.name = "perturb",
     .values = {"0"},
     .fallback = COUNT_NONE,
     .at = offsetof(struct options, perturb),
     .most = UINT8_MAX,
     .least = 1},
    // where what options write goes: standard error, a descriptor's number, or a file's path, in which %p stands for
    // the process's number
    {.name = "output",
     .values = {"errors"},
     .fallback = OUTPUT_ERRORS,
     .at = offsetof(struct options, output),
     .is_text = true},
    // the file that every call is recorded in, for ft_replay; %p stands for the process's number, which is put
    // behind the name if there is such a file already
    {.name = "trace",
     .values = {"none"},
     .fallback = TRACE_NONE,
     .at = offsetof(struct options, trace),
     .is_text = true},
};

const size_t options_row_count = sizeof(options_rows) / sizeof(options_rows[0]);

const char *const options_presets[] = {
    [PRESET_HARDENED] = "misuse=abort,foreign=abort,audit=fork,perturb=165",
    [PRESET_BALANCED] = "",
    [PRESET_MEMORY] = "reserve=1M,cache=128K",
    [PRESET_SPEED] = "reserve=512M,cache=8M,huge=1",
    [PRESET_DEBUG] = ("misuse=abort,foreign=abort,audit=fork,perturb=165,leaks=1,history=1000,"
                      "stacks=all,exhausted=explain"),
};

const struct option_alias options_aliases[] = {
    {.variable = "MALLOC_DEBUG", .option = "debug"},
    {.variable = "MALLOC_BONUS", .option = "bonus"},
    {.variable = "MALLOC_PERTURB_", .option = "perturb", .is_glibcs = true},
    // As mallopt(M_TRIM_THRESHOLD, -1): more than there can be.
    {.variable = "MALLOC_TRIM_THRESHOLD_",
     .option = "reserve",
     .is_glibcs = true,
     .minus_one = "8388607T"},
    {.variable = "MALLOC_MMAP_THRESHOLD_", .option = "mapping", .is_glibcs = true},
};

const size_t options_alias_count = sizeof(options_aliases) / sizeof(options_aliases[0]);

const struct option_row *options_row(struct piece key)
{
    for (size_t row = 0; row < options_row_count; row++) {
        if (piece_is(key, options_rows[row].name)) {
            return &options_rows[row];
        }
    }
    return NULL;
}

const struct option_row *options_row_nearest(struct piece key)
{
    const struct option_row *nearest = &options_rows[0];
    for (size_t row = 1; row < options_row_count; row++) {
        if (piece_distance(key, options_rows[row].name) < piece_distance(key, nearest->name)) {
            nearest = &options_rows[row];
        }
    }
    return nearest;
}
