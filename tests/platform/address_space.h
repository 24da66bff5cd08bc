// SPDX-License-Identifier: MIT
// What the system says of this process's address space. Nothing here allocates, and nothing maps.
#ifndef FT_TESTS_PLATFORM_ADDRESS_SPACE_H
#define FT_TESTS_PLATFORM_ADDRESS_SPACE_H

#include <stdbool.h>
#include <stddef.h>

// All bytes of address space in use.
size_t address_space_bytes(void);

// Whether any page of the range is in use, with whatever access.
bool is_any_mapped(const void *base, size_t bytes);

// Whether all pages of the range are in use, with whatever access.
bool is_all_mapped(const void *base, size_t bytes);

// How many pages of a mapped range are in memory.
size_t resident_count(const void *base, size_t bytes);

// Whether the system charges the process for the mapping that holds this byte.
bool is_charged(const void *byte);

// Whether a read, or a write, of this byte dies of SIGSEGV: tried in a forked child.
bool read_faults(const void *byte);
bool write_faults(void *byte);

bool is_filled_with(const void *base, int value, size_t bytes);

#endif
