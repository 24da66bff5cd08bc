// SPDX-License-Identifier: MIT
// A trace as a list of steps that can be played on any allocator: chunks go by numbers, one for each life of a chunk, from
// the call that hands it out to the one that takes it back.
#ifndef FT_REPLAY_SCRIPT_H
#define FT_REPLAY_SCRIPT_H

#include "tools/replay.d/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIFE_NONE UINT32_MAX

// One call. Of the kinds that trace.h has for calls and chunks that were there before; a realloc that frees is a FREE.
struct step {
    uint64_t order;
    uint64_t time;
    uint64_t bytes;   // requested
    uint64_t address; // in the program: of the chunk that was handed out, or else handed in
    uint64_t offset;  // of a misused pointer: from the start of the chunk whose life it names
    uint32_t
        life; // of a misuse: the last chunk that was there; LIFE_NONE: none ever was, or nothing was handed out
    uint32_t thread; // 0 for the first that is told, and so on
    uint32_t stack;
    uint8_t kind;  // enum trace_kind
    uint8_t power; // of the alignment
    bool is_last;  // of the thread
    bool is_done;  // the program got what it asked for
};

struct script {
    struct step *steps;
    size_t bytes; // of the memory for them
    size_t count;
    uint32_t life_count;
    uint32_t thread_count;
    uint32_t process;
    uint64_t kind_counts[TRACE_KIND_COUNT]; // of what was read
    uint64_t peak_bytes;                    // the most that was live, as requested
    uint64_t peak_order;                    // after this call
    uint64_t live_count;                    // at the end
    uint64_t live_bytes;
    bool has_end; // the process came to its end, and said what was live then
    uint64_t end_order;
    uint64_t end_count;
    uint64_t end_bytes;
    uint64_t live_count_at_end; // what the trace says of that moment
    uint64_t live_bytes_at_end;
    uint64_t unknown_frees; // of chunks that nobody was told of: calls are missing
    uint64_t lost_frees;    // chunks that were handed out once more
    uint64_t missing_calls; // as the reader counts them
    size_t damaged_blocks;
    size_t missing_blocks;
    bool is_cut;
};

// Reads a trace to its end. False and a line on standard error if it cannot be read; what is wrong with it otherwise is told
// there, too, unless is_quiet.
bool script_read(struct script *script, const char *path, bool is_quiet);

// The same of a reader that is open.
void script_make(struct script *script, struct reader *reader);

void script_clear(struct script *script);

#endif
