// SPDX-License-Identifier: MIT
// What a node program asks of malloc rather than of its own heap: buffers of all sizes, texts that cross the border,
// typed arrays, compression.
'use strict';
const zlib = require('zlib');
const crypto = require('crypto');

let seed = 42;

function number(limit)
{
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 1;
    return (seed >>> 8) % limit;
}

function churnBuffers(live, steps)
{
    const buffers = new Array(live).fill(null);
    let bytes = 0;
    for (let i = 0; i < steps; i++) {
        const buffer = Buffer.allocUnsafeSlow(16 + number(i % 50 === 0 ? 60000 : 2000));
        buffer[0] = i & 255;
        bytes += buffer.length;
        buffers[number(live)] = buffer;
    }
    return bytes;
}

function churnTexts(rounds)
{
    const hash = crypto.createHash('sha256');
    for (let i = 0; i < rounds; i++) {
        const rows = [];
        for (let j = 0; j < 200; j++) {
            rows.push({ key: number(1000), name: 'row ' + number(100000) });
        }
        const packed = zlib.deflateSync(Buffer.from(JSON.stringify(rows)), { level: 1 });
        hash.update(zlib.inflateSync(packed));
    }
    return hash.digest('hex');
}

console.log(churnBuffers(4000, 150000), churnTexts(400));
