// SPDX-License-Identifier: MIT
// Runs the WebAssembly module: the tour inside it, then its arena from outside.
import { readFileSync } from 'node:fs';

const bytes = readFileSync(process.argv[2]);
const module = new WebAssembly.Module(bytes);
const { exports: it } = new WebAssembly.Instance(module);

let failures = 0;
function expect(sentence, holds) {
  console.log(`${holds ? 'ok' : 'FAILED'}: ${sentence}`);
  failures += holds ? 0 : 1;
}

expect('the module wants nothing of its host', WebAssembly.Module.imports(module).length === 0);
const line = it.run_tour();
expect(`the tour comes to its end${line ? `, not to line ${line} of tour.c` : ''}`, line === 0);

const heap = it.open_arena();
expect('an arena is opened on 64 KiB', heap !== 0);
const chunks = [];
for (let each = 0; each < 150; each++) {
  const ptr = it.ft_core_alloc(heap, each);
  new Uint8Array(it.memory.buffer, ptr, each).fill(each);
  chunks.push(ptr);
}
expect('150 chunks are served, aligned to 16', chunks.every((ptr) => ptr !== 0 && ptr % 16 === 0));
expect('they overlap nowhere', chunks.every((ptr, each) =>
  new Uint8Array(it.memory.buffer, ptr, each).every((byte) => byte === each)));
expect('too much is refused', it.ft_core_alloc(heap, 70000) === 0 && it.ft_core_alloc(heap, -1) === 0);
expect('a double free is told', it.ft_core_free(heap, chunks[7]) === 0 && it.ft_core_free(heap, chunks[7]) === 2);
expect('an interior free is told', it.ft_core_free(heap, chunks[9] + 4) === 4);
expect('a foreign free is told', it.ft_core_free(heap, 8) === 1);
const text = new TextDecoder().decode(new Uint8Array(it.memory.buffer, it.report(), it.report_bytes()));
expect('the report has a line for each chunk and a total',
  text.split('\n').filter((each) => each.includes(' - ')).length === 149 &&
  text.endsWith(`Total : ${(149 * 150) / 2 - 7} bytes\n`));
expect('the arena holds together', it.is_valid() === 1);
console.log(`module: ${bytes.length} bytes; metadata of 64 KiB: ${it.metadata_bytes()} bytes; ` +
  `smallest region: ${it.ft_core_bytes_min()} bytes`);
process.exit(failures === 0 ? 0 : 1);
