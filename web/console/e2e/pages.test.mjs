// Every page, in both themes, wide and narrow: axe finds nothing serious,
// nothing overflows, and the keyboard reaches what is there.
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { large } from './large.mjs'
import { look, openWindow, signIn, startChromium, startRoomreel, until } from './stage.mjs'

let roomreel, browser, recording, archive

before(async () => {
  archive = await large({ recordings: 3, people: 3, seconds: 60 })
  recording = archive.ids[0]
  roomreel = await startRoomreel({ data: archive.folder })
  browser = await startChromium()
  await roomreel.call('POST', '/v1/webhooks', { url: `${roomreel.url}/hooks` })
  const part = await until('the recording', () => roomreel.call('GET', `/v1/recordings/${recording}/manifest`).then(({ parts }) => parts[0].id, () => undefined))
  const uploads = `/v1/recordings/${recording}/uploads`
  await roomreel.call('POST', uploads, { url: `${roomreel.url}/refuses`, part })
  await until('an upload that fails', async () => (await roomreel.call('GET', uploads)).data[0].state === 'failed')
})

after(async () => {
  await browser?.close()
  await roomreel?.stop()
  if (archive) await rm(archive.folder, { recursive: true, force: true })
})

const pages = () => ['/live', '/recordings', `/recordings/${recording}`, ...['films', 'files', 'webhooks', 'manifest', 'audit'].map((tab) => `/recordings/${recording}/${tab}`),
  '/supervision', '/webhooks', '/webhooks/deliveries', '/nodes', '/tokens', '/join', '/demos', '/api', '/nowhere']

for (const width of [1440, 390]) {
  for (const colorScheme of ['light', 'dark']) {
    test(`${width} wide, ${colorScheme}`, { timeout: 240_000 }, async () => {
      const { context, page, problems } = await openWindow(browser, { viewport: { width, height: 844 }, colorScheme, reducedMotion: 'reduce' })
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
      for (const [button, then] of [
        ['Make a film'],
        ['Make a film', () => page.getByRole('radio', { name: 'Custom' }).check({ force: true })],
        ['Place a hold'],
        ['Delete recording'],
      ]) {
        await page.getByRole('button', { name: button }).click()
        await page.getByRole('dialog').waitFor()
        await then?.()
        found.push(...(await look(page, `dialog ${button}`)))
        await page.keyboard.press('Escape')
        await page.getByRole('dialog').waitFor({ state: 'detached' })
      }
      const files = `/recordings/${recording}/files`
      for (const [path, button] of [[files, 'Upload a file'], [files, 'Upload again'], ['/webhooks', 'Add endpoint'], ['/webhooks', 'Send again since…'], ['/webhooks', 'New secret'], ['/live', 'Record a room']]) {
        await page.goto(`${roomreel.url}/console${path}`)
        await page.getByRole('button', { name: button }).click()
        await page.getByRole('dialog').waitFor()
        found.push(...(await look(page, `dialog ${button}`)))
      }
      assert.deepEqual([...found, ...problems], [])
      await context.close()
    })
  }
}

test('boxes of a custom layout are placed by keyboard and by pointer', async () => {
  const { context, page } = await openWindow(browser)
  await signIn(page, roomreel, `/console/recordings/${recording}`)
  await page.getByRole('button', { name: 'Make a film' }).click()
  await page.getByRole('radio', { name: 'Custom' }).check({ force: true })
  const box = page.getByRole('button', { name: /^Box 2, / })
  await box.focus()
  const before = Number(await page.getByLabel('Left %').inputValue())
  await page.keyboard.press('ArrowLeft')
  await page.keyboard.press('Shift+ArrowLeft')
  assert.equal(Number(await page.getByLabel('Left %').inputValue()), before - 1)
  const { x, y, width } = await box.boundingBox()
  await page.mouse.move(x + 10, y + 10)
  await page.mouse.down()
  await page.mouse.move(x - 3 * width, y + 10, { steps: 5 })
  await page.mouse.up()
  assert.ok(Number(await page.getByLabel('Left %').inputValue()) < before - 40)
  await page.getByLabel('Who is in it').selectOption('host')
  await page.getByLabel('Left %').fill('10')
  await page.getByRole('button', { name: 'Box 2, The host: 10 % from the left' }).waitFor()
  await page.getByLabel('Picture size').selectOption('854x480')
  await page.getByLabel('To second').fill('3')
  await page.getByRole('button', { name: 'Make the film' }).click()
  const film = page.getByRole('region', { name: 'Film, Custom' })
  await page.getByRole('link', { name: /^Films/ }).click()
  await film.getByText(/Ready|Failed/).waitFor({ timeout: 120_000 })
  assert.deepEqual((await roomreel.call('GET', `/v1/recordings/${recording}/compositions`)).data[0].spec.boxes.map(({ role }) => role), ['speaker', 'host', undefined])
  await context.close()
})

test('a recording is held, and not deleted until the hold is lifted', async () => {
  const { context, page } = await openWindow(browser)
  await signIn(page, roomreel, `/console/recordings/${recording}`)
  await page.getByRole('button', { name: 'Place a hold' }).click()
  await page.getByLabel('Why it is kept').fill('Case 4711')
  await page.getByRole('dialog').getByRole('button', { name: 'Place a hold' }).click()
  await page.getByText('Case 4711').waitFor()
  assert.equal(await page.getByRole('button', { name: 'Delete recording' }).isDisabled(), true)
  await page.getByRole('button', { name: 'Lift the hold' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Lift the hold' }).click()
  await page.getByRole('button', { name: 'Place a hold' }).waitFor()
  await context.close()
})

test('an upload that failed goes to a new URL', async () => {
  const { context, page } = await openWindow(browser)
  await signIn(page, roomreel, `/console/recordings/${recording}/files`)
  await page.getByRole('button', { name: 'Upload a file' }).click()
  await page.getByLabel('To this URL').fill(`${roomreel.url}/refuses-too`)
  await page.getByRole('button', { name: 'Upload', exact: true }).click()
  const upload = page.getByRole('listitem').filter({ hasText: '/refuses-too' })
  await upload.getByText('Given up').waitFor()
  let bytes = 0
  const receiver = createServer((request, response) => request.on('data', (chunk) => (bytes += chunk.length)).on('end', () => response.end()))
  await new Promise((ready) => receiver.listen(0, '127.0.0.1', ready))
  await upload.getByRole('button', { name: 'Upload again' }).click()
  await page.getByLabel('New URL').fill(`http://127.0.0.1:${receiver.address().port}/put`)
  await page.getByRole('button', { name: 'Upload', exact: true }).click()
  await page.getByText('Arrived').waitFor()
  assert.ok(bytes > 1000)
  receiver.close()
  await context.close()
})

test('recordings are found by room, person, state and day', async () => {
  const { context, page } = await openWindow(browser)
  await signIn(page, roomreel, '/console/recordings')
  const found = (text) => page.getByRole('status').getByText(text, { exact: true }).waitFor()
  await found('3 recordings')
  const search = page.getByLabel('Search rooms, people, labels')
  await search.fill('ROOM-2')
  await found('1 recording')
  await search.fill('person 3')
  await page.getByText('room-0').waitFor()
  await found('1 recording')
  await search.fill('')
  await found('3 recordings')
  await page.getByLabel('Filter by state').selectOption('failed')
  await page.getByText('No recording matches').waitFor()
  await page.getByRole('button', { name: 'Show all' }).click()
  await page.getByLabel('From this day').fill('2026-04-01')
  await page.getByText('No recording matches').waitFor()
  await context.close()
})

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

test('the stream of events is opened again where a proxy refused it, and everything asked for anew', async () => {
  const { context, page } = await openWindow(browser)
  let asked = 0
  await page.route('**/v1/events*', (route) => (asked++ === 0 ? route.fulfill({ status: 503, body: '' }) : route.continue()))
  await signIn(page, roomreel, '/console/nodes')
  const again = page.waitForResponse((response) => response.url().endsWith('/healthz') && asked > 1)
  await until('it is asked for again', () => asked > 1)
  await again
  await context.close()
})
