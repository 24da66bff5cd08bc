// SPDX-License-Identifier: MIT
// The options, from one table of rows (options_table.h): name, values, default, and a sentence beside. The parser, its
// complaints and the documentation come from it.
//
// Precedence, the later one wins: the default; what the option `preset` stands for, wherever it is said;
// ft_malloc_options, a string that the program may define; the environment: what glibc and others call the same
// (MALLOC_DEBUG and the like), FT_MALLOC_OPTIONS="key=value,key=value", then FT_MALLOC_<KEY>=value. In a process with
// more rights than its caller, the environment is heeded only where it makes an option stricter.
#ifndef FT_API_OPTIONS_H
#define FT_API_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What to do about a misuse, from the strictest to the laxest.
enum option_answer { ANSWER_ABORT, ANSWER_WARN, ANSWER_IGNORE, ANSWER_AS_MISUSE };

// When the table of the heap is written. The strictest is the one that writes nothing: a process with more rights than
// its caller keeps to itself what it allocates.
enum option_stats { STATS_NEVER, STATS_EXIT };

// When the heap audits itself.
enum option_audit { AUDIT_FORK, AUDIT_NEVER };

// An out-of-memory is told in a line, or not.
enum option_exhausted { EXHAUSTED_SILENT, EXHAUSTED_EXPLAIN };

// What stands in place of a number.
enum option_limit { LIMIT_NONE, LIMIT_CGROUP };
enum option_reserve { RESERVE_USUAL };
enum option_mapping { MAPPING_USUAL };
enum option_count { COUNT_NONE };

enum option_cache { CACHE_USUAL };

// A row of values for the other options, from the strictest to the laxest: who lacks rights may ask for more checks at most.
enum option_preset { PRESET_HARDENED, PRESET_BALANCED, PRESET_MEMORY, PRESET_SPEED, PRESET_DEBUG };

// What is on or off.
enum option_switch { SWITCH_OFF, SWITCH_ON };

// What is done about chunks that were not freed at the end.
enum option_leaks { LEAKS_SILENT, LEAKS_REPORT, LEAKS_FAIL, LEAKS_SCAN };

// What stands in place of a number of bytes between call stacks.
enum option_stacks { STACKS_NONE, STACKS_ALL, STACKS_COPY };

// What stands in place of a text.
enum option_output { OUTPUT_ERRORS };
enum option_trace { TRACE_NONE };

enum { OPTION_TEXT_BYTES = 1024 }; // of an option that is text, its zero byte included

struct options {
    bool are_read;
    unsigned preset;                // enum option_preset
    size_t limit;                   // bytes, or a word of enum option_limit (options_word)
    size_t reserve;                 // bytes, or a word of enum option_reserve
    unsigned misuse;                // enum option_answer
    unsigned foreign;               // the same; ANSWER_AS_MISUSE: what `misuse` says
    unsigned audit;                 // enum option_audit
    unsigned stats;                 // enum option_stats
    unsigned exhausted;             // enum option_exhausted
    size_t mapping;                 // bytes, or a word of enum option_mapping
    size_t cache;                   // bytes, or a word of enum option_cache
    unsigned huge;                  // enum option_switch
    unsigned debug;                 // enum option_switch
    unsigned bonus;                 // the same
    unsigned leaks;                 // enum option_leaks
    size_t history;                 // calls, or a word of enum option_count
    size_t stacks;                  // bytes, or a word of enum option_stacks
    size_t stacks_rate;             // bytes, with STACKS_COPY
    size_t perturb;                 // a byte, or the same
    char output[OPTION_TEXT_BYTES]; // a descriptor's number, or a path; empty: OUTPUT_ERRORS
    char trace[OPTION_TEXT_BYTES];  // a path; empty: TRACE_NONE
};

// Reads the options when that is possible, and once. Complains on standard error about keys and values
// that are none.
void options_read(struct options *options);

// What an option of bytes or of a number says that is set to a word: the index of this one among its values.
static inline size_t options_word(unsigned value)
{
    return SIZE_MAX - value;
}

// What to do about a foreign pointer.
enum option_answer options_foreign(const struct options *options);

// Whether an option wants every call to be seen.
bool options_watch(const struct options *options);

// In each how many bytes that are allocated a call stack is kept; 1: of every call; 0: of none.
size_t options_stacks(const struct options *options);

// Whether an option wants `output`.
bool options_write(const struct options *options);

// Reads options from where they may be said; for options_read() and for tests. next(index) yields the
// environment's entries, complain(line, length) gets each complaint.
struct option_source {
    const char *program; // the program's own string, or NULL
    const char *(*entry)(size_t index);
    void (*complain)(const char *line, size_t length);
    bool is_privileged;
};

void options_parse(struct options *options, const struct option_source *source);

#endif
