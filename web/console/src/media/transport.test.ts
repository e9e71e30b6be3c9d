import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Part } from '../api/types'
import { PartsTransport } from './transport'

/** An element that plays by the test's clock, at a rate of its own if it drifts. */
class Element {
  paused = true
  readyState = 4
  error = null
  preservesPitch = false
  seeks = 0
  private rate = 1
  private position = 0
  private since = performance.now()

  constructor(private drift = 1) {}

  get currentTime() {
    return this.position + (this.paused ? 0 : ((performance.now() - this.since) / 1000) * this.rate * this.drift)
  }

  set currentTime(at: number) {
    this.position = at
    this.since = performance.now()
    this.seeks++
  }

  get playbackRate() {
    return this.rate
  }

  set playbackRate(rate: number) {
    this.position = this.currentTime
    this.since = performance.now()
    this.rate = rate
  }

  play() {
    this.position = this.currentTime
    this.since = performance.now()
    this.paused = false
    return Promise.resolve()
  }

  pause() {
    this.position = this.currentTime
    this.paused = true
  }
}

const media = (element: Element) => element as unknown as HTMLMediaElement

const part = (from: number, duration: number) => ({ start_s: from, duration_s: duration, tracks: [{ kind: 'audio', sync: [{ file_s: 0, at_s: from }] }] }) as unknown as Part

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('window', globalThis)
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

test('parts play where they belong, and stop at the end', () => {
  const transport = new PartsTransport(10)
  const [early, late] = [new Element(), new Element()]
  transport.attach(part(0, 6), media(early))
  transport.attach(part(4, 6), media(late))
  transport.play()
  vi.advanceTimersByTime(2000)
  expect([transport.time(), early.paused, late.paused]).toEqual([2, false, true])
  vi.advanceTimersByTime(3000)
  expect([early.paused, late.paused]).toEqual([false, false])
  expect(late.currentTime).toBeCloseTo(1, 1)
  vi.advanceTimersByTime(6000)
  expect([transport.time(), transport.playing, early.paused, late.paused]).toEqual([10, false, true, true])
})

test('an element that runs slow is kept in step without seeking', () => {
  const transport = new PartsTransport(100)
  const slow = new Element(0.99)
  transport.attach(part(0, 100), media(slow))
  transport.play()
  const seeks = slow.seeks
  vi.advanceTimersByTime(60_000)
  expect(Math.abs(slow.currentTime - transport.time())).toBeLessThan(0.25)
  expect(slow.seeks - seeks).toBeLessThanOrEqual(1)
})

test('everybody waits for a file that loads, but not for ever', () => {
  const transport = new PartsTransport(100)
  const stuck = new Element()
  transport.attach(part(0, 100), media(stuck))
  stuck.readyState = 2
  transport.play()
  vi.advanceTimersByTime(1000)
  expect([transport.waiting, transport.time()]).toEqual([true, 0])
  stuck.readyState = 4
  vi.advanceTimersByTime(1000)
  expect(transport.waiting).toBe(false)
  expect(transport.time()).toBeGreaterThan(0.5)
})

test('seeks land where they are sent, within the recording', () => {
  const transport = new PartsTransport(10)
  const element = new Element()
  transport.attach(part(2, 8), media(element))
  transport.seek(5)
  expect(element.currentTime).toBe(3)
  transport.seek(99)
  expect(transport.time()).toBe(10)
  transport.seek(-1)
  expect(transport.time()).toBe(0)
})
