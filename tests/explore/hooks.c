// SPDX-License-Identifier: MIT
// What the compiler calls at each memory access of code that is compiled with -fsanitize=thread: an atomic access is
// a point where other fibers may go on, a plain one is not. All fibers run in one thread, so that the access itself
// need not be atomic.
#include "tests/explore/explore.h"

// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the compiler gives the names

// ---- 8 bits ----------------------------------------------------------------------------------

uint8_t __tsan_atomic8_load(const volatile uint8_t *at, int order)
{
    (void)order;
    explore_point(EXPLORE_LOAD, at, sizeof(*at), __builtin_return_address(0));
    return *at;
}

void __tsan_atomic8_store(volatile uint8_t *at, uint8_t value, int order)
{
    (void)order;
    explore_point(EXPLORE_STORE, at, sizeof(*at), __builtin_return_address(0));
    *at = value;
}

uint8_t __tsan_atomic8_exchange(volatile uint8_t *at, uint8_t value, int order)
{
    (void)order;
    explore_point(EXPLORE_EXCHANGE, at, sizeof(*at), __builtin_return_address(0));
    uint8_t old = *at;
    *at = value;
    return old;
}

uint8_t __tsan_atomic8_fetch_add(volatile uint8_t *at, uint8_t value, int order)
{
    (void)order;
    explore_point(EXPLORE_ADD, at, sizeof(*at), __builtin_return_address(0));
    uint8_t old = *at;
    *at = (uint8_t)(old + value);
    return old;
}

uint8_t __tsan_atomic8_fetch_and(volatile uint8_t *at, uint8_t value, int order)
{
    (void)order;
    explore_point(EXPLORE_AND, at, sizeof(*at), __builtin_return_address(0));
    uint8_t old = *at;
    *at = (uint8_t)(old & value);
    return old;
}

uint8_t __tsan_atomic8_fetch_or(volatile uint8_t *at, uint8_t value, int order)
{
    (void)order;
    explore_point(EXPLORE_OR, at, sizeof(*at), __builtin_return_address(0));
    uint8_t old = *at;
    *at = (uint8_t)(old | value);
    return old;
}

uint8_t __tsan_atomic8_compare_exchange_val(volatile uint8_t *at, uint8_t expected, uint8_t value,
                                            int order, int failure_order)
{
    (void)order;
    (void)failure_order;
    explore_point(EXPLORE_COMPARE, at, sizeof(*at), __builtin_return_address(0));
    uint8_t old = *at;
    *at = old == expected ? value : old;
    return old;
}

int __tsan_atomic8_compare_exchange_strong(volatile uint8_t *at, uint8_t *expected, uint8_t value,
                                           int order, int failure_order)
{
    (void)order;
    (void)failure_order;
    explore_point(EXPLORE_COMPARE, at, sizeof(*at), __builtin_return_address(0));
    uint8_t old = *at;
    bool is_equal = old == *expected;
    *at = is_equal ? value : old;
    *expected = old;
    return is_equal;
}

// ---- 16 bits ---------------------------------------------------------------------------------

uint16_t __tsan_atomic16_load(const volatile uint16_t *at, int order)
{
    (void)order;
    explore_point(EXPLORE_LOAD, at, sizeof(*at), __builtin_return_address(0));
    return *at;
}

void __tsan_atomic16_store(volatile uint16_t *at, uint16_t value, int order)
{
    (void)order;
    explore_point(EXPLORE_STORE, at, sizeof(*at), __builtin_return_address(0));
    *at = value;
}

uint16_t __tsan_atomic16_exchange(volatile uint16_t *at, uint16_t value, int order)
{
    (void)order;
    explore_point(EXPLORE_EXCHANGE, at, sizeof(*at), __builtin_return_address(0));
    uint16_t old = *at;
    *at = value;
    return old;
}

uint16_t __tsan_atomic16_fetch_add(volatile uint16_t *at, uint16_t value, int order)
{
    (void)order;
    explore_point(EXPLORE_ADD, at, sizeof(*at), __builtin_return_address(0));
    uint16_t old = *at;
    *at = (uint16_t)(old + value);
    return old;
}

uint16_t __tsan_atomic16_fetch_and(volatile uint16_t *at, uint16_t value, int order)
{
    (void)order;
    explore_point(EXPLORE_AND, at, sizeof(*at), __builtin_return_address(0));
    uint16_t old = *at;
    *at = (uint16_t)(old & value);
    return old;
}

uint16_t __tsan_atomic16_fetch_or(volatile uint16_t *at, uint16_t value, int order)
{
    (void)order;
    explore_point(EXPLORE_OR, at, sizeof(*at), __builtin_return_address(0));
    uint16_t old = *at;
    *at = (uint16_t)(old | value);
    return old;
}

uint16_t __tsan_atomic16_compare_exchange_val(volatile uint16_t *at, uint16_t expected,
                                              uint16_t value, int order, int failure_order)
{
    (void)order;
    (void)failure_order;
    explore_point(EXPLORE_COMPARE, at, sizeof(*at), __builtin_return_address(0));
    uint16_t old = *at;
    *at = old == expected ? value : old;
    return old;
}

int __tsan_atomic16_compare_exchange_strong(volatile uint16_t *at, uint16_t *expected,
                                            uint16_t value, int order, int failure_order)
{
    (void)order;
    (void)failure_order;
    explore_point(EXPLORE_COMPARE, at, sizeof(*at), __builtin_return_address(0));
    uint16_t old = *at;
    bool is_equal = old == *expected;
    *at = is_equal ? value : old;
    *expected = old;
    return is_equal;
}

// ---- 32 bits ---------------------------------------------------------------------------------

uint32_t __tsan_atomic32_load(const volatile uint32_t *at, int order)
{
    (void)order;
    explore_point(EXPLORE_LOAD, at, sizeof(*at), __builtin_return_address(0));
    return *at;
}

void __tsan_atomic32_store(volatile uint32_t *at, uint32_t value, int order)
{
    (void)order;
    explore_point(EXPLORE_STORE, at, sizeof(*at), __builtin_return_address(0));
    *at = value;
}

uint32_t __tsan_atomic32_exchange(volatile uint32_t *at, uint32_t value, int order)
{
    (void)order;
    explore_point(EXPLORE_EXCHANGE, at, sizeof(*at), __builtin_return_address(0));
    uint32_t old = *at;
    *at = value;
    return old;
}

uint32_t __tsan_atomic32_fetch_add(volatile uint32_t *at, uint32_t value, int order)
{
    (void)order;
    explore_point(EXPLORE_ADD, at, sizeof(*at), __builtin_return_address(0));
    uint32_t old = *at;
    *at = (uint32_t)(old + value);
    return old;
}

uint32_t __tsan_atomic32_fetch_and(volatile uint32_t *at, uint32_t value, int order)
{
    (void)order;
    explore_point(EXPLORE_AND, at, sizeof(*at), __builtin_return_address(0));
    uint32_t old = *at;
    *at = (uint32_t)(old & value);
    return old;
}

uint32_t __tsan_atomic32_fetch_or(volatile uint32_t *at, uint32_t value, int order)
{
    (void)order;
    explore_point(EXPLORE_OR, at, sizeof(*at), __builtin_return_address(0));
    uint32_t old = *at;
    *at = (uint32_t)(old | value);
    return old;
}

uint32_t __tsan_atomic32_compare_exchange_val(volatile uint32_t *at, uint32_t expected,
                                              uint32_t value, int order, int failure_order)
{
    (void)order;
    (void)failure_order;
    explore_point(EXPLORE_COMPARE, at, sizeof(*at), __builtin_return_address(0));
    uint32_t old = *at;
    *at = old == expected ? value : old;
    return old;
}

int __tsan_atomic32_compare_exchange_strong(volatile uint32_t *at, uint32_t *expected,
                                            uint32_t value, int order, int failure_order)
{
    (void)order;
    (void)failure_order;
    explore_point(EXPLORE_COMPARE, at, sizeof(*at), __builtin_return_address(0));
    uint32_t old = *at;
    bool is_equal = old == *expected;
    *at = is_equal ? value : old;
    *expected = old;
    return is_equal;
}

// ---- 64 bits ---------------------------------------------------------------------------------

uint64_t __tsan_atomic64_load(const volatile uint64_t *at, int order)
{
    (void)order;
    explore_point(EXPLORE_LOAD, at, sizeof(*at), __builtin_return_address(0));
    return *at;
}

void __tsan_atomic64_store(volatile uint64_t *at, uint64_t value, int order)
{
    (void)order;
    explore_point(EXPLORE_STORE, at, sizeof(*at), __builtin_return_address(0));
    *at = value;
}

uint64_t __tsan_atomic64_exchange(volatile uint64_t *at, uint64_t value, int order)
{
    (void)order;
    explore_point(EXPLORE_EXCHANGE, at, sizeof(*at), __builtin_return_address(0));
    uint64_t old = *at;
    *at = value;
    return old;
}

uint64_t __tsan_atomic64_fetch_add(volatile uint64_t *at, uint64_t value, int order)
{
    (void)order;
    explore_point(EXPLORE_ADD, at, sizeof(*at), __builtin_return_address(0));
    uint64_t old = *at;
    *at = (uint64_t)(old + value);
    return old;
}

uint64_t __tsan_atomic64_fetch_and(volatile uint64_t *at, uint64_t value, int order)
{
    (void)order;
    explore_point(EXPLORE_AND, at, sizeof(*at), __builtin_return_address(0));
    uint64_t old = *at;
    *at = (uint64_t)(old & value);
    return old;
}

uint64_t __tsan_atomic64_fetch_or(volatile uint64_t *at, uint64_t value, int order)
{
    (void)order;
    explore_point(EXPLORE_OR, at, sizeof(*at), __builtin_return_address(0));
    uint64_t old = *at;
    *at = (uint64_t)(old | value);
    return old;
}

uint64_t __tsan_atomic64_compare_exchange_val(volatile uint64_t *at, uint64_t expected,
                                              uint64_t value, int order, int failure_order)
{
    (void)order;
    (void)failure_order;
    explore_point(EXPLORE_COMPARE, at, sizeof(*at), __builtin_return_address(0));
    uint64_t old = *at;
    *at = old == expected ? value : old;
    return old;
}

int __tsan_atomic64_compare_exchange_strong(volatile uint64_t *at, uint64_t *expected,
                                            uint64_t value, int order, int failure_order)
{
    (void)order;
    (void)failure_order;
    explore_point(EXPLORE_COMPARE, at, sizeof(*at), __builtin_return_address(0));
    uint64_t old = *at;
    bool is_equal = old == *expected;
    *at = is_equal ? value : old;
    *expected = old;
    return is_equal;
}

// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
