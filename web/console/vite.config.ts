import { fileURLToPath } from 'node:url'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

// `npm run dev` serves the sources and passes the rest on to a running roomreel.
const roomreel = process.env.ROOMREEL ?? 'http://127.0.0.1:7890'

export default defineConfig({
  base: '/console/',
  // The demos use the SDK's sources, with the console's own LiveKit client.
  resolve: { alias: { '@roomreel/sdk': fileURLToPath(new URL('../sdk/src/index.ts', import.meta.url)) }, dedupe: ['livekit-client'] },
  define: { __VERSION__: JSON.stringify('console') },
  plugins: [react()],
  build: { outDir: 'dist/app', emptyOutDir: true, target: 'es2022', assetsInlineLimit: 0, chunkSizeWarningLimit: 900, modulePreload: { polyfill: false } },
  server: { proxy: Object.fromEntries(['/v1', '/console/sign-in', '/console/sign-out', '/openapi.json', '/healthz', '/readyz', '/join'].map((path) => [path, roomreel])) },
  test: { include: ['src/**/*.test.ts', 'src/**/*.test.tsx'] },
})
