// SPDX-License-Identifier: MIT
#include "api/trace_file.h"

#include "api/global.h"
#include "api/path.h"
#include "api/piece.h"
#include "api/print.h"
#include "core/trace_block.h"

#include <string.h>

enum { NAMES_MAX = 100 }; // that are tried for a file

void trace_file_complain(const char *what, const char *path)
{
    struct print print;
    print_begin(&print);
    text_string(&print.text, "ft_malloc: ");
    text_string(&print.text, what);
    text_string(&print.text, " '");
    piece_tell(&print.text, (struct piece){.start = path, .length = strlen(path)},
               OPTION_TEXT_BYTES);
    text_string(&print.text, "'\n");
    print_tell(&print, PLATFORM_ERRORS);
}

// The name that is tried first for a file, then with the process's number behind it, then with one more: nothing that is
// there is written over, so that all programs that a script starts, and forked children, may have the same option.
static bool put_name(struct text *path, unsigned attempt)
{
    (void)path_expand(path, global.options.trace);
    if (attempt > 0 && path->length < path->room) {
        path->length--;
        text_string(path, ".");
        text_decimal(path, platform_process());
        if (attempt > 1) {
            text_string(path, ".");
            text_decimal(path, attempt);
        }
        text_bytes(path, "", 1);
    }
    return path->length < path->room;
}

bool trace_file_open(struct trace *trace)
{
    enum platform_created created = PLATFORM_EXISTS;
    for (unsigned attempt = 0; attempt < NAMES_MAX && created == PLATFORM_EXISTS; attempt++) {
        struct print path; // longer than any path that the system takes
        print_begin(&path);
        bool fits = put_name(&path.text, attempt) && path.text.length <= TRACE_PATH_BYTES;
        created = fits ? platform_create_file(path.bytes, &trace->file) : PLATFORM_REFUSED;
        memcpy(trace->path, path.bytes, fits ? path.text.length : 0);
    }
    if (created != PLATFORM_CREATED) {
        trace_file_complain("no trace can be written to", global.options.trace);
    }
    return created == PLATFORM_CREATED;
}

uint8_t *trace_file_map(struct trace *trace)
{
    // Relaxed: a place of its own is all that is wanted.
    size_t at = TRACE_BLOCK_BYTES *
                (size_t)atomic_fetch_add_explicit(&trace->block_count, 1, memory_order_relaxed);
    global_lock_other(&trace->lock);
    uint8_t *block = platform_map_file(&trace->file, at, TRACE_BLOCK_BYTES);
    if (block == NULL && platform_kept_descriptor(&trace->file) < 0 &&
        platform_reopen_file(trace->path, &trace->file)) {
        block = platform_map_file(&trace->file, at, TRACE_BLOCK_BYTES);
    }
    global_unlock_other(&trace->lock);
    return block;
}
