// Five thousand recordings, and four hours of twenty people, stay smooth: while
// the list scrolls and the timeline zooms, frames come, and few are late.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { rm } from 'node:fs/promises'
import { large } from './large.mjs'
import { openWindow, signIn, startChromium, startRoomreel, until } from './stage.mjs'

let roomreel, browser, archive

before(async () => {
  archive = await large({ recordings: 5000, people: 20, seconds: 4 * 3600 })
  roomreel = await startRoomreel({ data: archive.folder })
  browser = await startChromium()
  await until('all recordings taken up', async () => (await roomreel.call('GET', `/v1/recordings/${archive.ids[0]}`).catch(() => undefined))?.state === 'stopped')
})

after(async () => {
  await browser?.close()
  await roomreel?.stop()
  if (archive) await rm(archive.folder, { recursive: true, force: true })
})

/**
 * Runs act in the page once a frame. Measures the time from frame to frame, which also counts what else the machine
 * does, and the processor time that the page's main thread took for a frame, which does not.
 */
async function measure(page, frames, act) {
  const inspector = await page.context().newCDPSession(page)
  await inspector.send('Performance.enable', { timeDomain: 'threadTicks' })
  const busy = async () => (await inspector.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration').value
  const before = await busy()
  const figures = await frameTimes(page, frames, act)
  return { ...figures, cpu_ms_per_frame: Math.round(((await busy()) - before) * 100_000 / frames) / 100 }
}

function frameTimes(page, frames, act) {
  // As text: the page's policy allows no code to be made in it.
  return page.evaluate(`(async () => {
    const count = ${frames}
    const act = (i) => { ${act} }
    const long = []
    const observer = new PerformanceObserver((list) => long.push(...list.getEntries().map((entry) => entry.duration)))
    observer.observe({ type: 'longtask' })
    const gaps = []
    let last = performance.now()
    for (let i = 0; i < count; i++) {
      act(i)
      await new Promise(requestAnimationFrame)
      const now = performance.now()
      gaps.push(now - last)
      last = now
    }
    observer.disconnect()
    gaps.sort((a, b) => a - b)
    return { median_ms: gaps[count >> 1], p95_ms: gaps[Math.floor(count * 0.95)], longtasks: long.length, longest_ms: Math.max(0, ...long) }
  })()`)
}

test('5,000 recordings', async () => {
  const { context, page } = await openWindow(browser)
  await signIn(page, roomreel, '/console/recordings')
  await page.getByRole('table').waitFor()
  // All pages are there once the list has been seen to its end.
  await until('the end of the list', async () => {
    await page.locator('.list').evaluate((list) => list.scrollTo(0, list.scrollHeight))
    return page.getByText(/^5,?000 recordings$/).isVisible()
  }, 120_000)
  for (const pixels of [300, 900]) { // a fling of the wheel; dragging the scroll bar
    await page.locator('.list').evaluate((list) => list.scrollTo(0, 0))
    const figures = await measure(page, 300, `document.querySelector('.list').scrollTop += ${pixels}`)
    const rows = await page.locator('.list-row').count()
    console.log(`5,000 recordings, scrolling ${pixels} px a frame:`, JSON.stringify({ ...figures, rows_in_document: rows }))
    assert.ok(rows < 60, `${rows} rows are in the document`)
  }
  const asked = Date.now()
  await page.getByLabel('Search rooms, people, labels').fill('room-17')
  await page.getByText('125 recordings').waitFor()
  console.log(`125 of 5,000 found in ${Date.now() - asked} ms, of which 250 wait for the reader to pause`)
  await context.close()
})

test('four hours, twenty people', async () => {
  const { context, page } = await openWindow(browser)
  await signIn(page, roomreel, `/console/recordings/${archive.ids[0]}`)
  const timeline = page.getByRole('slider', { name: 'Position in the recording' })
  await timeline.waitFor()
  assert.equal(await page.locator('.lanes canvas').count(), 21)
  const zoom = await measure(page, 120, "document.querySelector('.lanes').dispatchEvent(new KeyboardEvent('keydown', { key: i % 60 < 30 ? '+' : '-', bubbles: true }))")
  await timeline.press('+')
  await timeline.press('+')
  const pan = await measure(page, 120, "const e = document.querySelector('.lanes > div'); e.dispatchEvent(new WheelEvent('wheel', { deltaX: i < 60 ? 40 : -40, bubbles: true, cancelable: true }))")
  console.log('4 h x 20 people, zooming each frame:', JSON.stringify(zoom))
  console.log('4 h x 20 people, panning each frame:', JSON.stringify(pan))
  await context.close()
})
