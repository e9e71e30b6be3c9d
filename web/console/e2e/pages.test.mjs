// Every page, in both themes, wide and narrow: axe finds nothing serious,
// nothing overflows, and the keyboard reaches what is there.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import { large } from './large.mjs'
import { openWindow, signIn, startChromium, startRoomreel } from './stage.mjs'

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
let roomreel, browser, recording

before(async () => {
  const archive = await large({ recordings: 3, people: 3, seconds: 60 })
  recording = archive.ids[0]
  roomreel = await startRoomreel({ data: archive.folder })
  browser = await startChromium()
})

after(async () => {
  await browser?.close()
  await roomreel?.stop()
})

const pages = () => ['/live', '/recordings', `/recordings/${recording}`, ...['films', 'files', 'webhooks', 'manifest', 'audit'].map((tab) => `/recordings/${recording}/${tab}`),
  '/supervision', '/webhooks', '/webhooks/deliveries', '/nodes', '/tokens', '/join', '/api', '/nowhere']

for (const width of [1440, 390]) {
  for (const colorScheme of ['light', 'dark']) {
    test(`${width} wide, ${colorScheme}`, { timeout: 240_000 }, async () => {
      const { context, page, problems } = await openWindow(browser, { viewport: { width, height: 844 }, colorScheme, reducedMotion: 'reduce' })
      // The page's own policy keeps scripts out that are not from it; axe is ours.
      await context.addInitScript(axe)
      await page.goto(`${roomreel.url}/console/`)
      await page.getByLabel('Admin key').waitFor()
      const found = await look(page, '/sign-in')
      await signIn(page, roomreel)
      for (const path of pages()) {
        await page.goto(`${roomreel.url}/console${path}`)
        await page.locator('#main h1, #main h2').first().waitFor()
        await page.locator('.skeleton').first().waitFor({ state: 'detached' })
        found.push(...(await look(page, path)))
      }
      await page.goto(`${roomreel.url}/console/recordings/${recording}`)
      await page.getByRole('button', { name: 'Make a film' }).click()
      await page.getByRole('dialog').waitFor()
      found.push(...(await look(page, 'film dialog')))
      assert.deepEqual([...found, ...problems], [])
      await context.close()
    })
  }
}

async function look(page, path) {
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }))
  const found = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => `${path}: ${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')}`)
  const excess = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  if (excess > 0) found.push(`${path}: ${excess} px wider than the window`)
  return found
}

test('the keyboard reaches every control of a recording', async () => {
  const { context, page } = await openWindow(browser)
  await signIn(page, roomreel, `/console/recordings/${recording}`)
  await page.getByRole('slider', { name: 'Position in the recording' }).waitFor()
  const wanted = await page.evaluate(() => [...document.querySelectorAll('a[href], button:not(:disabled), select, input:not(:disabled), summary, [tabindex="0"]')].filter((element) => element.checkVisibility()).length)
  await page.evaluate(() => document.activeElement?.blur())
  const reached = new Set()
  for (let i = 0; i < wanted + 5; i++) {
    await page.keyboard.press('Tab')
    const id = await page.evaluate(() => {
      const element = document.activeElement
      if (!element || element === document.body) return undefined
      element.dataset.reached ??= String(Math.random())
      return element.dataset.reached
    })
    if (id) reached.add(id)
  }
  assert.ok(reached.size >= wanted, `${reached.size} of ${wanted}`)
  await context.close()
})
