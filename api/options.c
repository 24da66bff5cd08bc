// SPDX-License-Identifier: MIT
#include "api/options.h"

#include "api/print.h"
#include "platform/platform.h"

#include <stdint.h>
#include <string.h>

enum { OPTION_VALUES_MAX = 4, OPTION_NAME_MAX = 32 };

static const char environment_prefix[] = "FT_MALLOC_";
static const char environment_list[] = "OPTIONS";

struct option_row {
    const char *name;
    const char *values[OPTION_VALUES_MAX + 1]; // from the strictest to the laxest
    unsigned fallback;                         // the default, as an index of values
    size_t at;                                 // where struct options keeps it
    bool is_bytes; // or else a number of bytes: a size_t is kept, not an index
    const char *sentence;
};

static const struct option_row rows[] = {
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
     .sentence = "exit: the table of ft_malloc_stats_print goes to standard error when the process "
                 "ends by exit() or by returning from main()"},
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
};

enum { ROW_COUNT = sizeof(rows) / sizeof(rows[0]) };

// A piece of a string: keys and values are not terminated.
struct piece {
    const char *start;
    size_t length;
};

static char lower(char letter)
{
    return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

// Whether a piece is this word, in any case.
static bool piece_is(struct piece piece, const char *word)
{
    size_t length = 0;
    while (length < piece.length && word[length] != '\0' &&
           lower(piece.start[length]) == lower(word[length])) {
        length++;
    }
    return length == piece.length && word[length] == '\0';
}

// How many letters must be added, dropped, replaced or swapped with a neighbour to make one of the
// other; words longer than OPTION_NAME_MAX are as far as can be.
static unsigned distance(struct piece piece, const char *word)
{
    size_t width = strlen(word);
    if (piece.length > OPTION_NAME_MAX || width > OPTION_NAME_MAX) {
        return UINT32_MAX;
    }
    unsigned table[OPTION_NAME_MAX + 1][OPTION_NAME_MAX + 1];
    for (size_t row = 0; row <= piece.length; row++) {
        for (size_t column = 0; column <= width; column++) {
            if (row == 0 || column == 0) {
                table[row][column] = (unsigned)(row + column);
                continue;
            }
            char here = lower(piece.start[row - 1]);
            unsigned best = table[row - 1][column - 1] + (here != word[column - 1]);
            unsigned dropped = table[row - 1][column] + 1;
            unsigned added = table[row][column - 1] + 1;
            best = dropped < best ? dropped : best;
            best = added < best ? added : best;
            bool swapped = row > 1 && column > 1 && here == word[column - 2] &&
                           lower(piece.start[row - 2]) == word[column - 1];
            if (swapped && table[row - 2][column - 2] + 1 < best) {
                best = table[row - 2][column - 2] + 1;
            }
            table[row][column] = best;
        }
    }
    return table[piece.length][width];
}

static const struct option_row *nearest_row(struct piece key)
{
    const struct option_row *nearest = &rows[0];
    for (unsigned row = 1; row < ROW_COUNT; row++) {
        if (distance(key, rows[row].name) < distance(key, nearest->name)) {
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
    text_string(text, row->is_bytes ? "'; it is a number of bytes as 65536 or 512M, or"
                                    : "'; it is one of");
    for (unsigned index = 0; row->values[index] != NULL; index++) {
        text_string(text, index == 0 ? " " : row->is_bytes ? ", or " : ", ");
        text_string(text, row->values[index]);
    }
    text_string(text, "\n");
    source->complain(text->bytes, text->length);
}

static unsigned *answer_at(struct options *options, const struct option_row *row)
{
    return (unsigned *)((uintptr_t)options + row->at);
}

static size_t *bytes_at(struct options *options, const struct option_row *row)
{
    return (size_t *)((uintptr_t)options + row->at);
}

// Reads a number of bytes, with one of K, M, G and T behind it or none. False if it is none, or too
// large.
static bool read_bytes(struct piece value, size_t *bytes)
{
    static const char units[] = "kmgt";
    size_t length = 0;
    *bytes = 0;
    while (length < value.length && value.start[length] >= '0' && value.start[length] <= '9') {
        size_t digit = (size_t)(value.start[length++] - '0');
        if (*bytes > ((size_t)PTRDIFF_MAX - digit) / 10) {
            return false;
        }
        *bytes = *bytes * 10 + digit;
    }
    unsigned shift = 0;
    if (length != 0 && length + 1 == value.length) {
        const char *unit = strchr(units, lower(value.start[length++]));
        shift = unit != NULL && *unit != '\0' ? (unsigned)(unit - units + 1) * 10 : UINT32_MAX;
    }
    if (length == 0 || length != value.length || shift >= 63 ||
        *bytes > (size_t)PTRDIFF_MAX >> shift) {
        return false;
    }
    *bytes <<= shift;
    return true;
}

// Sets an option of bytes. only_stricter: a caller of less rights has no say in how much there is.
static void set_bytes(struct options *options, const struct option_source *source,
                      const struct option_row *row, struct piece value, bool only_stricter)
{
    size_t bytes;
    bool is_one = read_bytes(value, &bytes);
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

// How lax an answer is: "as misuse" is as lax as what that option says.
static unsigned laxness(const struct options *options, unsigned answer)
{
    return answer == ANSWER_AS_MISUSE ? options->misuse : answer;
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
    if (row->is_bytes) {
        set_bytes(options, source, row, value, only_stricter);
        return;
    }
    for (unsigned index = 0; row->values[index] != NULL; index++) {
        if (piece_is(value, row->values[index])) {
            unsigned *answer = answer_at(options, row);
            if (!only_stricter || laxness(options, index) <= laxness(options, *answer)) {
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

void options_parse(struct options *options, const struct option_source *source)
{
    for (unsigned row = 0; row < ROW_COUNT; row++) {
        if (rows[row].is_bytes) {
            *bytes_at(options, &rows[row]) = options_word(rows[row].fallback);
        } else {
            *answer_at(options, &rows[row]) = rows[row].fallback;
        }
    }
    if (source->program != NULL) {
        set_list(options, source, source->program, false);
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
