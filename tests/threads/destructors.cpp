// SPDX-License-Identifier: MIT
// Threads whose ends allocate: destructors of thread-local objects and of key values, in every round,
// with keys from before and after the first allocation, with no key left, and with keys whose values
// make the C library itself allocate. The process must not grow by threads that have ended.
//
//   --mode objects    C++ objects with the thread's lifetime
//   --mode keys       values that come again in every round of destructors
//   --mode late       threads that allocate in the last round alone, or in another one:
//   --round N         2 to 4
//   --mode all_keys   no key is left to anybody
//   --mode high_keys  the first keys are taken before anything starts, so that later ones cost a chunk
//   --threads N       in all; a tenth as many go before, as a warm-up
//   --at_once N       so many live at the same time, of mode late

#include <atomic>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <pthread.h>

extern "C" {
#include "tests/threads/kit.h"
}

namespace
{

enum { KEY_COUNT = 4, EARLY_KEY_COUNT = 40, NODE_BYTES = 300, AT_ONCE_MAX = 1000 };

pthread_key_t early_keys[EARLY_KEY_COUNT];
pthread_key_t keys[KEY_COUNT]; // the first half is made before anything allocates
std::atomic<size_t> destroyed_count;

struct node {
    size_t key_index;
    size_t rounds_left;
    unsigned char bytes[NODE_BYTES];
};

void churn()
{
    void *ptr = std::malloc(40);
    void *large = std::calloc(1, 100000);
    kit_require(ptr != nullptr && large != nullptr, "no memory");
    ptr = std::realloc(ptr, 5000);
    std::free(large);
    std::free(ptr);
}

void set_node(size_t key_index, size_t rounds_left)
{
    node *made = static_cast<node *>(std::malloc(sizeof(node)));
    kit_require(made != nullptr, "no memory");
    made->key_index = key_index;
    made->rounds_left = rounds_left;
    std::memset(made->bytes, static_cast<int>(key_index), NODE_BYTES);
    pthread_setspecific(keys[key_index], made);
}

void destroy_node(void *value)
{
    node *found = static_cast<node *>(value);
    for (unsigned char byte : found->bytes) {
        kit_require(byte == found->key_index, "a key's value was changed by somebody else");
    }
    churn();
    if (found->rounds_left > 0) {
        set_node(found->key_index, found->rounds_left - 1);
    }
    std::free(found);
    destroyed_count++;
}

struct hoard {
    void *first = std::malloc(100);
    void *second = std::malloc(20000);
    hoard() = default;
    hoard(const hoard &) = delete;
    hoard &operator=(const hoard &) = delete;
    ~hoard()
    {
        std::free(first);
        churn();
        second = std::realloc(second, 70);
        std::free(second);
        destroyed_count++;
    }
};

thread_local hoard one;
thread_local hoard other;

void *use_objects(void *)
{
    kit_require(one.first != nullptr && other.second != nullptr, "no memory");
    return nullptr;
}

void *use_keys(void *)
{
    for (size_t index = 0; index < KEY_COUNT; index++) {
        set_node(index, PTHREAD_DESTRUCTOR_ITERATIONS - 1);
    }
    return nullptr;
}

char rounds_to_come[PTHREAD_DESTRUCTOR_ITERATIONS + 1];
size_t late_round;
pthread_key_t late_key;
size_t at_once;
pthread_barrier_t all_live;

// The value tells by its address how many rounds have been.
void wait_for_the_round(void *value)
{
    char *round = static_cast<char *>(value);
    if (round < rounds_to_come + late_round) {
        pthread_setspecific(late_key, round + 1);
        return;
    }
    // More than a thread does without a heap.
    for (size_t index = 0; index < 20; index++) {
        churn();
    }
    destroyed_count++;
}

void *allocate_late(void *)
{
    pthread_setspecific(late_key, rounds_to_come + 1);
    pthread_barrier_wait(&all_live);
    return nullptr;
}

void *allocate(void *)
{
    for (size_t index = 0; index < 20; index++) {
        churn();
    }
    destroyed_count++;
    return nullptr;
}

void *use_high_keys(void *)
{
    pthread_setspecific(early_keys[EARLY_KEY_COUNT - 1], keys);
    set_node(KEY_COUNT - 1, 1);
    churn();
    return nullptr;
}

// Runs before the constructors of any library.
void take_early_keys(int, char **argv, char **)
{
    pthread_key_create(&keys[0], destroy_node);
    pthread_key_create(&keys[1], destroy_node);
    for (size_t index = 1; argv[index] != nullptr; index++) {
        if (std::strcmp(argv[index], "high_keys") == 0) {
            for (pthread_key_t &key : early_keys) {
                pthread_key_create(&key, nullptr);
            }
        }
    }
}

__attribute__((section(".preinit_array"), used)) void (*const at_start)(int, char **,
                                                                        char **) = take_early_keys;

struct mode {
    const char *name;
    void *(*function)(void *);
    size_t destroyed_by_each;
};

const mode modes[] = {
    {"objects", use_objects, 2},     {"keys", use_keys, KEY_COUNT *PTHREAD_DESTRUCTOR_ITERATIONS},
    {"late", allocate_late, 1},      {"all_keys", allocate, 1},
    {"high_keys", use_high_keys, 2},
};

const mode &mode_named(const char *name)
{
    for (const mode &each : modes) {
        if (std::strcmp(each.name, name) == 0) {
            return each;
        }
    }
    kit_require(false, "there is no mode %s", name);
    return modes[0];
}

void run_threads(const mode &chosen, size_t count)
{
    // As many at a time as is said: how many overlap would be chance, and so what they need at once.
    pthread_t threads[AT_ONCE_MAX];
    size_t done = 0;
    for (; done < count; done += at_once) {
        for (size_t index = 0; index < at_once; index++) {
            threads[index] = kit_start(chosen.function, nullptr, 0);
        }
        for (size_t index = 0; index < at_once; index++) {
            kit_join(threads[index]);
        }
    }
    size_t each = destroyed_count / done;
    kit_require(each == chosen.destroyed_by_each, "%zu destructors ran for each thread, not %zu",
                each, chosen.destroyed_by_each);
    destroyed_count = 0;
}

} // namespace

int main(int, char *argv[])
{
    const mode &chosen = mode_named(kit_word(argv, "mode", "objects"));
    size_t thread_count = kit_number(argv, "threads", 10000);
    late_round = kit_number(argv, "round", PTHREAD_DESTRUCTOR_ITERATIONS);
    at_once = kit_number(argv, "at_once", 1);
    kit_require(at_once <= AT_ONCE_MAX, "no more than %d threads can live at once", AT_ONCE_MAX);
    pthread_barrier_init(&all_live, nullptr, static_cast<unsigned>(at_once));
    std::free(std::malloc(100));
    for (size_t index = 2; index < KEY_COUNT; index++) {
        pthread_key_create(&keys[index], destroy_node);
    }
    pthread_key_create(&late_key, wait_for_the_round);
    pthread_key_t key;
    while (chosen.function == allocate && pthread_key_create(&key, nullptr) == 0) {
    }
    run_threads(chosen, thread_count / 10 + 1);
    size_t before = kit_resident_bytes();
    run_threads(chosen, thread_count);
    size_t after = kit_resident_bytes();
    // Where the stacks of many lie is chance as well, and so how many heaps wait.
    size_t share = at_once > 1 ? 1 : 100;
    size_t most = before + before / share + KIT_NOISE_BYTES;
    std::printf("%s: %zu threads: %.2f MiB in memory before, %.2f after, %.2f at most\n",
                chosen.name, thread_count, kit_mib(before), kit_mib(after), kit_mib(most));
    kit_require(after <= most, "threads that ended left %.2f MiB behind", kit_mib(after - before));
    return 0;
}
