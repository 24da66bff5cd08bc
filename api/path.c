// SPDX-License-Identifier: MIT
#include "api/path.h"

#include "platform/platform.h"

bool path_expand(struct text *path, const char *pattern)
{
    bool is_own = false;
    while (*pattern != '\0') {
        bool is_process = pattern[0] == '%' && pattern[1] == 'p';
        if (is_process) {
            text_decimal(path, platform_process());
            is_own = true;
        } else {
            text_bytes(path, pattern, 1);
        }
        pattern += is_process ? 2 : 1;
    }
    text_bytes(path, "", 1);
    return is_own;
}
