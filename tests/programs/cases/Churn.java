// SPDX-License-Identifier: MIT
// Collections, strings, threads, direct buffers and compression, with results that depend on nothing
// but this source.

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

public class Churn {
    static String collections(int seed) {
        Random random = new Random(seed);
        Map<String, StringBuilder> table = new HashMap<>();
        for (int step = 0; step < 60000; step++) {
            String key = "key" + random.nextInt(4000);
            table.computeIfAbsent(key, unused -> new StringBuilder()).append((char) ('a' + step % 26));
            if (step % 5 == 0) {
                table.remove("key" + random.nextInt(4000));
            }
        }
        return table.size() + " " + new TreeMap<>(table).toString().hashCode();
    }

    static long buffers(int seed) {
        // Memory outside Java's heap comes from malloc.
        Random random = new Random(seed);
        List<ByteBuffer> list = new ArrayList<>();
        CRC32 sum = new CRC32();
        for (int step = 0; step < 300; step++) {
            ByteBuffer buffer = ByteBuffer.allocateDirect(random.nextInt(40000) + 8);
            buffer.putInt(0, step);
            list.add(buffer);
            if (list.size() > 50) {
                sum.update(list.remove(random.nextInt(50)).getInt(0));
            }
        }
        return sum.getValue();
    }

    static int compression(int seed) throws Exception {
        byte[] bytes = new byte[200000];
        for (int index = 0; index < bytes.length; index++) {
            bytes[index] = (byte) (index * seed / 100);
        }
        byte[] packed = new byte[bytes.length + 100];
        byte[] again = new byte[bytes.length];
        for (int round = 0; round < 5; round++) {
            Deflater deflater = new Deflater(round + 1);
            deflater.setInput(bytes);
            deflater.finish();
            int length = deflater.deflate(packed);
            deflater.end();
            Inflater inflater = new Inflater();
            inflater.setInput(packed, 0, length);
            inflater.inflate(again);
            inflater.end();
        }
        return java.util.Arrays.equals(bytes, again) ? java.util.Arrays.hashCode(again) : -1;
    }

    public static void main(String[] arguments) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4);
        List<Future<String>> results = new ArrayList<>();
        for (int seed = 1; seed <= 8; seed++) {
            int own = seed;
            results.add(pool.submit(() -> collections(own) + " " + buffers(own) + " " + compression(own)));
        }
        for (Future<String> result : results) {
            System.out.println(result.get());
        }
        pool.shutdown();
        Map<Integer, Long> lengths = IntStream.range(0, 100000).mapToObj(Integer::toString)
            .collect(Collectors.groupingBy(String::length, Collectors.counting()));
        System.out.println(new TreeMap<>(lengths));
    }
}
