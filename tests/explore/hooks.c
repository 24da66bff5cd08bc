// SPDX-License-Identifier: MIT
// What the compiler calls at each atomic access of code that is compiled with -fsanitize=thread: a point where other
// fibers may go on. All fibers run in one thread, so that the access itself need not be atomic.
#include "tests/explore/explore.h"

// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the compiler gives the names

// ---- 8 bits ----------------------------------------------------------------------------------

uint8_t __tsan_atomic8_load(const volatile uint8_t *at, int order)
{
    explore_point(EXPLORE_LOAD, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, true, false, order);
    return *at;
}

void __tsan_atomic8_store(volatile uint8_t *at, uint8_t value, int order)
{
    explore_point(EXPLORE_STORE, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, false, true, order);
    *at = value;
}

uint8_t __tsan_atomic8_exchange(volatile uint8_t *at, uint8_t value, int order)
{
    explore_point(EXPLORE_EXCHANGE, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, true, true, order);
    uint8_t old = *at;
    *at = value;
    return old;
}

uint8_t __tsan_atomic8_fetch_add(volatile uint8_t *at, uint8_t value, int order)
{
    explore_point(EXPLORE_ADD, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, true, true, order);
    uint8_t old = *at;
    *at = (uint8_t)(old + value);
    return old;
}

uint8_t __tsan_atomic8_fetch_and(volatile uint8_t *at, uint8_t value, int order)
{
    explore_point(EXPLORE_AND, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, true, true, order);
    uint8_t old = *at;
    *at = (uint8_t)(old & value);
    return old;
}

uint8_t __tsan_atomic8_fetch_or(volatile uint8_t *at, uint8_t value, int order)
{
    explore_point(EXPLORE_OR, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, true, true, order);
    uint8_t old = *at;
    *at = (uint8_t)(old | value);
    return old;
}

static uint8_t compare_8(volatile uint8_t *at, uint8_t expected, uint8_t value, int order,
                         int failure_order, const void *code)
{
    explore_point(EXPLORE_COMPARE, at, sizeof(*at), code);
    uint8_t old = *at;
    bool is_equal = old == expected;
    explore_done(at, true, is_equal, is_equal ? order : failure_order);
    *at = is_equal ? value : old;
    return old;
}

uint8_t __tsan_atomic8_compare_exchange_val(volatile uint8_t *at, uint8_t expected, uint8_t value,
                                            int order, int failure_order)
{
    return compare_8(at, expected, value, order, failure_order, __builtin_return_address(0));
}

int __tsan_atomic8_compare_exchange_strong(volatile uint8_t *at, uint8_t *expected, uint8_t value,
                                           int order, int failure_order)
{
    uint8_t old =
        compare_8(at, *expected, value, order, failure_order, __builtin_return_address(0));
    bool is_equal = old == *expected;
    *expected = old;
    return is_equal;
}

// ---- 16 bits ---------------------------------------------------------------------------------

uint16_t __tsan_atomic16_load(const volatile uint16_t *at, int order)
{
    explore_point(EXPLORE_LOAD, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, true, false, order);
    return *at;
}

void __tsan_atomic16_store(volatile uint16_t *at, uint16_t value, int order)
{
    explore_point(EXPLORE_STORE, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, false, true, order);
    *at = value;
}

uint16_t __tsan_atomic16_exchange(volatile uint16_t *at, uint16_t value, int order)
{
    explore_point(EXPLORE_EXCHANGE, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, true, true, order);
    uint16_t old = *at;
    *at = value;
    return old;
}

uint16_t __tsan_atomic16_fetch_add(volatile uint16_t *at, uint16_t value, int order)
{
    explore_point(EXPLORE_ADD, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, true, true, order);
    uint16_t old = *at;
    *at = (uint16_t)(old + value);
    return old;
}

uint16_t __tsan_atomic16_fetch_and(volatile uint16_t *at, uint16_t value, int order)
{
    explore_point(EXPLORE_AND, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, true, true, order);
    uint16_t old = *at;
    *at = (uint16_t)(old & value);
    return old;
}

uint16_t __tsan_atomic16_fetch_or(volatile uint16_t *at, uint16_t value, int order)
{
    explore_point(EXPLORE_OR, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, true, true, order);
    uint16_t old = *at;
    *at = (uint16_t)(old | value);
    return old;
}

static uint16_t compare_16(volatile uint16_t *at, uint16_t expected, uint16_t value, int order,
                           int failure_order, const void *code)
{
    explore_point(EXPLORE_COMPARE, at, sizeof(*at), code);
    uint16_t old = *at;
    bool is_equal = old == expected;
    explore_done(at, true, is_equal, is_equal ? order : failure_order);
    *at = is_equal ? value : old;
    return old;
}

uint16_t __tsan_atomic16_compare_exchange_val(volatile uint16_t *at, uint16_t expected,
                                              uint16_t value, int order, int failure_order)
{
    return compare_16(at, expected, value, order, failure_order, __builtin_return_address(0));
}

int __tsan_atomic16_compare_exchange_strong(volatile uint16_t *at, uint16_t *expected,
                                            uint16_t value, int order, int failure_order)
{
    uint16_t old =
        compare_16(at, *expected, value, order, failure_order, __builtin_return_address(0));
    bool is_equal = old == *expected;
    *expected = old;
    return is_equal;
}

// ---- 32 bits ---------------------------------------------------------------------------------

uint32_t __tsan_atomic32_load(const volatile uint32_t *at, int order)
{
    explore_point(EXPLORE_LOAD, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, true, false, order);
    return *at;
}

void __tsan_atomic32_store(volatile uint32_t *at, uint32_t value, int order)
{
    explore_point(EXPLORE_STORE, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, false, true, order);
    *at = value;
}

uint32_t __tsan_atomic32_exchange(volatile uint32_t *at, uint32_t value, int order)
{
    explore_point(EXPLORE_EXCHANGE, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, true, true, order);
    uint32_t old = *at;
    *at = value;
    return old;
}

uint32_t __tsan_atomic32_fetch_add(volatile uint32_t *at, uint32_t value, int order)
{
    explore_point(EXPLORE_ADD, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, true, true, order);
    uint32_t old = *at;
    *at = (uint32_t)(old + value);
    return old;
}

uint32_t __tsan_atomic32_fetch_and(volatile uint32_t *at, uint32_t value, int order)
{
    explore_point(EXPLORE_AND, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, true, true, order);
    uint32_t old = *at;
    *at = (uint32_t)(old & value);
    return old;
}

uint32_t __tsan_atomic32_fetch_or(volatile uint32_t *at, uint32_t value, int order)
{
    explore_point(EXPLORE_OR, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, true, true, order);
    uint32_t old = *at;
    *at = (uint32_t)(old | value);
    return old;
}

static uint32_t compare_32(volatile uint32_t *at, uint32_t expected, uint32_t value, int order,
                           int failure_order, const void *code)
{
    explore_point(EXPLORE_COMPARE, at, sizeof(*at), code);
    uint32_t old = *at;
    bool is_equal = old == expected;
    explore_done(at, true, is_equal, is_equal ? order : failure_order);
    *at = is_equal ? value : old;
    return old;
}

uint32_t __tsan_atomic32_compare_exchange_val(volatile uint32_t *at, uint32_t expected,
                                              uint32_t value, int order, int failure_order)
{
    return compare_32(at, expected, value, order, failure_order, __builtin_return_address(0));
}

int __tsan_atomic32_compare_exchange_strong(volatile uint32_t *at, uint32_t *expected,
                                            uint32_t value, int order, int failure_order)
{
    uint32_t old =
        compare_32(at, *expected, value, order, failure_order, __builtin_return_address(0));
    bool is_equal = old == *expected;
    *expected = old;
    return is_equal;
}

// ---- 64 bits ---------------------------------------------------------------------------------

uint64_t __tsan_atomic64_load(const volatile uint64_t *at, int order)
{
    explore_point(EXPLORE_LOAD, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, true, false, order);
    return *at;
}

void __tsan_atomic64_store(volatile uint64_t *at, uint64_t value, int order)
{
    explore_point(EXPLORE_STORE, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, false, true, order);
    *at = value;
}

uint64_t __tsan_atomic64_exchange(volatile uint64_t *at, uint64_t value, int order)
{
    explore_point(EXPLORE_EXCHANGE, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, true, true, order);
    uint64_t old = *at;
    *at = value;
    return old;
}

uint64_t __tsan_atomic64_fetch_add(volatile uint64_t *at, uint64_t value, int order)
{
    explore_point(EXPLORE_ADD, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, true, true, order);
    uint64_t old = *at;
    *at = (uint64_t)(old + value);
    return old;
}

uint64_t __tsan_atomic64_fetch_and(volatile uint64_t *at, uint64_t value, int order)
{
    explore_point(EXPLORE_AND, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, true, true, order);
    uint64_t old = *at;
    *at = (uint64_t)(old & value);
    return old;
}

uint64_t __tsan_atomic64_fetch_or(volatile uint64_t *at, uint64_t value, int order)
{
    explore_point(EXPLORE_OR, at, sizeof(*at), __builtin_return_address(0));
    explore_done(at, true, true, order);
    uint64_t old = *at;
    *at = (uint64_t)(old | value);
    return old;
}

static uint64_t compare_64(volatile uint64_t *at, uint64_t expected, uint64_t value, int order,
                           int failure_order, const void *code)
{
    explore_point(EXPLORE_COMPARE, at, sizeof(*at), code);
    uint64_t old = *at;
    bool is_equal = old == expected;
    explore_done(at, true, is_equal, is_equal ? order : failure_order);
    *at = is_equal ? value : old;
    return old;
}

uint64_t __tsan_atomic64_compare_exchange_val(volatile uint64_t *at, uint64_t expected,
                                              uint64_t value, int order, int failure_order)
{
    return compare_64(at, expected, value, order, failure_order, __builtin_return_address(0));
}

int __tsan_atomic64_compare_exchange_strong(volatile uint64_t *at, uint64_t *expected,
                                            uint64_t value, int order, int failure_order)
{
    uint64_t old =
        compare_64(at, *expected, value, order, failure_order, __builtin_return_address(0));
    bool is_equal = old == *expected;
    *expected = old;
    return is_equal;
}

// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
