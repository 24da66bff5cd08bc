// SPDX-License-Identifier: MIT
// Four worker threads do the same kinds of work with seeds of their own, and send the results home.
const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
const crypto = require('crypto');
const zlib = require('zlib');

function work(seed) {
    let state = seed;
    const random = (limit) => {
        state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
        return state % limit;
    };
    const table = new Map();
    for (let step = 0; step < 30000; step++) {
        const key = 'key' + random(4000);
        table.set(key, (table.get(key) || '') + String.fromCharCode(97 + (step % 26)));
        if (step % 5 === 0) {
            table.delete('key' + random(4000));
        }
    }
    const text = JSON.stringify([...table].sort());
    const buffers = [];
    for (let step = 0; step < 2000; step++) {
        buffers.push(Buffer.alloc(random(20000), step));
        if (buffers.length > 100) {
            buffers.splice(random(100), 1);
        }
    }
    const joined = Buffer.concat(buffers);
    const packed = zlib.gunzipSync(zlib.gzipSync(joined));
    const found = (text.match(/key\d*7/g) || []).length;
    return [seed, table.size, text.length, found, packed.equals(joined),
        crypto.createHash('sha256').update(text).update(joined).digest('hex')].join(' ');
}

if (isMainThread) {
    const results = [];
    for (let seed = 1; seed <= 4; seed++) {
        const worker = new Worker(__filename, { workerData: seed });
        worker.on('message', (line) => results.push(line));
        worker.on('error', (error) => { throw error; });
    }
    process.on('exit', () => {
        console.log(results.sort().join('\n'));
        console.log(work(99));
    });
} else {
    parentPort.postMessage(work(workerData));
}
