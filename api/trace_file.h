// SPDX-License-Identifier: MIT
// The file of a trace: its name, and the blocks that are mapped of it.
#ifndef FT_API_TRACE_FILE_H
#define FT_API_TRACE_FILE_H

#include "api/trace.h"

enum { TRACE_PATH_BYTES = 4096 }; // of the system's longest path

// Says on standard error what is wrong with a path.
void trace_file_complain(const char *what, const char *path);

// Makes a new file by the name that the option says, or one like it. False, and told of, if there is none to be had.
bool trace_file_open(struct trace *trace);

// Maps another block of the file, zeros. NULL if there is no room.
uint8_t *trace_file_map(struct trace *trace);

#endif
