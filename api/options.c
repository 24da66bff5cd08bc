// SPDX-License-Identifier: MIT
#include "api/options.h"

#include "api/options_table.h"
#include "api/piece.h"
#include "api/print.h"
#include "platform/platform.h"

#include <stdint.h>
#include <string.h>

enum { OPTION_NAME_MAX = 32 };

static const char environment_prefix[] = "FT_MALLOC_";
static const char environment_list[] = "OPTIONS";

static void complain_of_key(const struct option_source *source, struct piece key)
{
    struct print print;
    struct text *text = &print.text;
    print_begin(&print);
    text_string(text, "ft_malloc: no option is called '");
    piece_tell(text, key, OPTION_NAME_MAX);
    text_string(text, "'; the nearest is '");
    text_string(text, options_row_nearest(key)->name);
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
    piece_tell(text, value, OPTION_NAME_MAX);
    tell_kind(text, row);
    bool is_number = row->is_bytes || row->most != 0;
    for (unsigned index = 0; row->values[index][0] != '\0'; index++) {
        text_string(text, index == 0 ? " " : is_number ? ", or " : ", ");
        text_string(text, row->values[index]);
    }
    if (row->rate_at != 0) {
        text_string(text, ", which may have a colon and such a number behind it");
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

static size_t *rate_at(struct options *options, const struct option_row *row)
{
    return (size_t *)((uintptr_t)options + row->rate_at);
}

// Reads what may stand behind the last of a row's values, a colon and a number of bytes, and takes it off. False if that is
// no number.
static bool take_rate(const struct option_row *row, struct piece *value, size_t *rate)
{
    size_t length = 0;
    while (length < value->length && value->start[length] != ':') {
        length++;
    }
    struct piece word = {.start = value->start, .length = length};
    struct piece behind = {.start = value->start + length + 1,
                           .length = value->length - length - 1};
    unsigned last = 0;
    while (row->values[last + 1][0] != '\0') {
        last++;
    }
    *rate = 1;
    if (row->rate_at == 0 || length == value->length || !piece_is(word, row->values[last])) {
        return true;
    }
    *value = word;
    return piece_bytes(behind, rate) && *rate != 0;
}

// Sets an option of bytes, or of a number. only_stricter: a caller of less rights has no say in how much there is.
static void set_bytes(struct options *options, const struct option_source *source,
                      const struct option_row *row, struct piece value, bool only_stricter)
{
    size_t bytes;
    size_t rate;
    struct piece word = value;
    bool has_rate = take_rate(row, &word, &rate);
    bool is_one = piece_bytes(word, &bytes) &&
                  (row->most == 0 || (bytes >= row->least && bytes <= row->most));
    for (unsigned index = 0; row->values[index][0] != '\0' && !is_one; index++) {
        is_one = piece_is(word, row->values[index]);
        bytes = options_word(index);
    }
    if (!is_one || !has_rate) {
        complain_of_value(source, row, value);
        return;
    }
    if (only_stricter) {
        return;
    }
    *bytes_at(options, row) = bytes;
    if (row->rate_at != 0) {
        *rate_at(options, row) = rate;
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
    const struct option_row *row = options_row(key);
    if (row == NULL) {
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
    for (unsigned index = 0; row->values[index][0] != '\0'; index++) {
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

// What follows a name at the start of an entry, or NULL. Byte by byte: nearly all entries differ in the first, and every
// process goes through all of them, so that a small one has no page of libc's string functions for it.
static const char *after(const char *entry, const char *name)
{
    for (; *name != '\0'; entry++, name++) {
        if (*entry != *name) {
            return NULL;
        }
    }
    return entry;
}

// The key and value of an environment entry that is one of ours.
static bool is_ours(const char *entry, struct piece *key, const char **value)
{
    key->start = after(entry, environment_prefix);
    if (key->start == NULL) {
        return false;
    }
    key->length = strcspn(key->start, "=");
    *value = key->start + key->length;
    *value += **value == '=';
    return true;
}

static void ignore(const char *line, size_t length)
{
    (void)line;
    (void)length;
}

// The same source, which says nothing.
static struct option_source quiet_of(const struct option_source *source)
{
    struct option_source quiet = *source;
    quiet.complain = ignore;
    return quiet;
}

// Sets the option that an environment entry by another name than ours stands for.
static void set_alias(struct options *options, const struct option_source *source,
                      const char *entry)
{
    struct option_source quiet = quiet_of(source);
    for (size_t index = 0; index < options_alias_count; index++) {
        const struct option_alias *alias = &options_aliases[index];
        // In their own case: these names are nobody's but by convention.
        const char *value = after(entry, alias->variable);
        if (value != NULL && value[0] == '=' && value[1] != '\0') {
            value++;
            if (alias->minus_one[0] != '\0' && strcmp(value, "-1") == 0) {
                value = alias->minus_one;
            }
            struct piece key = {.start = alias->option, .length = strlen(alias->option)};
            struct piece whole = {.start = value, .length = strlen(value)};
            set(options, alias->is_glibcs ? &quiet : source, key, whole, source->is_privileged);
        }
    }
}

static void set_defaults(struct options *options)
{
    for (size_t index = 0; index < options_row_count; index++) {
        const struct option_row *row = &options_rows[index];
        if (row->rate_at != 0) {
            *rate_at(options, row) = 1;
        }
        if (row->is_bytes || row->most != 0) {
            *bytes_at(options, row) = options_word(row->fallback);
        } else if (row->is_text) {
            *text_at(options, row) = '\0';
        } else {
            *answer_at(options, row) = row->fallback;
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

// Twice: first for the preset alone, wherever it is said.
void options_parse(struct options *options, const struct option_source *source)
{
    struct option_source quiet = quiet_of(source);
    set_defaults(options);
    set_all(options, &quiet);
    unsigned preset = options->preset;
    set_defaults(options);
    set_list(options, source, options_presets[preset], false);
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
    if (options->stacks == options_word(STACKS_COPY)) {
        return options->stacks_rate;
    }
    return options->stacks == options_word(STACKS_ALL) ? 1 : options->stacks;
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
    platform_tell(PLATFORM_ERRORS, line, length);
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
