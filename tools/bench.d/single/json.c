// SPDX-License-Identifier: MIT
// Reads a text in JSON into a tree of values, writes it out again from the tree, and drops it. The text is made at
// the beginning, of nested objects with arrays, texts and numbers. The work is counted in readings.
#include "single.h"

#include <string.h>

enum { RECORD_COUNT = 2000, TEXT_FIRST_BYTES = 64 };

// A text that grows by doubling.
struct text {
    char *bytes;
    size_t length;
    size_t room;
};

static void append(struct text *text, const char *bytes, size_t length)
{
    if (text->length + length > text->room) {
        text->room = text->room == 0 ? TEXT_FIRST_BYTES : text->room;
        while (text->length + length > text->room) {
            text->room *= 2;
        }
        text->bytes = realloc(text->bytes, text->room);
        if (text->bytes == NULL) {
            exit(1);
        }
    }
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
}

static void append_words(struct text *text, const char *words)
{
    append(text, words, strlen(words));
}

static void append_number(struct text *text, size_t number)
{
    char digits[24];
    append(text, digits, (size_t)snprintf(digits, sizeof digits, "%zu", number));
}

static void append_random_word(struct text *text, uint64_t *seed)
{
    static const char letters[] = "etaoinshrdlucmfwypvbgkjqxz";
    append_words(text, "\"");
    for (size_t left = 2 + random_below(seed, 30); left > 0; left--) {
        append(text, &letters[random_below(seed, 26)], 1);
    }
    append_words(text, "\"");
}

static struct text make_text(void)
{
    struct text text = {.bytes = NULL};
    uint64_t seed = 52;
    append_words(&text, "[");
    for (size_t i = 0; i < RECORD_COUNT; i++) {
        append_words(&text, i == 0 ? "{\"id\":" : ",{\"id\":");
        append_number(&text, i);
        append_words(&text, ",\"name\":");
        append_random_word(&text, &seed);
        append_words(&text, ",\"tags\":[");
        for (size_t left = random_below(&seed, 8); left > 0; left--) {
            append_random_word(&text, &seed);
            append_words(&text, left > 1 ? "," : "");
        }
        append_words(&text, "],\"place\":{\"x\":");
        append_number(&text, random_below(&seed, 100000));
        append_words(&text, ",\"y\":");
        append_number(&text, random_below(&seed, 100000));
        append_words(&text, "}}");
    }
    append(&text, "]", 2); // with the zero at the end
    return text;
}

enum kind { KIND_NUMBER, KIND_TEXT, KIND_ARRAY, KIND_OBJECT };

// One value; those of an array or object are linked, and have a name in an object.
struct value {
    enum kind kind;
    char *name;
    struct value *next;
    union {
        double number;
        char *text;
        struct value *first;
    };
};

static char *read_text(const char **at)
{
    const char *start = *at + 1;
    const char *end = strchr(start, '"');
    char *text = memory_new((size_t)(end - start) + 1);
    memcpy(text, start, (size_t)(end - start));
    text[end - start] = '\0';
    *at = end + 1;
    return text;
}

static struct value *read_value(const char **at);

// The values between the bracket that `at` is at and its partner.
static struct value *read_values(const char **at, char partner)
{
    struct value *first = NULL;
    struct value **last = &first;
    ++*at;
    while (**at != partner) {
        char *name = NULL;
        if (partner == '}') {
            name = read_text(at);
            ++*at;
        }
        *last = read_value(at);
        (*last)->name = name;
        last = &(*last)->next;
        *at += **at == ',';
    }
    ++*at;
    return first;
}

static struct value *read_value(const char **at)
{
    struct value *value = memory_new(sizeof *value);
    *value = (struct value){.kind = KIND_NUMBER};
    if (**at == '{' || **at == '[') {
        value->kind = **at == '{' ? KIND_OBJECT : KIND_ARRAY;
        value->first = read_values(at, **at == '{' ? '}' : ']');
    } else if (**at == '"') {
        value->kind = KIND_TEXT;
        value->text = read_text(at);
    } else {
        char *end;
        value->number = strtod(*at, &end);
        *at = end;
    }
    return value;
}

static void write_value(struct text *text, const struct value *value)
{
    if (value->kind == KIND_NUMBER) {
        append_number(text, (size_t)value->number);
        return;
    }
    if (value->kind == KIND_TEXT) {
        append_words(text, "\"");
        append_words(text, value->text);
        append_words(text, "\"");
        return;
    }
    append_words(text, value->kind == KIND_OBJECT ? "{" : "[");
    for (const struct value *part = value->first; part != NULL; part = part->next) {
        if (part->name != NULL) {
            append_words(text, "\"");
            append_words(text, part->name);
            append_words(text, "\":");
        }
        write_value(text, part);
        append_words(text, part->next != NULL ? "," : "");
    }
    append_words(text, value->kind == KIND_OBJECT ? "}" : "]");
}

static void value_free(struct value *value)
{
    if (value->kind == KIND_TEXT) {
        free(value->text);
    }
    if (value->kind == KIND_ARRAY || value->kind == KIND_OBJECT) {
        for (struct value *part = value->first; part != NULL;) {
            struct value *next = part->next;
            value_free(part);
            part = next;
        }
    }
    free(value->name);
    free(value);
}

int main(int argc, char **argv)
{
    struct text text = make_text();
    unsigned long same = 0;
    for (unsigned long left = work_of(argc, argv); left > 0; left--) {
        const char *at = text.bytes;
        struct value *value = read_value(&at);
        struct text written = {.bytes = NULL};
        write_value(&written, value);
        append(&written, "", 1);
        same += strcmp(written.bytes, text.bytes) == 0;
        free(written.bytes);
        value_free(value);
    }
    printf("%zu bytes, %lu times read and written the same\n", text.length, same);
    free(text.bytes);
    return 0;
}
