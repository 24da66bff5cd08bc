// SPDX-License-Identifier: MIT
// Reads what has been written of leaks and misuse with call stacks, and writes it with functions and lines. Stacks that are
// slices are unwound, and groups that turn out to have the same stack are made one. Everything else is passed on as it is.
//
//   ft_symbols [FILE…]      standard input without one
#include "code.h"
#include "unwind.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_BYTES = 8192 };

static const char head[] = "========== MEMORY LEAK REPORT ==========\n";
static const char unreachable_is[] = ", unreachable: ";
static const char tail[] = "========================================\n";

struct group {
    uint64_t count;
    uint64_t bytes;
    uint64_t unreachable; // blocks
    char rest[128];       // of its line
    struct code_place *places;
    size_t place_count;
    struct unwind_slice slice; // no words: there is none
    bool is_complete;
};

// A file that was mapped to be executed.
struct mapping {
    uint64_t base;
    uint64_t end;
    uint64_t offset;
    char *path;
};

// One process's.
static struct group *groups;
static size_t group_count;
static struct mapping *mappings;
static size_t mapping_count;
static char *mapping_text;
static size_t mapping_bytes;
static char *others; // lines of leaks without a stack
static size_t other_bytes;

// A larger array, for one more member; never NULL.
static void *grow(void *array, size_t count, size_t each)
{
    if ((count & (count - 1)) != 0) {
        return array; // the last doubling has left room
    }
    array = realloc(array, (count == 0 ? 1 : 2 * count) * each);
    if (array == NULL) {
        fputs("ft_symbols: no memory\n", stderr);
        exit(1);
    }
    return array;
}

static char *copy_of(const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL) {
        exit(1);
    }
    return copy;
}

static void append(char **text, size_t *bytes, const char *line)
{
    size_t length = strlen(line);
    char *more = realloc(*text, *bytes + length + 1);
    if (more == NULL) {
        exit(1);
    }
    memcpy(more + *bytes, line, length + 1);
    *text = more;
    *bytes += length;
}

static void add_place(struct group *group, const char *path, uint64_t offset)
{
    group->places = grow(group->places, group->place_count, sizeof(*group->places));
    group->places[group->place_count++] =
        (struct code_place){.path = copy_of(path), .offset = offset};
}

// "[LEAK] 10 blocks, 4000 bytes, the first at 0x7f1c2d43d040"
static bool read_group(const char *line)
{
    struct group group = {.count = 0};
    int end = 0;
    if (sscanf(line, "[LEAK] %" SCNu64 " block%*[s,] %" SCNu64 " bytes%n", &group.count,
               &group.bytes, &end) != 2 ||
        end == 0) {
        return false;
    }
    snprintf(group.rest, sizeof(group.rest), "%.*s", (int)strcspn(line + end, "\n"), line + end);
    char *unreachable = strstr(group.rest, unreachable_is);
    if (unreachable != NULL) {
        group.unreachable = strtoull(unreachable + strlen(unreachable_is), NULL, 10);
        *unreachable = '\0';
    }
    groups = grow(groups, group_count, sizeof(*groups));
    groups[group_count++] = group;
    return true;
}

// "    #0 /usr/bin/program+0x1234", or an address alone: its place, whose path is in the line.
static bool parse_frame(char *line, struct code_place *place)
{
    char *path = strchr(line, '#');
    path = path != NULL ? strchr(path, ' ') : NULL;
    if (path == NULL) {
        return false;
    }
    path++;
    path[strcspn(path, "\n")] = '\0';
    char *plus = strrchr(path, '+');
    *place = (struct code_place){.path = path};
    if (plus != NULL) {
        *plus = '\0';
        place->offset = strtoull(plus + 1, NULL, 16);
    }
    return true;
}

static void read_frame(struct group *group, char *line)
{
    struct code_place place;
    if (parse_frame(line, &place)) {
        add_place(group, place.path, place.offset);
    }
}

static void read_words(struct unwind_slice *slice, char *line)
{
    for (char *word = strtok(line, " \n"); word != NULL; word = strtok(NULL, " \n")) {
        slice->words = grow(slice->words, slice->count, sizeof(*slice->words));
        slice->words[slice->count++] = strtoull(word, NULL, 16);
    }
}

static void read_registers(struct unwind_slice *slice, char *line)
{
    size_t index = 0;
    strtok(line, " \n");
    for (char *word; index < UNWIND_REGISTERS && (word = strtok(NULL, " \n")) != NULL; index++) {
        slice->registers[index] = strtoull(word, NULL, 16);
    }
}

static void read_mapping(const char *line)
{
    struct mapping mapping;
    char access[8];
    int path = 0;
    append(&mapping_text, &mapping_bytes, line);
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %*s %*s %n", &mapping.base,
               &mapping.end, access, &mapping.offset, &path) != 4 ||
        path == 0 || strchr(access, 'x') == NULL) {
        return;
    }
    mapping.path = copy_of(line + path);
    mapping.path[strcspn(mapping.path, "\n")] = '\0';
    mappings = grow(mappings, mapping_count, sizeof(*mappings));
    mappings[mapping_count++] = mapping;
}

static bool is_at(const struct code_place *place, const struct code_place *other)
{
    return place->offset == other->offset && strcmp(place->path, other->path) == 0;
}

// Puts what was found by unwinding in the place of the one frame that was known: this is where the program called us, and
// what was found before it is ours.
static void unwind_group(struct group *group)
{
    struct unwind found;
    struct group whole = {.place_count = 0};
    unwind(&group->slice, &found);
    for (size_t index = 0; index < found.count; index++) {
        const struct mapping *mapping = mappings;
        while (mapping != mappings + mapping_count &&
               (found.frames[index] < mapping->base || found.frames[index] >= mapping->end)) {
            mapping++;
        }
        if (mapping == mappings + mapping_count) {
            break;
        }
        uint64_t offset = found.frames[index] - mapping->base + mapping->offset;
        const struct code_place place = {.path = mapping->path, .offset = offset};
        if (whole.place_count == 0 && group->place_count != 0 &&
            !is_at(&place, &group->places[0])) {
            continue;
        }
        add_place(&whole, place.path, place.offset);
    }
    if (whole.place_count != 0) {
        group->places = whole.places;
        group->place_count = whole.place_count;
        group->is_complete = found.is_complete;
    }
}

// Whether a stack that was walked has come to the end: libc is what calls main() and what threads begin with.
static bool ends_in_libc(const struct group *group)
{
    if (group->place_count < 2) {
        return false;
    }
    const char *path = group->places[group->place_count - 1].path;
    const char *name = strrchr(path, '/');
    return name != NULL && strncmp(name, "/libc.", 6) == 0;
}

static bool is_same(const struct group *group, const struct group *other)
{
    if (group->place_count != other->place_count) {
        return false;
    }
    size_t index = 0;
    while (index < group->place_count && is_at(&group->places[index], &other->places[index])) {
        index++;
    }
    return index == group->place_count;
}

static uint64_t hash_of(const struct group *group)
{
    uint64_t hash = group->place_count;
    for (size_t index = 0; index < group->place_count; index++) {
        hash ^= group->places[index].offset;
        for (const char *at = group->places[index].path; *at != '\0'; at++) {
            hash = (hash ^ (unsigned char)*at) * 0x100000001B3U;
        }
    }
    return hash ^ hash >> 32;
}

// Makes groups with the same stack one: the first of them.
static void merge(void)
{
    size_t room = 2;
    while (room < 2 * group_count) {
        room *= 2;
    }
    size_t *places = calloc(room, sizeof(*places)); // of the first ones, and one more
    if (places == NULL) {
        exit(1);
    }
    size_t kept = 0;
    for (size_t index = 0; index < group_count; index++) {
        size_t at = hash_of(&groups[index]) & (room - 1);
        while (places[at] != 0 && !is_same(&groups[places[at] - 1], &groups[index])) {
            at = (at + 1) & (room - 1);
        }
        if (places[at] == 0) {
            groups[kept++] = groups[index];
            places[at] = kept;
            continue;
        }
        struct group *same = &groups[places[at] - 1];
        same->count += groups[index].count;
        same->bytes += groups[index].bytes;
        same->unreachable += groups[index].unreachable;
    }
    group_count = kept;
    free(places);
}

static int compare(const void *left, const void *right)
{
    const struct group *one = left;
    const struct group *other = right;
    return (one->bytes < other->bytes) - (one->bytes > other->bytes);
}

// A frame, as functions and lines if they are known. number counts the lines of its stack.
static void print_frame(const struct code_place *place, unsigned *number)
{
    if (code_print(place, number)) {
        return;
    }
    printf("    #%u %s", (*number)++, place->path);
    if (place->offset != 0) {
        printf("+0x%" PRIx64, place->offset);
    }
    putchar('\n');
}

static void print_group(const struct group *group)
{
    printf("[LEAK] %" PRIu64 " block%s, %" PRIu64 " bytes%s", group->count,
           group->count == 1 ? "" : "s", group->bytes, group->rest);
    if (group->unreachable != 0) {
        printf("%s%" PRIu64, unreachable_is, group->unreachable);
    }
    putchar('\n');
    unsigned number = 0;
    for (size_t index = 0; index < group->place_count; index++) {
        print_frame(&group->places[index], &number);
    }
}

// Frames of our own library come first where operator new has called malloc: they are not what is looked for.
static void leave_out_own(struct group *group)
{
    size_t own = 0;
    while (own + 1 < group->place_count &&
           strstr(group->places[own].path, "/libft_malloc") != NULL) {
        own++;
    }
    group->places += own;
    group->place_count -= own;
}

// How many of the blocks have a stack that leads to main() or to where their thread began.
static void print_complete(void)
{
    uint64_t all = 0;
    uint64_t complete = 0;
    for (size_t index = 0; index < group_count; index++) {
        all += groups[index].count;
        complete += groups[index].is_complete ? groups[index].count : 0;
    }
    if (all != 0) {
        printf("call stacks complete: %" PRIu64 " %% (of %" PRIu64 " of %" PRIu64 " blocks)\n",
               complete * 100 / all, complete, all);
    }
}

static void finish_report(void)
{
    if (mapping_bytes != 0) {
        unwind_begin(mapping_text, mapping_bytes);
    }
    for (size_t index = 0; index < group_count; index++) {
        groups[index].is_complete = ends_in_libc(&groups[index]);
        if (groups[index].slice.count != 0) {
            unwind_group(&groups[index]);
        }
        leave_out_own(&groups[index]);
    }
    merge();
    if (group_count != 0) {
        qsort(groups, group_count, sizeof(*groups), compare);
    }
    for (size_t index = 0; index < group_count; index++) {
        print_group(&groups[index]);
    }
    if (others != NULL) {
        fputs(others, stdout);
    }
    print_complete();
    group_count = 0;
    mapping_count = 0;
    mapping_bytes = 0;
    other_bytes = 0;
    free(others);
    others = NULL;
    groups = NULL;
    mappings = NULL;
}

// A line of a report.
static void read_line(char *line)
{
    struct group *last = group_count != 0 ? &groups[group_count - 1] : NULL;
    if (strncmp(line, "[MAP] ", 6) == 0) {
        read_mapping(line + 6);
    } else if (last != NULL && strncmp(line, "    #", 5) == 0) {
        read_frame(last, line);
    } else if (last != NULL && strncmp(line, "    registers ", 14) == 0) {
        read_registers(&last->slice, line);
    } else if (last != NULL && strncmp(line, "    stack ", 10) == 0) {
        last->slice.base = strtoull(line + 10, NULL, 16);
    } else if (last != NULL && strncmp(line, "    ", 4) == 0) {
        read_words(&last->slice, line);
    } else if (!read_group(line)) {
        if (strncmp(line, "[LEAK]", 6) == 0) {
            append(&others, &other_bytes, line);
        } else {
            fputs(line, stdout);
        }
    }
}

// A line outside of reports: a frame of what is told of a misuse, or anything.
static void pass_line(char *line)
{
    static unsigned number;
    struct code_place place;
    bool is_frame = strncmp(line, "    #", 5) == 0;
    if (is_frame && strncmp(line, "    #0 ", 7) == 0) {
        number = 0;
    }
    if (is_frame && parse_frame(line, &place)) {
        print_frame(&place, &number);
    } else {
        fputs(line, stdout);
    }
}

static void read_file(FILE *file)
{
    static char line[LINE_BYTES];
    bool is_inside = false;
    while (fgets(line, sizeof(line), file) != NULL) {
        if (is_inside && strcmp(line, tail) == 0) {
            finish_report();
            is_inside = false;
        }
        is_inside = is_inside || strcmp(line, head) == 0;
        if (is_inside && strcmp(line, head) != 0) {
            read_line(line);
        } else {
            pass_line(line);
        }
    }
    if (is_inside) { // it was cut
        finish_report();
    }
}

int main(int count, char **names)
{
    int status = 0;
    for (int index = 1; index < count; index++) {
        FILE *file = fopen(names[index], "r");
        if (file == NULL) {
            perror(names[index]);
            status = 1;
            continue;
        }
        read_file(file);
        fclose(file);
    }
    if (count == 1) {
        read_file(stdin);
    }
    return status;
}
