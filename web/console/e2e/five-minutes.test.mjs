// A newcomer's first five minutes: sign in, see a live meeting, record it,
// watch, stop, see the timeline, make the film, play it, see the webhook.
import assert from 'node:assert/strict'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test as nodeTest } from 'node:test'
import { go, look, openWindow, signIn, startChromium, startRoomreel, until } from './stage.mjs'

let roomreel, browser, visitor, admin, hooks
const arrived = []

// Each step stands on the one before.
let failed = false
const test = (name, step) => nodeTest(name, async (t) => {
  if (failed) return t.skip('a step before failed')
  failed = true
  await step(t)
  failed = false
})

before(async () => {
  hooks = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += chunk)).on('end', () => {
      arrived.push({ id: request.headers['webhook-id'], ...JSON.parse(body) })
      response.writeHead(200).end('thanks')
    })
  })
  await new Promise((resolve) => hooks.listen(0, '127.0.0.1', resolve))
  const config = join(await mkdtemp(join(tmpdir(), 'roomreel-config-')), 'roomreel.yaml')
  await writeFile(config, 'outgoing: {allow_http: true, any_port: true, allow_networks: [127.0.0.0/8]}\n')
  roomreel = await startRoomreel({ config })
  browser = await startChromium()
})

after(async () => {
  await browser?.close()
  await roomreel?.stop()
  hooks?.close()
})

test('a visitor joins without a key', async () => {
  visitor = await openWindow(browser)
  await visitor.page.goto(`${roomreel.url}/join/?room=hello`)
  await visitor.page.getByLabel('Your name').fill('Anna')
  await visitor.page.getByRole('button', { name: /^Join with/ }).click()
  await visitor.page.locator('.lk-participant-tile video').first().waitFor()
})

test('signs in; a wrong key is told', async () => {
  admin = await openWindow(browser)
  const { page } = admin
  await page.goto(roomreel.url)
  await page.getByLabel('Admin key').fill('this-is-not-the-key')
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('alert').getByText('The key is not valid').waitFor()
  await signIn(page, roomreel)
  const [cookie] = await admin.context.cookies()
  assert.deepEqual({ name: cookie.name, httpOnly: cookie.httpOnly, sameSite: cookie.sameSite }, { name: 'roomreel_session', httpOnly: true, sameSite: 'Strict' })
})

test('tells an application by webhook', async () => {
  const { page } = admin
  await go(page, 'Webhooks')
  await page.getByRole('button', { name: 'Add endpoint' }).click()
  await page.getByLabel('URL').fill(`http://127.0.0.1:${hooks.address().port}/hooks`)
  await page.getByRole('dialog').getByRole('button', { name: 'Add endpoint' }).click()
  await page.getByRole('dialog').getByText('whsec_').waitFor()
  await page.getByRole('button', { name: 'I have kept it' }).click()
  await page.getByRole('button', { name: 'Send a test' }).click()
  await until('the test event', () => arrived.length > 0)
})

test('watches the meeting unseen, for a reason that is kept', async () => {
  const { page } = admin
  await go(page, 'Live')
  await page.getByRole('region', { name: 'Room hello' }).getByRole('button', { name: 'Watch' }).click()
  await page.getByLabel('Who you are').fill('sam')
  await page.getByLabel('Why you watch').fill('quality review')
  await page.getByRole('dialog').getByRole('button', { name: 'Watch' }).click()
  await playing(page, '.lk-participant-tile video')
  await shot(page, 'watch')
  assert.deepEqual(await look(page, 'watching'), [])
  assert.equal(await visitor.page.locator('.lk-participant-tile').count(), 1)
  assert.ok(!page.url().includes('token'))
  await page.getByRole('button', { name: 'Stop watching' }).click()
  await go(page, 'Supervision')
  await page.getByRole('row').filter({ hasText: 'began to watch' }).getByText('quality review').waitFor()
  await page.getByText('Nobody watches').waitFor()
  await shot(page, 'supervision')
})

test('sees the meeting, records, pauses and stops it', async () => {
  const { page } = admin
  await go(page, 'Live')
  const room = page.getByRole('region', { name: 'Room hello' })
  await room.getByText('Anna').waitFor()
  await room.getByText('Camera on').waitFor({ state: 'attached' })
  await room.getByRole('button', { name: 'Record all' }).click()
  await room.getByText('2 of 2 tracks flow').waitFor()
  await visitor.page.getByText('This room is being recorded').waitFor()
  await shot(page, 'live')
  await shot(visitor.page, 'join')
  assert.deepEqual([...(await look(page, 'live')), ...(await look(visitor.page, 'in a room'))], [])
  await toldNotAsked(page, room.getByText('2 of 2 tracks flow'))
  await room.getByRole('button', { name: 'Pause' }).click()
  await room.getByText('Paused').waitFor()
  await room.getByRole('button', { name: 'Resume' }).click()
  await room.getByText('Recording', { exact: true }).waitFor()
  await until('eight seconds on the clock', async () => Number((await room.locator('time.num').getAttribute('datetime'))?.match(/\d+/)?.[0]) >= 8)
  await room.getByRole('button', { name: 'Stop' }).click()
  await page.getByRole('button', { name: 'Stop recording' }).click()
  await page.getByText('hello is stopped and complete').waitFor()
})

test('plays the parts and seeks on the timeline', async () => {
  const { page } = admin
  await go(page, 'Recordings')
  await page.getByRole('link', { name: 'hello' }).click()
  await until('the new page has the focus', () => page.evaluate(() => document.activeElement?.matches('#main, #main h1')))
  const timeline = page.getByRole('slider', { name: 'Position in the recording' })
  await timeline.waitFor()
  await page.getByRole('button', { name: 'Play', exact: true }).click()
  await playing(page, '.stage video')
  await page.getByRole('button', { name: 'Pause', exact: true }).click()
  await timeline.focus()
  await page.keyboard.press('Home')
  assert.equal(await timeline.getAttribute('aria-valuenow'), '0')
  await page.keyboard.press('ArrowRight')
  await until('five seconds on', async () => (await timeline.getAttribute('aria-valuenow')) === '5')
  const box = await timeline.boundingBox()
  await page.mouse.click(box.x + box.width / 2, box.y + box.height - 20)
  const max = Number(await timeline.getAttribute('aria-valuemax'))
  await until('the middle', async () => Math.abs(Number(await timeline.getAttribute('aria-valuenow')) - max / 2) <= 1)
  await page.getByRole('button', { name: 'Mute Anna' }).click()
  assert.equal(await page.locator('.stage video').first().evaluate((video) => video.muted), true)
})

test('makes the film and plays it', async () => {
  const { page } = admin
  await page.getByRole('button', { name: 'Make a film' }).click()
  await page.getByLabel('Picture size').selectOption('854x480')
  await shot(page, 'film-dialog')
  await page.getByRole('button', { name: 'Make the film' }).click()
  await page.getByRole('link', { name: /^Films/ }).click()
  const film = page.getByRole('region', { name: 'Film, Grid' })
  await film.getByText('Ready').waitFor({ timeout: 180_000 })
  await film.locator('video').evaluate((video) => { video.muted = true; return video.play() })
  await playing(page, 'video')
})

test('sees each webhook with its attempt, and sends one again', async () => {
  const { page } = admin
  await until('recording.stopped', () => arrived.some((event) => event.type === 'recording.stopped'))
  await go(page, 'Webhooks')
  await page.getByRole('link', { name: 'Deliveries' }).click()
  const row = page.getByRole('row').filter({ hasText: 'recording.stopped' })
  await row.getByText('Arrived').waitFor()
  const before = arrived.length
  await shot(page, 'deliveries')
  await row.getByRole('button', { name: /Details/ }).click()
  await page.getByRole('dialog').getByText('thanks').first().waitFor()
  await page.getByRole('button', { name: 'Send again' }).click()
  await until('the same event again', () => arrived.length > before)
  assert.equal(arrived.filter((event) => event.type === 'recording.stopped').length, 2)
  await page.keyboard.press('Escape')
})

test('gives an endpoint a new secret, and sends again what has arrived since yesterday', async () => {
  const { page } = admin
  await page.getByRole('link', { name: 'Endpoints' }).click()
  await page.getByRole('button', { name: 'New secret' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'New secret' }).click()
  await page.getByRole('dialog').getByText('whsec_').waitFor()
  await page.getByRole('button', { name: 'I have kept it' }).click()
  await page.getByRole('button', { name: 'Send again since…' }).click()
  await page.getByLabel('Also what did arrive').check()
  const before = new Set(arrived.map(({ id }) => id))
  const times = arrived.length
  await page.getByRole('dialog').getByRole('button', { name: 'Send again' }).click()
  await page.getByText(/deliveries begin anew/).waitFor()
  await until('each event once more', () => arrived.length >= times + before.size)
  assert.deepEqual(new Set(arrived.map(({ id }) => id)), before)
})

test('an agent is recorded and watched, on the SDK', async () => {
  const { page } = admin
  await go(page, 'SDK demos')
  const [agent, supervisor] = [page.getByRole('log').nth(0), page.getByRole('log').nth(1)]
  await page.getByRole('button', { name: 'Connect with camera' }).click()
  await until('connected', async () => (await agent.textContent()).includes('connected'))
  await page.getByRole('button', { name: 'Record', exact: true }).click()
  await until('STARTED', async () => (await agent.textContent()).includes('state=STARTED'))
  await page.getByRole('button', { name: 'Watch', exact: true }).click()
  await until('a stream', async () => (await supervisor.textContent()).includes('add_stream'))
  await playing(page, 'video[aria-label="camera"]')
  await shot(page, 'demos')
  assert.deepEqual(await look(page, 'demos'), [])
  await page.getByText(/^Picture held back/).waitFor()
  await page.getByRole('button', { name: 'Pause', exact: true }).click()
  await page.getByRole('button', { name: 'Resume', exact: true }).click()
  await page.getByRole('button', { name: 'Pause', exact: true }).waitFor()
  await page.getByRole('button', { name: 'Stop', exact: true }).click()
  await until('STOPPED', async () => (await agent.textContent()).includes('state=STOPPED'))
})

test('speaks Chinese, and signs out', async () => {
  const { page } = admin
  await page.getByLabel('Language').selectOption('zh-CN')
  await page.getByRole('link', { name: '实时' }).waitFor()
  assert.equal(await page.locator('html').getAttribute('lang'), 'zh-CN')
  await page.getByLabel('语言').selectOption('en')
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('Admin key').waitFor()
  assert.deepEqual(await admin.context.cookies(), [])
  assert.deepEqual([...admin.problems, ...visitor.problems], [])
})

/** Waits until what a page tells has changed twice, while the server answers nothing that is asked of recordings. */
async function toldNotAsked(page, figures) {
  const questions = /\/v1\/recordings/
  await page.route(questions, () => {})
  for (let i = 0; i < 2; i++) {
    const before = await figures.textContent()
    await until('fresh figures', async () => (await figures.textContent()) !== before)
  }
  await page.unroute(questions)
}

/** A picture for human eyes, if SHOTS names a folder. */
async function shot(page, name) {
  if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/story-${name}.png` })
}

/** Waits until a video's time advances and its picture changes. */
async function playing(page, selector) {
  const look = () => page.locator(selector).first().evaluate((video) => {
    const canvas = document.createElement('canvas')
    canvas.width = 64
    canvas.height = 36
    const g = canvas.getContext('2d')
    g.drawImage(video, 0, 0, 64, 36)
    return { time: video.currentTime, picture: g.getImageData(0, 0, 64, 36).data.join() }
  })
  let first
  await until('a picture', async () => (first = await look()).picture.split(',').some((value, i) => i % 4 < 3 && value !== '0'))
  await until('time advances and pixels change', async () => {
    const now = await look()
    return now.time > first.time + 1 && now.picture !== first.picture
  })
}
