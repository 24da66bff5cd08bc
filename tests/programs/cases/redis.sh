# SPDX-License-Identifier: MIT
# A server on a socket of its own, under the benchmark's load, then asked what it holds.
# needs: redis-server redis-benchmark redis-cli
set -eu

redis-server --port 0 --unixsocket "$PWD/socket" --save '' --appendonly no --daemonize no \
    --io-threads 2 >server.log 2>&1 &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true' EXIT
for _ in $(seq 1 100); do
    redis-cli -s socket ping 2>/dev/null | grep -q PONG && break
    sleep 0.05
done
redis-benchmark -s socket -q -n 2000 -c 20 -P 4 -d 100 \
    -t set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,zadd,mset >benchmark.log
grep -c 'requests per second' benchmark.log
redis-cli -s socket flushall
seq 1 5000 | awk '{ print "SET key" $1 " " $1 * 7919; print "RPUSH list" $1 % 50 " v" $1;
                    print "HSET hash" $1 % 100 " f" $1 " x" $1; print "ZADD board " $1 % 997 " m" $1 }' |
    redis-cli -s socket | sort | uniq -c | sort -rn | head -n 3
redis-cli -s socket dbsize
redis-cli -s socket get key4242
redis-cli -s socket lrange list7 0 5
redis-cli -s socket zrevrange board 0 3 withscores
redis-cli -s socket hlen hash33
redis-cli -s socket eval 'local s = 0 for i = 1, 5000 do s = s + redis.call("GET", "key" .. i) end return s' 0
redis-cli -s socket sort list3 alpha desc limit 0 5
redis-cli -s socket append key1 "$(seq -s, 1 3000)"
redis-cli -s socket save
redis-cli -s socket debug reload
redis-cli -s socket dbsize
redis-cli -s socket shutdown nosave || true
wait "$server" && echo "the server ended with 0"
trap - EXIT

echo "the case is complete"
