// Fails when the library grows over what its README promises, without its peer.
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const most = 15 * 1024;
for (const file of ['dist/index.js', 'dist/index.cjs']) {
  const { length } = gzipSync(readFileSync(file));
  console.log(`${file}: ${length} bytes gzipped, of ${most}`);
  if (length > most) process.exitCode = 1;
}
