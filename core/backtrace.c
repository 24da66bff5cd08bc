// SPDX-License-Identifier: MIT
#include "core/backtrace.h"

enum { CODE_MIN = 4096 }; // no code lies below

// Whether a record can be at an address.
static bool is_record(uintptr_t record)
{
    return record % BACKTRACE_RECORD_BYTES == 0;
}

void backtrace_begin(struct backtrace *trace, uintptr_t record)
{
    trace->next = is_record(record) ? record : 0;
    trace->count = 0;
}

// Not to be watched by sanitizers: what is no record may be a variable of anybody's.
__attribute__((no_sanitize("address", "thread"))) static uintptr_t read_word(const uintptr_t *word)
{
    return *(const volatile uintptr_t *)word;
}

bool backtrace_follow(struct backtrace *trace, const uintptr_t *window, uintptr_t base,
                      size_t bytes)
{
    while (trace->next >= base && trace->next - base < bytes &&
           bytes - (trace->next - base) >= BACKTRACE_RECORD_BYTES) {
        const uintptr_t *record = &window[(trace->next - base) / sizeof(uintptr_t)];
        uintptr_t up = read_word(&record[0]);
        uintptr_t code = read_word(&record[1]);
        bool goes_on = is_record(up) && up > trace->next && code >= CODE_MIN;
        if (code >= CODE_MIN) {
            trace->frames[trace->count++] = code;
        }
        trace->next = goes_on && trace->count < BACKTRACE_FRAMES_MAX ? up : 0;
    }
    return trace->next != 0;
}
