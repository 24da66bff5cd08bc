// SPDX-License-Identifier: MIT
// The standard containers, strings, streams, smart pointers, exceptions and threads, with results
// that depend on nothing but this source.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <queue>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace
{

class generator
{
  public:
    explicit generator(std::uint64_t seed) : state(seed)
    {
    }

    std::uint64_t below(std::uint64_t limit)
    {
        state = state * 6364136223846793005u + 1442695040888963407u;
        return (state >> 33) % limit;
    }

  private:
    std::uint64_t state;
};

std::uint64_t maps_and_sets(std::uint64_t seed)
{
    generator random(seed);
    std::map<std::string, std::vector<int>> by_name;
    std::unordered_map<std::uint64_t, std::string> by_number;
    std::multiset<std::uint64_t> numbers;
    for (int step = 0; step < 40000; step++) {
        std::uint64_t number = random.below(5000);
        by_name["name" + std::to_string(number)].push_back(step);
        by_number[number] += static_cast<char>('a' + step % 26);
        numbers.insert(number);
        if (step % 4 == 0) {
            by_number.erase(random.below(5000));
            auto found = numbers.find(random.below(5000));
            if (found != numbers.end()) {
                numbers.erase(found);
            }
        }
    }
    std::uint64_t sum = numbers.size();
    for (const auto &[name, list] : by_name) {
        sum = sum * 31 + name.size() + list.size();
    }
    for (std::uint64_t number = 0; number < 5000; number++) {
        auto found = by_number.find(number);
        sum = sum * 31 + (found == by_number.end() ? 7 : found->second.size());
    }
    return sum;
}

std::uint64_t sequences(std::uint64_t seed)
{
    generator random(seed);
    std::deque<std::string> queue;
    std::list<std::unique_ptr<std::string>> list;
    std::priority_queue<std::uint64_t> heap;
    std::vector<std::shared_ptr<std::vector<char>>> shared;
    for (int step = 0; step < 30000; step++) {
        queue.push_back(std::string(random.below(60), 'q'));
        list.push_front(std::make_unique<std::string>(random.below(40), 'l'));
        heap.push(random.below(1000000));
        if (step % 10 == 0) {
            shared.push_back(std::make_shared<std::vector<char>>(random.below(3000)));
        }
        if (step % 3 == 0) {
            queue.pop_front();
            list.pop_back();
            heap.pop();
        }
    }
    list.remove_if([](const std::unique_ptr<std::string> &text) { return text->size() % 2 == 0; });
    std::vector<std::string> sorted(queue.begin(), queue.end());
    std::stable_sort(sorted.begin(), sorted.end());
    return std::accumulate(
        shared.begin(), shared.end(), sorted.size() + list.size() + heap.top(),
        [](std::uint64_t sum, const auto &chunk) { return sum * 31 + chunk->size(); });
}

std::string streams(std::uint64_t seed)
{
    generator random(seed);
    std::ostringstream out;
    for (int line = 0; line < 5000; line++) {
        out << line << ' ' << random.below(1000000) << ' ' << std::string(random.below(20), 's')
            << '\n';
    }
    std::istringstream in(out.str());
    std::string word;
    std::size_t count = 0;
    std::size_t length = 0;
    while (in >> word) {
        count++;
        length += word.size();
    }
    return std::to_string(count) + " words of " + std::to_string(length) + " letters";
}

int exceptions()
{
    int caught = 0;
    for (int step = 0; step < 2000; step++) {
        try {
            std::string text(static_cast<std::size_t>(step), 'e');
            throw std::runtime_error(text + " was thrown");
        } catch (const std::exception &error) {
            caught += std::string(error.what()).size() == static_cast<std::size_t>(step) + 11;
        }
    }
    try {
        std::vector<int> numbers(10);
        numbers.reserve(numbers.max_size());
    } catch (const std::exception &) {
        caught++;
    }
    return caught;
}

// Strings made in one thread are consumed in another.
std::uint64_t pipeline()
{
    std::mutex mutex;
    std::queue<std::unique_ptr<std::string>> waiting;
    std::atomic<bool> done{false};
    std::uint64_t sum = 0;
    std::thread consumer([&] {
        while (true) {
            std::unique_ptr<std::string> text;
            bool finished = done;
            {
                std::lock_guard<std::mutex> lock(mutex);
                if (!waiting.empty()) {
                    text = std::move(waiting.front());
                    waiting.pop();
                }
            }
            if (text) {
                sum = sum * 31 + text->size();
            } else if (finished) {
                return;
            } else {
                std::this_thread::yield();
            }
        }
    });
    for (std::size_t step = 0; step < 50000; step++) {
        auto text = std::make_unique<std::string>(step % 300, 'p');
        std::lock_guard<std::mutex> lock(mutex);
        waiting.push(std::move(text));
    }
    done = true;
    consumer.join();
    return sum;
}

} // namespace

int main()
{
    std::cout << maps_and_sets(1) << '\n' << sequences(2) << '\n' << streams(3) << '\n';
    std::cout << exceptions() << '\n' << pipeline() << '\n';
    std::vector<std::future<std::uint64_t>> results;
    for (std::uint64_t seed = 10; seed < 16; seed++) {
        results.push_back(std::async(std::launch::async,
                                     [seed] { return maps_and_sets(seed) ^ sequences(seed); }));
    }
    for (auto &result : results) {
        std::cout << result.get() << '\n';
    }
    return 0;
}
