// SPDX-License-Identifier: MIT
// Arena metadata refers to itself by offsets, so that the memory it lies in can be saved, mapped at
// another address or shared between processes. An offset is the distance from a base to an object,
// modulo the address width; 0 stands for nothing, because no object lies at its own base.
#ifndef FT_CORE_OFFSET_H
#define FT_CORE_OFFSET_H

#include <stddef.h>
#include <stdint.h>

// ANY. The object at this offset from base, or NULL for 0.
static inline void *offset_to(const void *base, uintptr_t offset)
{
    return offset == 0 ? NULL : (void *)((uintptr_t)base + offset);
}

// ANY. The offset of ptr from base, or 0 for NULL.
static inline uintptr_t offset_of(const void *base, const void *ptr)
{
    return ptr == NULL ? 0 : (uintptr_t)ptr - (uintptr_t)base;
}

#endif
