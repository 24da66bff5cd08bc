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

static void open_kept(struct output *output)
{
    const char *target = global.options.output;
    output->kept = output->errors;
    if (*target == '\0') {
        return;
    }
    struct platform_kept kept = open_target(output, target);
    if (kept.descriptor >= 0) {
        output->kept = kept;
    } else {
        complain(target);
    }
}

void output_open(void)
{
    struct output *output = &global.output;
    if (options_write(&global.options)) {
        output->is_open = true;
        output->errors = platform_keep(PLATFORM_ERRORS);
        open_kept(output);
    }
}

void output_after_fork_in_child(void)
{
    struct output *output = &global.output;
    if (!output->is_own) {
        return;
    }
    if (output->kept.descriptor != output->errors.descriptor) {
        platform_close(&output->kept);
    }
    open_kept(output);
}

static int descriptor_of(const struct platform_kept *kept)
{
    int descriptor = platform_kept_descriptor(kept);
    // Programs that close all but the first three have it still.
    return descriptor >= 0 ? descriptor : platform_kept_as(kept, PLATFORM_ERRORS);
}

int output_descriptor(void)
{
    return global.output.is_open ? descriptor_of(&global.output.kept) : -1;
}

int output_errors(void)
{
    return global.output.is_open ? descriptor_of(&global.output.errors) : PLATFORM_ERRORS;
}
