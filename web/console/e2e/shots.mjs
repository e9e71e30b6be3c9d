// Pictures of every page in both themes, wide and narrow, in both languages, for human eyes:
//   node e2e/shots.mjs [page,page…]
import { mkdir, rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { large } from './large.mjs'
import { openWindow, signIn, startChromium, startRoomreel, until } from './stage.mjs'

const folder = fileURLToPath(new URL('./shots/', import.meta.url))
await mkdir(folder, { recursive: true })
const only = process.argv[2]?.split(',')
const archive = await large({ recordings: 40, people: 5, seconds: 300 })
const roomreel = await startRoomreel({ data: archive.folder })
const browser = await startChromium()
try {
  const id = archive.ids[0]
  await until('recordings taken up', async () => (await roomreel.call('GET', `/v1/recordings/${id}`).catch(() => undefined))?.state === 'stopped')
  await furnish(id)
  const recordings = archive.ids.map((id) => `/recordings/${id}`)
  const [recording] = recordings
  const paths = {
    live: '/live', recordings: '/recordings', nothing: '/recordings?q=nothing', play: recording, films: `${recording}/films`, files: `${recording}/files`, hooks: `${recording}/webhooks`, manifest: `${recording}/manifest`, audit: `${recording}/audit`,
    supervision: '/supervision', webhooks: '/webhooks', deliveries: '/webhooks/deliveries', nodes: '/nodes', tokens: '/tokens', join: '/join', demos: '/demos', api: '/api', nowhere: '/nowhere',
  }
  for (const locale of ['en-US', 'zh-CN']) {
    for (const width of [1440, 390]) {
      for (const colorScheme of ['light', 'dark']) {
        const shot = (name, fullPage = true) => page.screenshot({ path: `${folder}${name}-${locale.slice(0, 2)}-${colorScheme}-${width}.png`, fullPage })
        const { context, page, problems } = await openWindow(browser, { viewport: { width, height: width === 390 ? 844 : 900 }, colorScheme, locale })
        await page.goto(`${roomreel.url}/console/`)
        await page.locator('input[type=password]').waitFor()
        if (!only) await shot('sign-in')
        await signIn(page, roomreel)
        for (const [name, path] of Object.entries(paths)) {
          if (only && !only.includes(name)) continue
          await page.goto(`${roomreel.url}/console${path}`)
          await page.locator('h1').first().waitFor()
          if (name === 'play') await page.locator('.legend').scrollIntoViewIfNeeded() // lanes are drawn where they are seen
          await page.waitForTimeout(name === 'play' ? 2500 : 900) // pictures for eyes, not a test: let thumbnails come
          await page.evaluate(() => scrollTo(0, 0))
          await shot(name)
        }
        if (!only || only.includes('film-dialog')) {
          await page.goto(`${roomreel.url}/console${recording}`)
          await page.locator('.head .button.primary').click()
          await page.locator('dialog').waitFor()
          await shot('film-dialog', false)
          await page.locator('input[value=custom]').check({ force: true })
          await page.locator('.boxes .box').nth(1).focus()
          await shot('boxes', false)
        }
        for (const [name, path, button] of [
          ['dialog-upload', `${recording}/files`, '.card > header .button'], ['dialog-again', `${recording}/files`, '.upload .button'], ['dialog-hold', recordings[1], '.head .button:nth-child(3)'],
          ['dialog-delete', recordings[1], '.head .danger'], ['dialog-endpoint', '/webhooks', '.head .button'], ['dialog-recover', '/webhooks', '.card .button:nth-child(2)'],
          ['dialog-delivery', '/webhooks/deliveries', 'td .button'], ['dialog-record', '/live', '.head .button'],
        ]) {
          if (only && !only.includes(name)) continue
          await page.goto(`${roomreel.url}/console${path}`)
          await page.locator(button).first().click()
          await page.locator('dialog').waitFor()
          await page.waitForTimeout(300)
          await shot(name, false)
        }
        if (problems.length) console.log(locale, width, colorScheme, problems)
        await context.close()
      }
    }
  }
  if (!only || only.includes('meeting')) await meeting()
} finally {
  await browser.close()
  await roomreel.stop()
  await rm(archive.folder, { recursive: true, force: true })
}

/** The pages that show a meeting while one goes on, which is recorded. */
async function meeting() {
  const people = []
  for (const name of ['Anna Karenina', 'Ben']) {
    const { context, page } = await openWindow(browser)
    await page.goto(`${roomreel.url}/join/?room=standup`)
    await page.locator('#join-name').fill(name)
    await page.locator('form .button').click()
    await page.locator('.lk-participant-tile video').first().waitFor()
    people.push(context)
  }
  const { id } = await roomreel.call('POST', '/v1/recordings', { room: 'standup' })
  await until('what flows', async () => (await roomreel.call('GET', `/v1/recordings/${id}`)).live?.length === 4)
  for (const locale of ['en-US', 'zh-CN']) {
    for (const width of [1440, 390]) {
      for (const colorScheme of ['light', 'dark']) {
        const { context, page } = await openWindow(browser, { viewport: { width, height: width === 390 ? 844 : 900 }, colorScheme, locale })
        const shot = (name) => page.screenshot({ path: `${folder}${name}-${locale.slice(0, 2)}-${colorScheme}-${width}.png`, fullPage: true })
        await signIn(page, roomreel)
        await page.goto(`${roomreel.url}/console/live`)
        await page.locator('.strip').waitFor()
        await page.waitForTimeout(1500)
        await shot('meeting-live')
        await page.goto(`${roomreel.url}/console/recordings/${id}`)
        await page.locator('table').waitFor()
        await shot('meeting-recording')
        await page.goto(`${roomreel.url}/console/live`)
        await page.locator('section[aria-label*=standup] header .button').first().click()
        await page.locator('#watch-name').fill('sam')
        await page.locator('#watch-reason').fill('Quality review, case 4711')
        await shot('dialog-watch')
        await page.locator('dialog .primary').click()
        await page.locator('.lk-participant-tile video').nth(1).waitFor()
        await page.waitForTimeout(1500)
        await shot('meeting-watch')
        const other = await context.newPage()
        await other.goto(`${roomreel.url}/console/supervision`)
        await other.locator('table').first().waitFor()
        await other.screenshot({ path: `${folder}meeting-supervision-${locale.slice(0, 2)}-${colorScheme}-${width}.png`, fullPage: true })
        await other.goto(`${roomreel.url}/console/join?room=standup`)
        await other.locator('#join-name').fill('Cleo')
        await other.locator('form .button').click()
        await other.locator('.lk-participant-tile video').nth(1).waitFor()
        await other.waitForTimeout(1500)
        await other.screenshot({ path: `${folder}meeting-join-${locale.slice(0, 2)}-${colorScheme}-${width}.png`, fullPage: true })
        await other.goto(`${roomreel.url}/console/demos`)
        for (const field of ['#agent-id', '#watch-agent']) await other.locator(field).fill(`agent-${locale}-${width}-${colorScheme}`)
        await other.locator('.primary').nth(0).click()
        await other.locator('.record').waitFor()
        await other.locator('.primary').last().click()
        await other.locator('video').nth(1).waitFor()
        await other.waitForTimeout(2500)
        await other.screenshot({ path: `${folder}meeting-demos-${locale.slice(0, 2)}-${colorScheme}-${width}.png`, fullPage: true })
        await context.close()
      }
    }
  }
  for (const context of people) await context.close()
}

/** Gives each page something to show. */
async function furnish(id) {
  await roomreel.call('PUT', `/v1/recordings/${id}/hold`, { reason: 'Case 4711' })
  await roomreel.call('POST', `/v1/recordings/${id}/compositions`, { layout: 'speaker', width: 854, height: 480, to_s: 20 })
  await roomreel.call('POST', `/v1/recordings/${id}/compositions`, { layout: 'grid', format: 'm4a', to_s: 20 })
  const { data } = await roomreel.call('GET', `/v1/recordings/${id}/manifest`).then(({ parts }) => ({ data: parts }))
  await roomreel.call('POST', `/v1/recordings/${id}/uploads`, { url: `${roomreel.url}/no-such-bucket/part.webm`, part: data[0].id })
  await roomreel.call('POST', '/v1/webhooks', { url: `${roomreel.url}/hooks`, description: 'The meeting app' })
  await roomreel.call('POST', '/v1/webhooks', { url: 'http://127.0.0.1:9/billing', description: 'Billing', types: ['recording.*'] })
  for (const { id: hook } of (await roomreel.call('GET', '/v1/webhooks')).data) await roomreel.call('POST', `/v1/webhooks/${hook}/test`)
  await until('films', async () => (await roomreel.call('GET', `/v1/recordings/${id}/compositions`)).data.every(({ state }) => state === 'ready' || state === 'failed'), 120_000)
}
