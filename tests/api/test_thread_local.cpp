// SPDX-License-Identifier: MIT
// C++ objects that live as long as their thread: their constructors and destructors allocate and
// free, before and after the destructors of pthread keys, and in the main thread at exit.

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <pthread.h>
#include <string>
#include <thread>
#include <vector>

static std::atomic<int> destroyed_count{0};

struct hoard {
    std::vector<std::string> words;
    std::map<int, std::unique_ptr<std::string>> more;

    hoard()
    {
        for (int index = 0; index < 200; index++) {
            words.push_back(std::string(static_cast<size_t>(index) * 13, 'w'));
            more[index] = std::make_unique<std::string>(static_cast<size_t>(index) * 7, 'm');
        }
    }

    hoard(const hoard &) = delete;
    hoard &operator=(const hoard &) = delete;

    ~hoard()
    {
        // Both sides of the heap are busy while the thread ends.
        std::vector<char> fresh(50000, 'f');
        for (int index = 0; index < 200; index++) {
            if (words[static_cast<size_t>(index)].size() != static_cast<size_t>(index) * 13 ||
                more[index]->size() != static_cast<size_t>(index) * 7) {
                std::abort();
            }
        }
        words.assign(1000, std::string(100, 'x'));
        destroyed_count++;
    }
};

static thread_local hoard first;
static thread_local std::string word = std::string(1000, 'a');
static thread_local hoard second;

static void destroy_value(void *value)
{
    delete static_cast<std::string *>(value);
    std::string other(5000, 'k');
    if (other[4999] != 'k') {
        std::abort();
    }
}

static void use(pthread_key_t key)
{
    pthread_setspecific(key, new std::string(300, 'v'));
    if (first.words.size() != 200 || second.more.size() != 200 || word.size() != 1000) {
        std::abort();
    }
}

int main()
{
    pthread_key_t key;
    if (pthread_key_create(&key, destroy_value) != 0) {
        return 1;
    }
    const int rounds = 20;
    const int batch = 6;
    for (int round = 0; round < rounds; round++) {
        std::vector<std::thread> threads;
        for (int index = 0; index < batch; index++) {
            threads.emplace_back(use, key);
        }
        for (std::thread &thread : threads) {
            thread.join();
        }
    }
    if (destroyed_count != 2 * rounds * batch) {
        std::fprintf(stderr, "%d objects were destroyed\n", destroyed_count.load());
        return 1;
    }
    use(key);
    std::puts("every thread's objects were made and destroyed");
    return 0;
}
