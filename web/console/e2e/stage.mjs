// A real roomreel and a real Chromium for the tests beside this file.
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { createSocket } from 'node:dgram'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { chromium } from 'playwright-core'

export const program = fileURLToPath(new URL('../../../bin/roomreel', import.meta.url))
export const patience = 60_000

function freeTCP() {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

function freeUDP() {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4').once('error', reject).bind(0, '127.0.0.1', () => {
      const { port } = socket.address()
      socket.close(() => resolve(port))
    })
  })
}

/** Starts `roomreel dev`; data is a folder that outlives it, if given. */
export async function startRoomreel({ data, config } = {}) {
  const folder = data ?? (await mkdtemp(join(tmpdir(), 'roomreel-e2e-')))
  const [api, livekit, udp] = [await freeTCP(), await freeTCP(), await freeUDP()]
  const key = 'e2e-admin-key-0123456789'
  const child = spawn(program, [...(config ? ['--config', config] : []), 'dev'], {
    env: {
      ...process.env, ROOMREEL_DATA: folder, ROOMREEL_LISTEN: `127.0.0.1:${api}`, ROOMREEL_ADMIN_KEYS: key, ROOMREEL_DEV_LIVEKIT_PORT: String(livekit),
      ROOMREEL_DEV_UDP_PORT: String(udp), LIVEKIT_API_KEY: 'e2ekey', LIVEKIT_API_SECRET: 'e2e-secret-0123456789abcdefghijklmnop', ROOMREEL_LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`roomreel dev ended with ${code}`)))
    child.stdout.on('data', (text) => String(text).includes('Ctrl-C') && resolve())
  })
  const url = `http://127.0.0.1:${api}`
  return {
    url,
    key,
    folder,
    call: async (method, path, body) => {
      const response = await fetch(url + path, { method, headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' }, body: body && JSON.stringify(body) })
      const answer = await response.json()
      if (!response.ok) throw new Error(`${method} ${path}: ${answer.code}: ${answer.detail}`)
      return answer
    },
    stop: async () => {
      child.kill('SIGINT')
      await ended
      if (!data) await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Chromium with a camera and a microphone that need no hardware. */
export function startChromium() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', '--autoplay-policy=no-user-gesture-required', '--mute-audio', '--lang=en-US'],
  })
}

/** A new window; what goes wrong in its pages is kept in problems. */
export async function openWindow(browser, options = {}) {
  const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1440, height: 900 }, permissions: ['camera', 'microphone', 'clipboard-read', 'clipboard-write'], ...options })
  context.setDefaultTimeout(patience)
  const page = await context.newPage()
  const problems = []
  page.on('pageerror', (error) => problems.push(String(error)))
  page.on('console', (message) => {
    // Paths that a server does not know, and a sign-in that is asked for, are shown on the page;
    // LiveKit's client complains of the end of a room that the server closed.
    if (message.type() === 'error' && !/status of (401|404|409)|data ?channel/i.test(message.text())) problems.push(message.text())
  })
  return { context, page, problems }
}

export async function signIn(page, roomreel, path = '/console/') {
  await page.goto(roomreel.url + path)
  await page.locator('input[type=password]').fill(roomreel.key)
  await page.locator('button[type=submit]').click()
  await page.locator('#main').waitFor()
}

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds serious on a page as it is, and whether it is wider than its window. */
export async function look(page, path) {
  // Evaluated from outside: the page's own policy keeps scripts out that are not from it.
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(`${axe};0`)
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }))
  const found = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical').map(({ id, nodes }) => `${path}: ${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 160)).join(' | ')}`)
  const excess = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  if (excess > 0) found.push(`${path}: ${excess} px wider than the window`)
  return found
}

/** Waits for a condition, asking again and again. */
export async function until(what, condition, timeout = patience) {
  const end = Date.now() + timeout
  for (;;) {
    const value = await condition()
    if (value) return value
    if (Date.now() > end) throw new Error(`waited ${timeout / 1000} s in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** Goes to a page by the navigation. */
export function go(page, name) {
  return page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name, exact: true }).click()
}
