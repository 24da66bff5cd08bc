// SPDX-License-Identifier: MIT
#include "api/options.h"

#include "api/piece.h"
#include "api/print.h"
#include "platform/platform.h"

#include <stdint.h>
#include <string.h>

enum {
    OPTION_VALUES_MAX = 5,
    OPTION_NAME_MAX = 32,
    MAPPING_BYTES_MAX = 256 << 20,
    HISTORY_MAX = 1000000,
    CACHE_BYTES_MIN = 4096,
    CACHE_BYTES_MAX = 16 << 20,
};

// What each preset sets before anything else does. README.md has the table.
static const char *const presets[] = {
    [PRESET_HARDENED] = "misuse=abort,foreign=abort,audit=fork,perturb=165",
    [PRESET_BALANCED] = "",
    [PRESET_MEMORY] = "reserve=1M,cache=128K",
    [PRESET_SPEED] = "reserve=512M,cache=8M,huge=1",
    [PRESET_DEBUG] = ("misuse=abort,foreign=abort,audit=fork,perturb=165,leaks=1,history=1000,"
                      "stacks=all,exhausted=explain"),
};

static const char environment_prefix[] = "FT_MALLOC_";
static const char environment_list[] = "OPTIONS";

// Variables that go by other names than ours: those of glibc that have a meaning here, and two that are in common use.
static const struct {
    const char *variable;
    const char *option;
} aliases[] = {
    {"MALLOC_DEBUG", "debug"},
    {"MALLOC_BONUS", "bonus"},
    {"MALLOC_PERTURB_", "perturb"},
    {"MALLOC_TRIM_THRESHOLD_", "reserve"},
    {"MALLOC_MMAP_THRESHOLD_", "mapping"},
};

enum { ALIAS_COUNT = sizeof(aliases) / sizeof(aliases[0]) };

struct option_row {
    const char *name;
    const char *values[OPTION_VALUES_MAX + 1]; // from the strictest to the laxest
    unsigned fallback;                         // the default, as an index of values
    size_t at;                                 // where struct options keeps it
    bool is_bytes; // or else a number of bytes: a size_t is kept, not an index
    size_t
        most; // or else a number up to this, from `least` on, kept in the same way; 0: it is none
    size_t least;
    bool is_text; // or else any text: its bytes are kept, and none for the first of the values
    const char *sentence;
};

static const struct option_row rows[] = {
    {.name = "preset",
     .values = {"hardened", "balanced", "memory", "speed", "debug"},
     .fallback = PRESET_BALANCED,
     .at = offsetof(struct options, preset),
     .sentence = "what other options are where nobody says otherwise: see [Presets](#presets)"},
    {.name = "misuse",
     .values = {"abort", "warn", "ignore"},
     .fallback = ANSWER_ABORT,
     .at = offsetof(struct options, misuse),
     .sentence = "what to do about a double, interior or foreign free and the like"},
    {.name = "foreign",
     .values = {"abort", "warn", "ignore", "misuse"},
     .fallback = ANSWER_AS_MISUSE,
     .at = offsetof(struct options, foreign),
     .sentence = "the same for foreign pointers alone; misuse: what that option says"},
    {.name = "audit",
     .values = {"fork", "never"},
     .fallback = AUDIT_NEVER,
     .at = offsetof(struct options, audit),
     .sentence = "fork: every forked child checks all invariants of its heap at once, and aborts "
                 "if one is broken"},
    {.name = "stats",
     .values = {"never", "exit"},
     .fallback = STATS_NEVER,
     .at = offsetof(struct options, stats),
     .sentence =
         "exit: the table of ft_malloc_stats_print goes to `output` when the process ends by "
         "exit() or by returning from main()"},
    {.name = "limit",
     .values = {"none", "cgroup"},
     .fallback = LIMIT_NONE,
     .at = offsetof(struct options, limit),
     .is_bytes = true,
     .sentence = "what chunks and zones may take together, in bytes or with `K`, `M`, `G`, `T` "
                 "behind: beyond it NULL and ENOMEM; cgroup: as much as the process's control "
                 "group may have"},
    {.name = "reserve",
     .values = {"usual"},
     .fallback = RESERVE_USUAL,
     .at = offsetof(struct options, reserve),
     .is_bytes = true,
     .sentence = "free memory that is kept beside a share of what is in use, the same way; usual: "
                 "16M"},
    {.name = "exhausted",
     .values = {"silent", "explain"},
     .fallback = EXHAUSTED_SILENT,
     .at = offsetof(struct options, exhausted),
     .sentence = "explain: when NULL is returned for want of memory, a line on standard error says "
                 "what was asked for and where the memory is"},
    {.name = "mapping",
     .values = {"usual"},
     .fallback = MAPPING_USUAL,
     .at = offsetof(struct options, mapping),
     .most = MAPPING_BYTES_MAX,
     .sentence = "larger chunks get a mapping of their own: a number of bytes up to 256M, which "
                 "means 32K at least; usual: 256M"},
    {.name = "cache",
     .values = {"usual"},
     .fallback = CACHE_USUAL,
     .at = offsetof(struct options, cache),
     .most = CACHE_BYTES_MAX,
     .least = CACHE_BYTES_MIN,
     .sentence = "chunks that each thread keeps at hand, 4K to 16M together; usual: 1M"},
    {.name = "huge",
     .values = {"0", "1"},
     .fallback = SWITCH_OFF,
     .at = offsetof(struct options, huge),
     .sentence = "1: the system is asked for huge pages, by `madvise`, where 2 MiB or more are "
                 "committed at once"},
    {.name = "debug",
     .values = {"0", "1"},
     .fallback = SWITCH_OFF,
     .at = offsetof(struct options, debug),
     .sentence = "1: each call is told in a line on `output`"},
    {.name = "bonus",
     .values = {"0", "1"},
     .fallback = SWITCH_OFF,
     .at = offsetof(struct options, bonus),
     .sentence = "1: each new chunk is dumped on `output`, and at the end the history and the "
                 "report of `leaks` follow"},
    {.name = "leaks",
     .values = {"0", "1", "fail", "scan"},
     .fallback = LEAKS_SILENT,
     .at = offsetof(struct options, leaks),
     .sentence =
         "1: what was not freed is told on `output` when the process ends; fail: it then "
         "ends with status 23 if there is any; scan: those are marked that it can no longer reach"},
    {.name = "history",
     .values = {"0"},
     .fallback = COUNT_NONE,
     .at = offsetof(struct options, history),
     .most = HISTORY_MAX,
     .least = 1,
     .sentence = "how many of the last calls are remembered, 1 to 1000000; 0: none, or 1000 with "
                 "`bonus`"},
    {.name = "stacks",
     .values = {"0", "all", "copy"},
     .fallback = STACKS_NONE,
     .at = offsetof(struct options, stacks),
     .is_bytes = true,
     .sentence = "call stacks are kept: all or 1: of every call; another number of bytes: of about "
                 "one allocation in each so many bytes; copy: of every allocation, with 16 KiB of "
                 "the stack, for programs without frame pointers"},
    {.name = "perturb",
     .values = {"0"},
     .fallback = COUNT_NONE,
     .at = offsetof(struct options, perturb),
     .most = UINT8_MAX,
     .least = 1,
     .sentence = "freed chunks are filled with this byte, 1 to 255, and new ones but calloc's with "
                 "its complement; 0: neither"},
    {.name = "output",
     .values = {"errors"},
     .fallback = OUTPUT_ERRORS,
     .at = offsetof(struct options, output),
     .is_text = true,
     .sentence =
         "where what options write goes: standard error, a descriptor's number, or a file's "
         "path, in which %p stands for the process's number"},
    {.name = "trace",
     .values = {"none"},
     .fallback = TRACE_NONE,
     .at = offsetof(struct options, trace),
     .is_text = true,
     .sentence =
         "the file that every call is recorded in, for ft_replay; %p stands for the process's "
         "number, which is put behind the name if there is such a file already"},
};

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

static const struct option_row *nearest_row(struct piece key)
{
    const struct option_row *nearest = &rows[0];
    for (unsigned row = 1; row < ROW_COUNT; row++) {
        if (piece_distance(key, rows[row].name) < piece_distance(key, nearest->name)) {
            nearest = &rows[row];
        }
    }
    return nearest;
}

static void complain_of_key(const struct option_source *source, struct piece key)
{
    struct print print;
    struct text *text = &print.text;
    print_begin(&print);
    text_string(text, "ft_malloc: no option is called '");
    text_bytes(text, key.start, key.length < OPTION_NAME_MAX ? key.length : OPTION_NAME_MAX);
    text_string(text, "'; the nearest is '");
    text_string(text, nearest_row(key)->name);
    text_string(text, "'\n");
    source->complain(text->bytes, text->length);
}

// What an option may be, up to the words that it may.
static void tell_kind(struct text *text, const struct option_row *row)
{
    if (row->is_text) {
        text_string(text, "'; it is a text of up to ");
        text_decimal(text, OPTION_TEXT_BYTES - 1);
        text_string(text, " bytes, or");
    } else if (row->most != 0) {
        text_string(text, "'; it is a number from ");
        text_decimal(text, row->least);
        text_string(text, " to ");
        text_decimal(text, row->most);
        text_string(text, ", or");
    } else {
        text_string(text, row->is_bytes ? "'; it is a number of bytes as 65536 or 512M, or"
                                        : "'; it is one of");
    }
}

static void complain_of_value(const struct option_source *source, const struct option_row *row,
                              struct piece value)
{
    struct print print;
    struct text *text = &print.text;
    print_begin(&print);
    text_string(text, "ft_malloc: option '");
    text_string(text, row->name);
    text_string(text, "' cannot be '");
    text_bytes(text, value.start, value.length < OPTION_NAME_MAX ? value.length : OPTION_NAME_MAX);
    tell_kind(text, row);
    bool is_number = row->is_bytes || row->most != 0;
    for (unsigned index = 0; row->values[index] != NULL; index++) {
        text_string(text, index == 0 ? " " : is_number ? ", or " : ", ");
        text_string(text, row->values[index]);
    }
    text_string(text, "\n");
    source->complain(text->bytes, text->length);
}

static unsigned *answer_at(struct options *options, const struct option_row *row)
{
    return (unsigned *)((uintptr_t)options + row->at);
}

static char *text_at(struct options *options, const struct option_row *row)
{
    return (char *)((uintptr_t)options + row->at);
}

static size_t *bytes_at(struct options *options, const struct option_row *row)
{
    return (size_t *)((uintptr_t)options + row->at);
}

// Sets an option of bytes, or of a number. only_stricter: a caller of less rights has no say in how much there is.
static void set_bytes(struct options *options, const struct option_source *source,
                      const struct option_row *row, struct piece value, bool only_stricter)
{
    size_t bytes;
    bool is_one = piece_bytes(value, &bytes) &&
                  (row->most == 0 || (bytes >= row->least && bytes <= row->most));
    for (unsigned index = 0; row->values[index] != NULL && !is_one; index++) {
        is_one = piece_is(value, row->values[index]);
        bytes = options_word(index);
    }
    if (!is_one) {
        complain_of_value(source, row, value);
    } else if (!only_stricter) {
        *bytes_at(options, row) = bytes;
    }
}

// Sets an option that is text.
static void set_text(struct options *options, const struct option_source *source,
                     const struct option_row *row, struct piece value, bool only_stricter)
{
    if (value.length == 0 || value.length >= OPTION_TEXT_BYTES) {
        complain_of_value(source, row, value);
        return;
    }
    if (only_stricter) {
        return;
    }
    size_t length = piece_is(value, row->values[0]) ? 0 : value.length;
    memcpy(text_at(options, row), value.start, length);
    text_at(options, row)[length] = '\0';
}

// How lax a value is: "as misuse" is as lax as what that option says.
static unsigned laxness(const struct options *options, const struct option_row *row, unsigned value)
{
    bool is_as_misuse = row->at == offsetof(struct options, foreign) && value == ANSWER_AS_MISUSE;
    return is_as_misuse ? options->misuse : value;
}

// Sets one option. only_stricter: the source is not trusted.
static void set(struct options *options, const struct option_source *source, struct piece key,
                struct piece value, bool only_stricter)
{
    const struct option_row *row = rows;
    while (row != rows + ROW_COUNT && !piece_is(key, row->name)) {
        row++;
    }
    if (row == rows + ROW_COUNT) {
        complain_of_key(source, key);
        return;
    }
    if (row->is_bytes || row->most != 0) {
        set_bytes(options, source, row, value, only_stricter);
        return;
    }
    if (row->is_text) {
        set_text(options, source, row, value, only_stricter);
        return;
    }
    for (unsigned index = 0; row->values[index] != NULL; index++) {
        if (piece_is(value, row->values[index])) {
            unsigned *answer = answer_at(options, row);
            if (!only_stricter || laxness(options, row, index) <= laxness(options, row, *answer)) {
                *answer = index;
            }
            return;
        }
    }
    complain_of_value(source, row, value);
}

// Sets what a list of the form key=value,key=value says.
static void set_list(struct options *options, const struct option_source *source, const char *list,
                     bool only_stricter)
{
    while (*list != '\0') {
        struct piece key = {.start = list, .length = strcspn(list, "=,")};
        struct piece value = {.start = list + key.length, .length = 0};
        if (*value.start == '=') {
            value.start++;
            value.length = strcspn(value.start, ",");
        }
        if (key.length != 0) {
            set(options, source, key, value, only_stricter);
        }
        list = value.start + value.length;
        list += *list == ',';
    }
}

// The key and value of an environment entry that is one of ours.
static bool is_ours(const char *entry, struct piece *key, const char **value)
{
    size_t prefix = sizeof(environment_prefix) - 1;
    if (strncmp(entry, environment_prefix, prefix) != 0) {
        return false;
    }
    key->start = entry + prefix;
    key->length = strcspn(key->start, "=");
    *value = key->start + key->length;
    *value += **value == '=';
    return true;
}

// Sets the option that an environment entry by another name than ours stands for.
static void set_alias(struct options *options, const struct option_source *source,
                      const char *entry)
{
    struct piece variable = {.start = entry, .length = strcspn(entry, "=")};
    const char *value = entry + variable.length;
    value += *value == '=';
    for (unsigned index = 0; index < ALIAS_COUNT && *value != '\0'; index++) {
        // In their own case: these names are nobody's but by convention.
        if (strlen(aliases[index].variable) == variable.length &&
            strncmp(entry, aliases[index].variable, variable.length) == 0) {
            struct piece key = {.start = aliases[index].option,
                                .length = strlen(aliases[index].option)};
            struct piece whole = {.start = value, .length = strlen(value)};
            set(options, source, key, whole, source->is_privileged);
        }
    }
}

static void set_defaults(struct options *options)
{
    for (unsigned row = 0; row < ROW_COUNT; row++) {
        if (rows[row].is_bytes || rows[row].most != 0) {
            *bytes_at(options, &rows[row]) = options_word(rows[row].fallback);
        } else if (rows[row].is_text) {
            *text_at(options, &rows[row]) = '\0';
        } else {
            *answer_at(options, &rows[row]) = rows[row].fallback;
        }
    }
}

// Sets what all sources say, the later ones over the earlier ones.
static void set_all(struct options *options, const struct option_source *source)
{
    if (source->program != NULL) {
        set_list(options, source, source->program, false);
    }
    for (size_t index = 0; source->entry(index) != NULL; index++) {
        set_alias(options, source, source->entry(index));
    }
    struct piece key;
    const char *value;
    for (size_t index = 0; source->entry(index) != NULL; index++) {
        if (is_ours(source->entry(index), &key, &value) && piece_is(key, environment_list)) {
            set_list(options, source, value, source->is_privileged);
        }
    }
    for (size_t index = 0; source->entry(index) != NULL; index++) {
        bool is_single =
            is_ours(source->entry(index), &key, &value) && !piece_is(key, environment_list);
        if (is_single && *value != '\0') {
            struct piece whole = {.start = value, .length = strlen(value)};
            set(options, source, key, whole, source->is_privileged);
        }
    }
}

static void ignore(const char *line, size_t length)
{
    (void)line;
    (void)length;
}

// Twice: first for the preset alone, wherever it is said.
void options_parse(struct options *options, const struct option_source *source)
{
    struct option_source quiet = *source;
    quiet.complain = ignore;
    set_defaults(options);
    set_all(options, &quiet);
    unsigned preset = options->preset;
    set_defaults(options);
    set_list(options, source, presets[preset], false);
    set_all(options, source);
}

bool options_watch(const struct options *options)
{
    return options->debug == SWITCH_ON || options->bonus == SWITCH_ON ||
           options->leaks != LEAKS_SILENT || options->history != options_word(COUNT_NONE) ||
           options_stacks(options) != 0 || options->perturb != options_word(COUNT_NONE) ||
           options->trace[0] != '\0';
}

size_t options_stacks(const struct options *options)
{
    if (options->stacks == options_word(STACKS_NONE)) {
        return 0;
    }
    bool is_word = options->stacks >= options_word(STACKS_COPY);
    return is_word ? 1 : options->stacks;
}

bool options_write(const struct options *options)
{
    return options->stats == STATS_EXIT || options->debug == SWITCH_ON ||
           options->bonus == SWITCH_ON || options->leaks != LEAKS_SILENT;
}

enum option_answer options_foreign(const struct options *options)
{
    return (enum option_answer)(options->foreign == ANSWER_AS_MISUSE ? options->misuse
                                                                     : options->foreign);
}

// What a program may define: options of its own.
extern const char *ft_malloc_options __attribute__((weak));

static void complain(const char *line, size_t length)
{
    platform_write(PLATFORM_ERRORS, line, length);
}

void options_read(struct options *options)
{
    if (options->are_read || !platform_environment_is_there()) {
        return;
    }
    options->are_read = true;
    const struct option_source source = {
        .program = &ft_malloc_options != NULL ? ft_malloc_options : NULL,
        .entry = platform_environment,
        .complain = complain,
        .is_privileged = platform_is_privileged(),
    };
    options_parse(options, &source);
}
