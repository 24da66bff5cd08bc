// SPDX-License-Identifier: MIT
// An arena that outlives its process: saved to a file with a list in it, loaded at another address by
// another process, which goes on where the first one stopped.
//
//   saved save FILE
//   saved load FILE
//
// Whoever wants his own structures to survive links them by distances, as the list does here.
#include <ft_core.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { REGION_BYTES = 1 << 20, NOTES = 1000 };

// A member of the list. Distances count from the arena.
struct note {
    uintptr_t next; // 0: the last
    size_t bytes;
    unsigned char text[];
};

// What the file begins with.
struct header {
    uintptr_t first;
    uintptr_t address; // where the arena was
};

static struct note *note_at(struct ft_core *core, uintptr_t distance)
{
    return distance == 0 ? NULL : (struct note *)((uintptr_t)core + distance);
}

static size_t bytes_of(unsigned number)
{
    return number % 100 == 0 ? 5000 + number : number * 7 % 400;
}

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "saved: %s\n", what);
    exit(1);
}

static void expect(bool holds, const char *what)
{
    if (!holds) {
        fail(what);
    }
}

static uintptr_t make_list(struct ft_core *core, struct ft_core_heap *heap)
{
    uintptr_t first = 0;
    for (unsigned number = 0; number < NOTES; number++) {
        struct note *note = ft_core_alloc(heap, sizeof(*note) + bytes_of(number));
        void *passing = ft_core_alloc(heap, number % 300);
        expect(note != NULL && passing != NULL, "no memory");
        *note = (struct note){.next = first, .bytes = bytes_of(number)};
        memset(note->text, (int)(number & 0xFF), note->bytes);
        first = (uintptr_t)note - (uintptr_t)core;
        expect(ft_core_free(heap, passing) == FT_CORE_OK, "a chunk is not taken back");
    }
    return first;
}

static void save(const char *name)
{
    unsigned char *region =
        mmap(NULL, REGION_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect(region != MAP_FAILED, "no region");
    struct ft_core *core = ft_core_create(region, REGION_BYTES, NULL);
    struct ft_core_heap heap;
    expect(core != NULL && ft_core_open(&heap, core, NULL), "no arena");
    struct header header = {.first = make_list(core, &heap), .address = (uintptr_t)core};
    FILE *file = fopen(name, "wb");
    expect(file != NULL && fwrite(&header, sizeof(header), 1, file) == 1 &&
               fwrite(region, REGION_BYTES, 1, file) == 1 && fclose(file) == 0,
           "the file cannot be written");
    // The process ends with its heap open.
}

// Goes through the list, from the newest note on. Returns how many there are.
static unsigned check_list(struct ft_core *core, uintptr_t first)
{
    unsigned count = 0;
    for (struct note *note = note_at(core, first); note != NULL; note = note_at(core, note->next)) {
        unsigned number = NOTES - 1 - count;
        struct ft_core_place place = ft_core_locate(core, note);
        expect(place.status == FT_CORE_LIVE && place.base == note &&
                   place.bytes == sizeof(*note) + bytes_of(number),
               "a note is no chunk of its size");
        for (size_t at = 0; at < note->bytes; at++) {
            expect(note->text[at] == (number & 0xFF), "a note has another text");
        }
        count++;
    }
    return count;
}

static void load(const char *name)
{
    // Unlike the one that saved it: malloc's memory, at a multiple of any unit.
    unsigned char *memory = aligned_alloc(1 << 20, 3 * (size_t)REGION_BYTES);
    unsigned char *region = memory;
    expect(region != NULL, "no memory");
    struct header header;
    FILE *file = fopen(name, "rb");
    expect(file != NULL && fread(&header, sizeof(header), 1, file) == 1, "no file");
    if (header.address == (uintptr_t)region) {
        region += REGION_BYTES;
    }
    expect(fread(region, REGION_BYTES, 1, file) == 1 && fclose(file) == 0, "the file is short");
    struct ft_core *core = ft_core_attach(region);
    expect(core != NULL, "no arena is found");
    expect((uintptr_t)core != header.address, "it is where it was");
    expect(ft_core_check(core), "it does not hold together");
    ft_core_revive(core);
    expect(ft_core_check(core), "it does not hold together after it was revived");
    struct ft_core_heap heap;
    expect(ft_core_open(&heap, core, NULL), "no heap");
    expect(ft_core_figures(core).heap_count == 1, "the heap was not used again");
    expect(check_list(core, header.first) == NOTES, "notes are missing");

    // Every second note is freed, the others become longer.
    uintptr_t *link = &header.first;
    for (unsigned count = 0; *link != 0; count++) {
        struct note *note = note_at(core, *link);
        if (count % 2 == 0) {
            *link = note->next;
            expect(ft_core_free(&heap, note) == FT_CORE_OK, "a note is not taken back");
            expect(ft_core_free(&heap, note) == FT_CORE_DOUBLE_FREE, "a double free is not told");
            continue;
        }
        size_t bytes = note->bytes;
        note = ft_core_realloc(&heap, note, sizeof(*note) + bytes + 20);
        expect(note != NULL && note->bytes == bytes, "a note cannot grow");
        *link = (uintptr_t)note - (uintptr_t)core;
        link = &note->next;
    }
    expect(ft_core_check(core), "it does not hold together in the end");
    while (header.first != 0) {
        struct note *note = note_at(core, header.first);
        header.first = note->next;
        expect(ft_core_free(&heap, note) == FT_CORE_OK, "a note is not taken back in the end");
    }
    ft_core_trim(&heap);
    expect(ft_core_figures(core).used_bytes == 0, "something is left");
    free(memory);
}

int main(int count, char **arguments)
{
    if (count == 3 && strcmp(arguments[1], "save") == 0) {
        save(arguments[2]);
    } else if (count == 3 && strcmp(arguments[1], "load") == 0) {
        load(arguments[2]);
    } else {
        fail("save FILE, or load FILE");
    }
    return 0;
}
