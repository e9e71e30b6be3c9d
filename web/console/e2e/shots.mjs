// Pictures of every page in both themes, wide and narrow, for human eyes:
//   node e2e/shots.mjs [data folder]
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { openWindow, signIn, startChromium, startRoomreel } from './stage.mjs'

const folder = fileURLToPath(new URL('./shots/', import.meta.url))
await mkdir(folder, { recursive: true })
const only = process.argv[3]
const roomreel = await startRoomreel({ data: process.argv[2] })
const browser = await startChromium()
try {
  const { data } = await roomreel.call('GET', '/v1/recordings?limit=1')
  const recording = data[0] ? `/recordings/${data[0].id}` : undefined
  const paths = {
    'sign-in': '/', live: '/live', recordings: '/recordings', ...(recording && { play: recording, films: `${recording}/films`, files: `${recording}/files`, hooks: `${recording}/webhooks`, manifest: `${recording}/manifest`, audit: `${recording}/audit` }),
    supervision: '/supervision', webhooks: '/webhooks', deliveries: '/webhooks/deliveries', nodes: '/nodes', tokens: '/tokens', join: '/join', demos: '/demos', api: '/api',
  }
  for (const width of [1440, 390]) {
    for (const colorScheme of ['light', 'dark']) {
      const { context, page, problems } = await openWindow(browser, { viewport: { width, height: width === 390 ? 844 : 900 }, colorScheme })
      await page.goto(`${roomreel.url}/console/`)
      await page.getByLabel('Admin key').waitFor()
      if (!only) await page.screenshot({ path: `${folder}sign-in-${colorScheme}-${width}.png` })
      await signIn(page, roomreel)
      for (const [name, path] of Object.entries(paths).slice(1)) {
        if (only && !only.split(',').includes(name)) continue
        await page.goto(`${roomreel.url}/console${path}`)
        await page.locator('h1').first().waitFor()
        await page.waitForTimeout(name === 'play' ? 2500 : 900) // pictures for eyes, not a test: let thumbnails come
        await page.screenshot({ path: `${folder}${name}-${colorScheme}-${width}.png`, fullPage: true })
      }
      if (problems.length) console.log(width, colorScheme, problems)
      await context.close()
    }
  }
} finally {
  await browser.close()
  await roomreel.stop()
}
