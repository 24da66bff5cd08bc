// SPDX-License-Identifier: MIT
// The replaceable operators new and delete of C++17, by the names that the Itanium C++ ABI gives them.
//
// Nothing is linked from libstdc++: what a failing new must call, the current new-handler and the
// function that throws std::bad_alloc, are weak references, there when the program is C++ (and, where
// libstdc++ is linked statically, has asked for them: README). The handler may throw through these
// frames, so this file is compiled with unwind tables.
//
// The forms of new that do not throw are not here: the C++ library's own call the ones that do, and turn
// what those throw into NULL, which C cannot do.
#include "api/export.h"
#include "api/ft_malloc.h"
#include "api/global.h"
#include "api/slow.h"
#include "core/heap_fast.h"
#include "platform/platform.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

enum { NEW_ALIGN = 16 }; // what the operators without an alignment guarantee

typedef void (*new_handler)(void);

extern new_handler std_get_new_handler(void) __asm__("_ZSt15get_new_handlerv")
    __attribute__((weak));
extern _Noreturn void std_throw_bad_alloc(void) __asm__("_ZSt17__throw_bad_allocv")
    __attribute__((weak));

// Allocates; if that fails, calls the new-handler and tries again until there is none.
static void *new_or_null(size_t bytes, size_t align)
{
    for (;;) {
        void *ptr = align <= NEW_ALIGN ? slow_malloc(bytes) : slow_aligned(bytes, align);
        if (ptr != NULL) {
            return ptr;
        }
        new_handler handler = std_get_new_handler != NULL ? std_get_new_handler() : NULL;
        if (handler == NULL) {
            return NULL;
        }
        handler();
    }
}

static __attribute__((noinline)) void *new_or_throw(size_t bytes, size_t align)
{
    void *ptr = new_or_null(bytes, align);
    if (ptr != NULL) {
        return ptr;
    }
    if (std_throw_bad_alloc != NULL) {
        std_throw_bad_alloc();
    }
    static const char line[] = "ft_malloc: operator new found no memory, and nothing to throw\n";
    platform_write(PLATFORM_ERRORS, line, sizeof(line) - 1);
    platform_abort();
}

// The letter of size_t in a mangled name.
#if UINTPTR_MAX > UINT32_MAX
#define SIZE "m"
#else
#define SIZE "j"
#endif
#define ALIGN "St11align_val_t"
#define NOTHROW "RKSt9nothrow_t"

// ---- new ----------------------------------------------------------------------------------------

EXPORT void *new (size_t bytes) __asm__("_Znw" SIZE);
EXPORT void *new_aligned(size_t bytes, size_t align) __asm__("_Znw" SIZE ALIGN);

void *new (size_t bytes)
{
    void *ptr = heap_fast_alloc(global_heap(), bytes);
    return __builtin_expect(ptr != NULL, 1) ? ptr : new_or_throw(bytes, NEW_ALIGN);
}

void *new_aligned(size_t bytes, size_t align)
{
    return new_or_throw(bytes, align);
}

EXPORT void *new_array(size_t bytes) __asm__("_Zna" SIZE);
EXPORT void *new_array_aligned(size_t bytes, size_t align) __asm__("_Zna" SIZE ALIGN);

void *new_array(size_t bytes)
{
    void *ptr = heap_fast_alloc(global_heap(), bytes);
    return __builtin_expect(ptr != NULL, 1) ? ptr : new_or_throw(bytes, NEW_ALIGN);
}

void *new_array_aligned(size_t bytes, size_t align)
{
    return new_or_throw(bytes, align);
}

// ---- delete -------------------------------------------------------------------------------------

EXPORT void delete (void *ptr) __asm__("_ZdlPv");
EXPORT void delete_nothrow(void *ptr, const void *tag) __asm__("_ZdlPv" NOTHROW);
EXPORT void delete_aligned(void *ptr, size_t align) __asm__("_ZdlPv" ALIGN);
EXPORT void delete_aligned_nothrow(void *ptr, size_t align,
                                   const void *tag) __asm__("_ZdlPv" ALIGN NOTHROW);
EXPORT void delete_sized(void *ptr, size_t bytes) __asm__("_ZdlPv" SIZE);
EXPORT void delete_aligned_sized(void *ptr, size_t bytes,
                                 size_t align) __asm__("_ZdlPv" SIZE ALIGN);

void delete (void *ptr)
{
    free(ptr);
}

void delete_nothrow(void *ptr, const void *tag)
{
    (void)tag;
    free(ptr);
}

void delete_aligned(void *ptr, size_t align)
{
    (void)align;
    free(ptr);
}

void delete_aligned_nothrow(void *ptr, size_t align, const void *tag)
{
    (void)align;
    (void)tag;
    free(ptr);
}

void delete_sized(void *ptr, size_t bytes)
{
    free_sized(ptr, bytes);
}

void delete_aligned_sized(void *ptr, size_t bytes, size_t align)
{
    free_aligned_sized(ptr, align, bytes);
}

EXPORT void delete_array(void *ptr) __asm__("_ZdaPv");
EXPORT void delete_array_nothrow(void *ptr, const void *tag) __asm__("_ZdaPv" NOTHROW);
EXPORT void delete_array_aligned(void *ptr, size_t align) __asm__("_ZdaPv" ALIGN);
EXPORT void delete_array_aligned_nothrow(void *ptr, size_t align,
                                         const void *tag) __asm__("_ZdaPv" ALIGN NOTHROW);
EXPORT void delete_array_sized(void *ptr, size_t bytes) __asm__("_ZdaPv" SIZE);
EXPORT void delete_array_aligned_sized(void *ptr, size_t bytes,
                                       size_t align) __asm__("_ZdaPv" SIZE ALIGN);

void delete_array(void *ptr)
{
    free(ptr);
}

void delete_array_nothrow(void *ptr, const void *tag)
{
    (void)tag;
    free(ptr);
}

void delete_array_aligned(void *ptr, size_t align)
{
    (void)align;
    free(ptr);
}

void delete_array_aligned_nothrow(void *ptr, size_t align, const void *tag)
{
    (void)align;
    (void)tag;
    free(ptr);
}

void delete_array_sized(void *ptr, size_t bytes)
{
    free_sized(ptr, bytes);
}

void delete_array_aligned_sized(void *ptr, size_t bytes, size_t align)
{
    free_aligned_sized(ptr, align, bytes);
}
