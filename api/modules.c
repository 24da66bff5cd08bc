// SPDX-License-Identifier: MIT
#include "api/modules.h"

#include "core/bits.h"
#include "platform/platform.h"

#include <string.h>

// A mapping that may be executed.
struct module {
    uintptr_t base;
    uintptr_t end;
    uint64_t offset; // in the file
    size_t path;     // where its path begins among all of them
    size_t path_bytes;
};

// What a list takes.
struct room {
    size_t count;
    size_t path_bytes;
};

// Goes through the mappings, and notes as many as there is room for.
static struct room read_list(struct module *list, char *paths, struct room room)
{
    struct platform_mappings mappings;
    struct platform_mapping mapping;
    struct room taken = {.count = 0};
    if (!platform_mappings_open(&mappings, NULL)) {
        return taken;
    }
    while (platform_mappings_next(&mappings, &mapping)) {
        if (!mapping.is_executable) {
            continue;
        }
        if (taken.count < room.count && room.path_bytes - taken.path_bytes >= mapping.path_bytes) {
            list[taken.count] = (struct module){
                .base = mapping.base,
                .end = mapping.end,
                .offset = mapping.offset,
                .path = taken.path_bytes,
                .path_bytes = mapping.path_bytes,
            };
            memcpy(paths + taken.path_bytes, mapping.path, mapping.path_bytes);
        } else if (room.count != 0) {
            break; // more than there were before
        }
        taken.count++;
        taken.path_bytes += mapping.path_bytes;
    }
    platform_mappings_close(&mappings);
    return taken;
}

void modules_load(struct modules *modules)
{
    *modules = (struct modules){.list = NULL};
    size_t page = platform_page_bytes();
    struct room room = read_list(NULL, NULL, (struct room){.count = 0});
    if (room.count == 0) {
        return;
    }
    size_t bytes = bits_align_up(room.count * sizeof(struct module) + room.path_bytes, page);
    struct module *list = platform_map(bytes, page);
    if (list == NULL) {
        return;
    }
    char *paths = (char *)(list + room.count);
    *modules = (struct modules){
        .list = list,
        .count = read_list(list, paths, room).count,
        .paths = paths,
        .bytes = bytes,
    };
}

struct module_place modules_at(const struct modules *modules, size_t index)
{
    const struct module *module = &modules->list[index];
    return (struct module_place){
        .start = (uintptr_t)(module->base - module->offset),
        .bytes = (size_t)(module->end - module->base + module->offset),
        .path = modules->paths + module->path,
        .path_bytes = module->path_bytes,
    };
}

void modules_unload(struct modules *modules)
{
    if (modules->list != NULL) {
        (void)platform_release((void *)modules->list, modules->bytes);
        modules->list = NULL;
    }
}

static const struct module *find(const struct modules *modules, uintptr_t address)
{
    size_t low = 0;
    size_t high = modules->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct module *module = &modules->list[middle];
        if (address >= module->base && address < module->end) {
            return module;
        }
        if (address < module->base) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

bool modules_have(const struct modules *modules, uintptr_t address)
{
    return modules->count == 0 || find(modules, address) != NULL;
}

void modules_tell(const struct modules *modules, struct text *text, uintptr_t address)
{
    const struct module *module = find(modules, address);
    if (module == NULL || module->path_bytes == 0) {
        text_pointer(text, address);
        return;
    }
    text_bytes(text, modules->paths + module->path, module->path_bytes);
    text_string(text, "+");
    text_pointer(text, (uintptr_t)(address - module->base + module->offset));
}
