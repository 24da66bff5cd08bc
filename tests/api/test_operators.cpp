// SPDX-License-Identifier: MIT
// Every replaceable form of operator new and delete (C++17 [new.delete]), called as functions, and
// what a failing one does: it calls the new-handler until that gives up, then throws std::bad_alloc,
// or returns NULL where it may not throw.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

extern "C" {
#include "tests/api/child.h"
#include "tests/api/show.h"
void show_alloc_mem(void);
}

static int failure_count;

static void expect(bool condition, const char *sentence)
{
    std::printf("%s: %s\n", condition ? "ok" : "FAILED", sentence);
    failure_count += condition ? 0 : 1;
}

static std::size_t too_much()
{
    volatile std::size_t bytes = static_cast<std::size_t>(PTRDIFF_MAX) - 100;
    return bytes;
}

// Written to and shown with its exact size: then it is ours.
static bool is_good(void *ptr, std::size_t bytes, std::size_t alignment)
{
    if (ptr == nullptr || reinterpret_cast<std::uintptr_t>(ptr) % alignment != 0) {
        return false;
    }
    std::memset(ptr, 0x5A, bytes);
    return show_has(show_alloc_mem, ptr, bytes);
}

static bool is_gone(void *ptr)
{
    return show_lacks(show_alloc_mem, ptr);
}

static const std::size_t sizes[] = {1, 24, 1000, 5000, 100000};

static void every_form_gives_memory_and_takes_it_back()
{
    bool good = true;
    bool gone = true;
    for (std::size_t bytes : sizes) {
        void *single[] = {::operator new(bytes), ::operator new(bytes, std::nothrow),
                          ::operator new(bytes)};
        void *array[] = {::operator new[](bytes), ::operator new[](bytes, std::nothrow),
                         ::operator new[](bytes)};
        for (int index = 0; index < 3; index++) {
            good = good && is_good(single[index], bytes, 16) && is_good(array[index], bytes, 16);
        }
        ::operator delete(single[0]);
        ::operator delete(single[1], std::nothrow);
        ::operator delete(single[2], bytes);
        ::operator delete[](array[0]);
        ::operator delete[](array[1], std::nothrow);
        ::operator delete[](array[2], bytes);
        for (int index = 0; index < 3; index++) {
            gone = gone && is_gone(single[index]) && is_gone(array[index]);
        }
    }
    expect(good, "every plain form of new gives memory of the exact size");
    expect(gone, "every plain form of delete takes it back");
}

static void every_aligned_form_gives_memory_and_takes_it_back()
{
    bool good = true;
    bool gone = true;
    for (std::size_t alignment = 1; alignment <= 65536; alignment *= 4) {
        for (std::size_t bytes : sizes) {
            const std::align_val_t align{alignment};
            void *single[] = {::operator new(bytes, align),
                              ::operator new(bytes, align, std::nothrow),
                              ::operator new(bytes, align)};
            void *array[] = {::operator new[](bytes, align),
                             ::operator new[](bytes, align, std::nothrow),
                             ::operator new[](bytes, align)};
            for (int index = 0; index < 3; index++) {
                good = good && is_good(single[index], bytes, alignment);
                good = good && is_good(array[index], bytes, alignment);
            }
            ::operator delete(single[0], align);
            ::operator delete(single[1], align, std::nothrow);
            ::operator delete(single[2], bytes, align);
            ::operator delete[](array[0], align);
            ::operator delete[](array[1], align, std::nothrow);
            ::operator delete[](array[2], bytes, align);
            for (int index = 0; index < 3; index++) {
                gone = gone && is_gone(single[index]) && is_gone(array[index]);
            }
        }
    }
    expect(good, "every aligned form of new gives memory of the exact size");
    expect(gone, "every aligned form of delete takes it back");
}

static void new_of_nothing_is_unique_and_delete_of_null_does_nothing()
{
    void *first = ::operator new(0);
    void *second = ::operator new(0);
    expect(first != nullptr && second != nullptr && first != second,
           "new of nothing gives unique pointers");
    ::operator delete(first);
    ::operator delete(second);
    void *null = nullptr;
    ::operator delete(null);
    ::operator delete (null, std::size_t{5});
    ::operator delete(null, std::nothrow);
    ::operator delete (null, std::align_val_t{64});
    ::operator delete (null, std::size_t{5}, std::align_val_t{64});
    ::operator delete (null, std::align_val_t{64}, std::nothrow);
    ::operator delete[](null);
    ::operator delete[](null, std::size_t{5});
    ::operator delete[](null, std::nothrow);
    ::operator delete[](null, std::align_val_t{64});
    ::operator delete[](null, std::size_t{5}, std::align_val_t{64});
    ::operator delete[](null, std::align_val_t{64}, std::nothrow);
    expect(true, "delete of NULL does nothing, in every form");
}

static int handler_calls;

static void give_up_at_the_third_call()
{
    handler_calls++;
    if (handler_calls == 3) {
        std::set_new_handler(nullptr);
    }
}

struct own_exception {
};

static void throw_our_own()
{
    handler_calls++;
    throw own_exception{};
}

template <typename Function> static bool throws_bad_alloc(Function function)
{
    try {
        function();
    } catch (const std::bad_alloc &) {
        return true;
    }
    return false;
}

template <typename Function> static bool asks_handler_then_throws(Function function)
{
    handler_calls = 0;
    std::set_new_handler(give_up_at_the_third_call);
    bool thrown = throws_bad_alloc(function);
    return thrown && handler_calls == 3;
}

template <typename Function> static bool asks_handler_then_gives_null(Function function)
{
    handler_calls = 0;
    std::set_new_handler(give_up_at_the_third_call);
    return function() == nullptr && handler_calls == 3;
}

static void a_failing_new_calls_the_handler_then_throws()
{
    const std::align_val_t align{64};
    expect(throws_bad_alloc([] { return ::operator new(too_much()); }),
           "new without a handler throws std::bad_alloc");
    expect(asks_handler_then_throws([] { return ::operator new(too_much()); }),
           "new calls the handler until it gives up, then throws");
    expect(asks_handler_then_throws([] { return ::operator new[](too_much()); }),
           "new[] calls the handler until it gives up, then throws");
    expect(asks_handler_then_throws([=] { return ::operator new(too_much(), align); }),
           "aligned new calls the handler until it gives up, then throws");
    expect(asks_handler_then_throws([=] { return ::operator new[](too_much(), align); }),
           "aligned new[] calls the handler until it gives up, then throws");
    expect(throws_bad_alloc([] { return ::operator new(static_cast<std::size_t>(-1)); }),
           "new of SIZE_MAX throws std::bad_alloc");
}

static void a_failing_nothrow_new_calls_the_handler_then_gives_null()
{
    const std::align_val_t align{64};
    expect(asks_handler_then_gives_null([] { return ::operator new(too_much(), std::nothrow); }),
           "nothrow new calls the handler until it gives up, then gives NULL");
    expect(asks_handler_then_gives_null([] { return ::operator new[](too_much(), std::nothrow); }),
           "nothrow new[] calls the handler until it gives up, then gives NULL");
    expect(asks_handler_then_gives_null(
               [=] { return ::operator new(too_much(), align, std::nothrow); }),
           "aligned nothrow new calls the handler until it gives up, then gives NULL");
    expect(asks_handler_then_gives_null(
               [=] { return ::operator new[](too_much(), align, std::nothrow); }),
           "aligned nothrow new[] calls the handler until it gives up, then gives NULL");
}

static void a_handler_may_throw()
{
    handler_calls = 0;
    std::set_new_handler(throw_our_own);
    bool passed = false;
    try {
        (void)::operator new(too_much());
    } catch (const own_exception &) {
        passed = true;
    }
    expect(passed && handler_calls == 1, "what the handler throws comes through new");
    std::set_new_handler(nullptr);
}

static int fail_nothrow_with_a_throwing_handler(void *)
{
    std::set_new_handler([] { throw std::bad_alloc{}; });
    return ::operator new(too_much(), std::nothrow) == nullptr ? 0 : 1;
}

// In a child, for what is not caught there ends the program.
static void a_nothrow_new_catches_what_its_handler_throws()
{
    static struct child child;
    child_call(&child, fail_nothrow_with_a_throwing_handler, nullptr);
    expect(child_exited_with(&child, 0),
           "a handler that throws std::bad_alloc makes nothrow new give NULL");
}

static void expressions_use_our_operators()
{
    struct alignas(128) wide {
        char bytes[300];
    };
    auto *number = new int(42);
    auto *numbers = new int[1000];
    auto *object = new wide;
    auto *objects = new wide[7];
    expect(is_good(number, sizeof *number, 16) && is_good(numbers, 4000, 16) &&
               is_good(object, sizeof(wide), 128) && is_good(objects, 7 * sizeof(wide), 128),
           "new expressions get memory of ours");
    delete number;
    delete[] numbers;
    delete object;
    delete[] objects;
    volatile std::size_t count = static_cast<std::size_t>(-1) / 2;
    expect(throws_bad_alloc([&] { return new int[count]; }),
           "new of an array that is too long throws");
}

int main()
{
    every_form_gives_memory_and_takes_it_back();
    every_aligned_form_gives_memory_and_takes_it_back();
    new_of_nothing_is_unique_and_delete_of_null_does_nothing();
    a_failing_new_calls_the_handler_then_throws();
    a_failing_nothrow_new_calls_the_handler_then_gives_null();
    a_handler_may_throw();
    a_nothrow_new_catches_what_its_handler_throws();
    expressions_use_our_operators();
    std::printf("%d failures\n", failure_count);
    return failure_count == 0 ? 0 : 1;
}
