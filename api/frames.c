// SPDX-License-Identifier: MIT
#include "api/frames.h"

#include "api/stacks.h"

struct backtrace_key frames_of(const struct modules *modules, uint32_t stack)
{
    struct backtrace_key key = stacks_frames(stack);
    size_t count = 0;
    while (count < key.count && modules_have(modules, key.frames[count])) {
        count++;
    }
    key.count = count;
    return key;
}

static void tell_frame(struct text *text, const struct modules *modules, size_t number,
                       uintptr_t frame)
{
    text_string(text, "    #");
    text_decimal(text, number);
    text_string(text, " ");
    modules_tell(modules, text, frame);
    text_string(text, "\n");
}

void frames_tell(struct print *print, int descriptor, const struct modules *modules,
                 struct backtrace_key key)
{
    for (size_t index = 0; index < key.count; index++) {
        size_t length = print->text.length;
        tell_frame(&print->text, modules, index, key.frames[index]);
        if (print->text.length == print->text.room && length != 0) {
            // Cut, perhaps: a path may take all the room there is.
            print->text.length = length;
            print_tell(print, descriptor);
            tell_frame(&print->text, modules, index, key.frames[index]);
        }
    }
}
