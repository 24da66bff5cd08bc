// SPDX-License-Identifier: MIT
#include "code.h"

#include <dlfcn.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// A file that was opened.
struct file {
    struct file *next;
    char *path;
    Dwfl *session;
    Dwfl_Module *module; // NULL: nothing is known of it
};

static struct file *files;

static const Dwfl_Callbacks callbacks = {
    .find_elf = dwfl_build_id_find_elf,
    .find_debuginfo = dwfl_standard_find_debuginfo,
    .section_address = dwfl_offline_section_address,
};

static struct file *open_file(const char *path)
{
    for (struct file *file = files; file != NULL; file = file->next) {
        if (strcmp(file->path, path) == 0) {
            return file;
        }
    }
    struct file *file = calloc(1, sizeof(*file));
    char *copy = strdup(path);
    if (file == NULL || copy == NULL) {
        abort();
    }
    *file = (struct file){.next = files, .path = copy, .session = dwfl_begin(&callbacks)};
    if (file->session != NULL && path[0] == '/') {
        file->module = dwfl_report_offline(file->session, path, path, -1);
        dwfl_report_end(file->session, NULL, NULL);
    }
    files = file;
    return file;
}

// Where an offset of a file is in the addresses of its session. False if nothing is loaded from there.
static bool find_address(Dwfl_Module *module, uint64_t offset, Dwarf_Addr *address)
{
    GElf_Addr bias;
    Elf *elf = dwfl_module_getelf(module, &bias);
    size_t count;
    if (elf == NULL || elf_getphdrnum(elf, &count) != 0) {
        return false;
    }
    for (size_t index = 0; index < count; index++) {
        GElf_Phdr header;
        if (gelf_getphdr(elf, (int)index, &header) != NULL && header.p_type == PT_LOAD &&
            offset >= header.p_offset && offset - header.p_offset < header.p_filesz) {
            *address = offset - header.p_offset + header.p_vaddr + bias;
            return true;
        }
    }
    return false;
}

typedef char *(*demangle)(const char *name, char *room, size_t *bytes, int *status);

// What makes names of C++ readable: in its library, which may not be there.
static demangle find_demangle(void)
{
    static demangle found;
    static bool was_tried;
    if (!was_tried) {
        was_tried = true;
        void *library = dlopen("libstdc++.so.6", RTLD_NOW);
        void *symbol = library != NULL ? dlsym(library, "__cxa_demangle") : NULL;
        memcpy(&found, &symbol, sizeof(found));
    }
    return found;
}

// A function's name as its language has it.
static void print_name(FILE *out, const char *name)
{
    int status = -1;
    demangle tell = find_demangle();
    bool is_mangled = tell != NULL && name != NULL && name[0] == '_';
    char *plain = is_mangled ? tell(name, NULL, NULL, &status) : NULL;
    fputs(plain != NULL ? plain : name != NULL ? name : "?", out);
    free(plain);
}

static const char *name_of(Dwarf_Die *function)
{
    Dwarf_Attribute attribute;
    const char *linkage =
        dwarf_formstring(dwarf_attr_integrate(function, DW_AT_linkage_name, &attribute));
    return linkage != NULL ? linkage : dwarf_diename(function);
}

static void print_line(FILE *out, const char *function, const char *source, int line)
{
    print_name(out, function);
    if (source != NULL) {
        fprintf(out, " at %s:%d", source, line);
    }
}

// Where an inlined function was called.
static const char *call_source(Dwarf_Die *unit, Dwarf_Die *inlined, int *line)
{
    Dwarf_Attribute attribute;
    Dwarf_Word file = 0;
    Dwarf_Word at = 0;
    Dwarf_Files *sources;
    size_t count;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &file) != 0 ||
        dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &at) != 0 ||
        dwarf_getsrcfiles(unit, &sources, &count) != 0) {
        return NULL;
    }
    *line = (int)at;
    return dwarf_filesrc(sources, file, NULL, NULL);
}

// The compilation unit of an address. Where the compiler has left no table of addresses, as clang does, each is asked.
static Dwarf_Die *find_unit(Dwfl_Module *module, Dwarf_Addr address, Dwarf_Addr *bias)
{
    Dwarf_Die *unit = dwfl_module_addrdie(module, address, bias);
    if (unit != NULL) {
        return unit;
    }
    while ((unit = dwfl_module_nextcu(module, unit, bias)) != NULL) {
        if (dwarf_haspc(unit, address - *bias) == 1) {
            return unit;
        }
    }
    return NULL;
}

enum { CHAIN_MAX = 64 };

// The functions that an address is in, the outermost first, and each further one inlined in the one before.
struct chain {
    Dwarf_Die functions[CHAIN_MAX];
    int count;
};

// Looks for them among the children of an entry, and theirs: also in namespaces and classes, which have no addresses.
static bool find_chain(Dwarf_Die *parent, Dwarf_Addr address, struct chain *chain)
{
    Dwarf_Die child;
    for (int status = dwarf_child(parent, &child); status == 0;
         status = dwarf_siblingof(&child, &child)) {
        int tag = dwarf_tag(&child);
        bool is_function = tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
        bool is_code = is_function || tag == DW_TAG_lexical_block;
        bool is_around = tag == DW_TAG_namespace || tag == DW_TAG_class_type ||
                         tag == DW_TAG_structure_type || tag == DW_TAG_union_type;
        if (is_code && dwarf_haspc(&child, address) == 1) {
            if (is_function && chain->count < CHAIN_MAX) {
                chain->functions[chain->count++] = child;
            }
            (void)find_chain(&child, address, chain);
            return true;
        }
        if (is_around && find_chain(&child, address, chain)) {
            return true;
        }
    }
    return false;
}

// Prints what the debugging information of a unit says of an address in it. False if it has no function there.
static bool print_chain(FILE *out, Dwarf_Die *unit, Dwarf_Addr address, const char *source,
                        int line)
{
    struct chain chain = {.count = 0};
    (void)find_chain(unit, address, &chain);
    for (int index = chain.count - 1; index >= 0; index--) {
        Dwarf_Die *function = &chain.functions[index];
        print_line(out, name_of(function), source, line);
        fputs(index != 0 ? " (inlined)\n" : "\n", out);
        source = index != 0 ? call_source(unit, function, &line) : NULL;
    }
    return chain.count != 0;
}

// Prints what is known of an offset of a file, a line for each function; nothing if that is nothing.
static void print_place(FILE *out, const struct file *file, uint64_t offset)
{
    Dwarf_Addr address;
    if (file->module == NULL || !find_address(file->module, offset, &address)) {
        return;
    }
    address--; // of the call, not of what follows it
    Dwarf_Addr bias;
    Dwarf_Die *unit = find_unit(file->module, address, &bias);
    Dwarf_Line *found = unit != NULL ? dwarf_getsrc_die(unit, address - bias) : NULL;
    const char *source = found != NULL ? dwarf_linesrc(found, NULL, NULL) : NULL;
    int line = 0;
    if (found != NULL) {
        (void)dwarf_lineno(found, &line);
    }
    if (unit != NULL && print_chain(out, unit, address - bias, source, line)) {
        return;
    }
    const char *name = dwfl_module_addrname(file->module, address);
    if (name != NULL) {
        print_line(out, name, source, line);
        fprintf(out, " in %s\n", file->path);
    }
}

// What was printed of each place: the same come up again and again.
struct known {
    const struct file *file; // NULL: an empty entry
    uint64_t offset;
    char *text;
};

static struct known *known;
static size_t known_count;
static size_t known_room;

// Where a place is among them, or would be. There is room.
static struct known *known_at(const struct file *file, uint64_t offset)
{
    size_t at = (size_t)((offset ^ (uintptr_t)file >> 4) * 0x9E3779B97F4A7C15U >> 20);
    while (known[at & (known_room - 1)].file != NULL &&
           (known[at & (known_room - 1)].file != file ||
            known[at & (known_room - 1)].offset != offset)) {
        at++;
    }
    return &known[at & (known_room - 1)];
}

static void make_room(void)
{
    if (2 * known_count < known_room) {
        return;
    }
    struct known *old = known;
    size_t old_room = known_room;
    known_room = old_room != 0 ? 2 * old_room : 1024;
    known = calloc(known_room, sizeof(*known));
    if (known == NULL) {
        abort();
    }
    for (size_t index = 0; index < old_room; index++) {
        if (old[index].file != NULL) {
            *known_at(old[index].file, old[index].offset) = old[index];
        }
    }
    free(old);
}

static const char *text_of(const struct file *file, uint64_t offset)
{
    make_room();
    struct known *entry = known_at(file, offset);
    if (entry->file == NULL) {
        size_t bytes;
        FILE *out = open_memstream(&entry->text, &bytes);
        if (out == NULL) {
            abort();
        }
        print_place(out, file, offset);
        fclose(out);
        entry->file = file;
        entry->offset = offset;
        known_count++;
    }
    return entry->text;
}

bool code_print(const struct code_place *place, unsigned *number)
{
    if (place->path[0] != '/') {
        return false;
    }
    const char *text = text_of(open_file(place->path), place->offset);
    bool is_known = *text != '\0';
    while (*text != '\0') {
        int length = (int)strcspn(text, "\n");
        printf("    #%u %.*s\n", (*number)++, length, text);
        text += length + 1;
    }
    return is_known;
}
