// SPDX-License-Identifier: MIT
// What the tests of the platform share.
#ifndef FT_TESTS_PLATFORM_PLATFORM_TEST_H
#define FT_TESTS_PLATFORM_PLATFORM_TEST_H

#include "platform/platform.h"
#include "tests/api/child.h"
#include "tests/api/cmocka_api.h"

#ifdef FT_SANITIZED
enum { IS_SANITIZED = 1 };
#else
enum { IS_SANITIZED = 0 };
#endif

#ifdef __SANITIZE_THREAD__
enum { IS_TSAN = 1 };
#else
enum { IS_TSAN = 0 };
#endif

struct platform_slot_initial {
    int unused;
};

// Fails the test unless `function`, in a forked child, returns 0. Another number says where it gave up.
static inline void expect_in_child(int (*function)(void *), void *argument)
{
    static struct child child;
    child_call(&child, function, argument);
    if (!child_exited_with(&child, 0)) {
        fail_msg("status %x: %s", (unsigned)child.status, child.err);
    }
}

#endif
