// SPDX-License-Identifier: MIT
// The files that the process's code comes from, so that an address can be told as a place in one: what tools find functions
// and lines by, also when the process is gone and its libraries would lie elsewhere.
#ifndef FT_API_MODULES_H
#define FT_API_MODULES_H

#include "core/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct module;

struct modules {
    const struct module *list; // by increasing address, in memory of their own
    size_t count;
    const char *paths;
    size_t bytes; // of that memory
};

// Reads what is mapped to be executed, as of now. Without memory for it, and where the system does not tell, there is
// nothing. Asked for by who reports alone.
void modules_load(struct modules *modules);

// A file of which a part is mapped to be executed.
struct module_place {
    uintptr_t start; // where its first byte would be
    size_t bytes;    // from there to the end of what is mapped
    const char *path;
    size_t path_bytes; // 0: it is none
};

// The one of this index, below modules->count.
struct module_place modules_at(const struct modules *modules, size_t index);

// Gives the memory back.
void modules_unload(struct modules *modules);

// Whether an address lies in code; yes if nothing is known.
bool modules_have(const struct modules *modules, uintptr_t address);

// Appends "/usr/bin/program+0x1234", with the offset in the file, or the address itself.
void modules_tell(const struct modules *modules, struct text *text, uintptr_t address);

#endif
