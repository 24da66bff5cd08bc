// SPDX-License-Identifier: MIT
// Leaks at known lines, in threads and templates of a C++ program, beside much that is freed. Compiled with and without
// frame pointers. test_symbols.py looks for the words LEAK-... in this file.

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace planted
{

void *volatile sink;

// What a program does besides.
void work(unsigned seed)
{
    std::map<std::string, std::vector<int>> table;
    for (unsigned index = 0; index < 2000; index++) {
        auto &row = table[std::to_string((seed * 2654435761U + index) % 97)];
        row.push_back(int(index));
        std::sort(row.rbegin(), row.rend());
    }
}

template <typename T> struct holder {
    T *value;
    __attribute__((noinline)) void fill(int count)
    {
        value = new T[std::size_t(count)]; // LEAK-TEMPLATE
        sink = value;
    }
};

__attribute__((noinline)) void keep(unsigned depth)
{
    if (depth > 0) {
        keep(depth - 1);
        sink = nullptr; // so that the call is not the last thing
        return;
    }
    sink = std::malloc(1234); // LEAK-DEEP
}

// Called back by libc, whose own code has no frame pointer.
int compare(const void *left, const void *right)
{
    static bool was_called = false;
    if (!was_called) {
        was_called = true;
        sink = std::malloc(4321); // LEAK-CALLBACK
    }
    return *static_cast<const int *>(left) - *static_cast<const int *>(right);
}

__attribute__((noinline)) void body(unsigned number)
{
    work(number);
    holder<long> held;
    held.fill(100); // LEAK-CALLER
    work(number + 1);
}

} // namespace planted

int main()
{
    std::vector<std::thread> threads;
    for (unsigned number = 0; number < 4; number++) {
        threads.emplace_back(planted::body, number);
    }
    for (auto &thread : threads) {
        thread.join();
    }
    planted::keep(5);
    int numbers[] = {3, 1, 2};
    std::qsort(numbers, 3, sizeof(int), planted::compare);
    planted::work(9);
    return 0;
}
