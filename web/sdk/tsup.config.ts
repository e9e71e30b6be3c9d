import { defineConfig } from 'tsup';
import { version } from './package.json';

export default defineConfig({
  entry: ['src/index.ts'],
  format: ['esm', 'cjs'],
  target: 'es2022',
  dts: true,
  minify: true,
  clean: true,
  define: { __VERSION__: JSON.stringify(version) },
});
