# SPDX-License-Identifier: MIT
# Strings, hashes, symbols, threads, fibers, big numbers, collection of garbage.
# needs: ruby
set -eu

ruby --disable-gems <<'END'
require 'json'
require 'digest'
require 'set'
random = Random.new(42)
table = Hash.new { |hash, key| hash[key] = +'' }
100_000.times do |step|
  table["key#{random.rand(4000)}"] << (97 + step % 26).chr
  table.delete("key#{random.rand(4000)}") if step % 5 == 0
end
text = JSON.generate(table.sort.to_h)
puts table.size, text.size, Digest::SHA256.hexdigest(text)
puts JSON.parse(text) == table, text.scan(/key\d*7/).size
threads = (1..6).map do |number|
  Thread.new do
    own = Random.new(number)
    chunks = Array.new(200) { |index| 'c' * (index * 13) }
    10_000.times { chunks[own.rand(200)] = 'c' * own.rand(5000) }
    chunks.sum(&:size)
  end
end
p threads.map(&:value)
fibers = (1..500).map { |n| Fiber.new { 5.times { |i| Fiber.yield n * i }; :end } }
p 5.times.sum { fibers.sum(&:resume) }
Node = Struct.new(:left, :right, :text)
def tree(depth) = depth.zero? ? nil : Node.new(tree(depth - 1), tree(depth - 1), 't' * depth * 9)
def count(node) = node.nil? ? 0 : 1 + count(node.left) + count(node.right)
3.times { p count(tree(14)); GC.start }
p (1..1500).inject(:*).to_s.size, (3**20_000 % 10**20)
p Set.new((1..50_000).map { |n| (n * 7919 % 10_007).to_s.to_sym }).size
p fork { exit 7 }.then { |pid| Process.wait(pid); $?.exitstatus }
END

echo "the case is complete"
