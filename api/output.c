// SPDX-License-Identifier: MIT
#include "api/output.h"

#include "api/global.h"
#include "api/path.h"
#include "api/piece.h"
#include "api/print.h"

#include <limits.h>
#include <string.h>

static void complain(const char *target)
{
    struct print print;
    print_begin(&print);
    text_string(&print.text, "ft_malloc: output cannot go to '");
    piece_tell(&print.text, (struct piece){.start = target, .length = strlen(target)},
               OPTION_TEXT_BYTES);
    text_string(&print.text, "'; it goes to standard error\n");
    print_tell(&print, PLATFORM_ERRORS);
}

static struct platform_kept open_file(struct output *output, const char *pattern)
{
    struct print path; // longer than any path that the system takes
    print_begin(&path);
    output->is_own = path_expand(&path.text, pattern);
    if (path.text.length == path.text.room) {
        return (struct platform_kept){.descriptor = -1};
    }
    return platform_open_output(path.bytes);
}

static struct platform_kept open_target(struct output *output, const char *target)
{
    struct piece piece = {.start = target, .length = strlen(target)};
    size_t number;
    // A number alone: with a unit behind it, it is a file's name.
    if (piece_bytes(piece, &number) && piece.start[piece.length - 1] <= '9') {
        return number <= INT_MAX ? platform_keep((int)number)
                                 : (struct platform_kept){.descriptor = -1};
    }
    return open_file(output, target);
}

void output_open(void)
{
    struct output *output = &global.output;
    const char *target = global.options.output;
    if (!options_write(&global.options)) {
        return;
    }
    output->is_open = true;
    output->kept.descriptor = -1;
    if (*target != '\0') {
        output->kept = open_target(output, target);
        if (output->kept.descriptor < 0) {
            complain(target);
        }
    }
    if (output->kept.descriptor < 0) {
        output->kept = platform_keep(PLATFORM_ERRORS);
    }
}

void output_after_fork_in_child(void)
{
    if (global.output.is_own) {
        platform_close(&global.output.kept);
        output_open();
    }
}

int output_descriptor(void)
{
    const struct platform_kept *kept = &global.output.kept;
    if (!global.output.is_open) {
        return -1;
    }
    int descriptor = platform_kept_descriptor(kept);
    // Programs that close all but the first three have it still.
    return descriptor >= 0 ? descriptor : platform_kept_as(kept, PLATFORM_ERRORS);
}
