// SPDX-License-Identifier: MIT
#include "api/trace_modules.h"

#include "api/global.h"

enum { LEFT_OUT_MAX = 1 << 20 };

void trace_modules_clear(struct trace_modules *modules)
{
    platform_lock_reset(&modules->lock);
    modules->count = 0;
    modules->left = 0;
    modules->left_out = 0;
}

// With the lock held. Whether an address lies in what is known.
static bool is_known(const struct trace_modules *modules, uintptr_t address)
{
    for (size_t index = 0; index < modules->count; index++) {
        if (address - modules->known[index].start < modules->known[index].bytes) {
            return true;
        }
    }
    return false;
}

bool trace_modules_lack(struct trace_modules *modules, const uintptr_t *frames, size_t count)
{
    bool is_lacking = false;
    global_lock_other(&modules->lock);
    for (size_t index = 0; index < count && !is_lacking; index++) {
        is_lacking = !is_known(modules, frames[index]);
    }
    is_lacking = is_lacking && modules->count < TRACE_MODULES_MAX;
    if (is_lacking && modules->left != 0) {
        modules->left--;
        is_lacking = false;
    }
    global_unlock_other(&modules->lock);
    return is_lacking;
}

bool trace_modules_add(struct trace_modules *modules, const struct module_place *place)
{
    global_lock_other(&modules->lock);
    size_t index = 0;
    while (index < modules->count && (modules->known[index].start != place->start ||
                                      modules->known[index].bytes != place->bytes)) {
        index++;
    }
    bool is_new = index == modules->count && index < TRACE_MODULES_MAX;
    if (is_new) {
        modules->known[modules->count++] =
            (struct trace_module){.start = place->start, .bytes = place->bytes};
    }
    global_unlock_other(&modules->lock);
    return is_new;
}

void trace_modules_were_read(struct trace_modules *modules, bool found_any)
{
    global_lock_other(&modules->lock);
    uint32_t more = modules->left_out < LEFT_OUT_MAX ? 2 * modules->left_out + 1 : LEFT_OUT_MAX;
    modules->left_out = found_any ? 0 : more;
    modules->left = modules->left_out;
    global_unlock_other(&modules->lock);
}
