import type { Part } from '../api/types'
import { fileTime } from './lanes'

/** What plays, pauses and seeks: the parts together, or a film. Times are in seconds on the timeline. */
export interface Transport {
  readonly duration: number
  readonly playing: boolean
  readonly waiting: boolean
  time(): number
  play(): void
  pause(): void
  seek(at: number): void
  rate: number
  subscribe(listener: () => void): () => void
}

abstract class Base {
  private listeners = new Set<() => void>()

  subscribe = (listener: () => void) => {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  protected changed() {
    for (const listener of this.listeners) listener()
  }
}

const tick = 200 // ms between looks at the elements
const jump = 0.25 // s of drift that only a seek mends
const patience = 4000 // ms that one slow file may keep all others waiting

interface Voice {
  part: Part
  element: HTMLMediaElement
}

/**
 * Plays any number of parts as if they were one: a clock of its own is the
 * truth, and every element is kept to it by small changes of speed, or by a
 * seek where it is too far off.
 */
export class PartsTransport extends Base implements Transport {
  playing = false
  waiting = false
  private speed = 1
  private base = 0
  private since = 0
  private waitingSince = 0
  private voices = new Set<Voice>()
  private timer = 0

  /** Opens at a moment, so that there is something to see before anybody plays. */
  constructor(
    readonly duration: number,
    opening = 0,
  ) {
    super()
    this.base = opening
  }

  time() {
    if (!this.playing || this.waiting) return this.base
    return Math.min(this.duration, this.base + ((performance.now() - this.since) / 1000) * this.speed)
  }

  get rate() {
    return this.speed
  }

  set rate(rate: number) {
    this.hold()
    this.speed = rate
    for (const { element } of this.voices) element.playbackRate = rate
    this.changed()
  }

  play() {
    if (this.playing) return
    if (this.base >= this.duration) this.base = 0
    this.playing = true
    this.since = performance.now()
    this.timer = window.setInterval(() => this.align(), tick)
    this.align()
    this.changed()
  }

  pause() {
    if (!this.playing) return
    this.hold()
    this.playing = false
    this.waiting = false
    clearInterval(this.timer)
    this.align()
    this.changed()
  }

  seek(at: number) {
    this.base = Math.min(this.duration, Math.max(0, at))
    this.since = performance.now()
    this.waiting = false
    this.align(true)
    this.changed()
  }

  /** Takes part in the playing until the result is called. */
  attach(part: Part, element: HTMLMediaElement): () => void {
    const voice = { part, element }
    this.voices.add(voice)
    element.preservesPitch = true
    this.alignVoice(voice, true)
    return () => {
      element.pause()
      this.voices.delete(voice)
    }
  }

  close() {
    clearInterval(this.timer)
    this.playing = false
  }

  /** Keeps the clock where it is: what follows counts from now. */
  private hold() {
    this.base = this.time()
    this.since = performance.now()
  }

  private align(exact = false) {
    const slow = this.playing && [...this.voices].some((voice) => this.wanted(voice) !== undefined && voice.element.readyState < 3 && !voice.element.error)
    if (slow && !this.waiting) {
      this.hold()
      this.waiting = true
      this.waitingSince = performance.now()
      this.changed()
    } else if (this.waiting && (!slow || performance.now() - this.waitingSince > patience)) {
      this.since = performance.now()
      this.waiting = false
      this.changed()
    }
    for (const voice of this.voices) this.alignVoice(voice, exact)
    if (this.playing && this.time() >= this.duration) {
      this.pause()
    }
  }

  /** Where in its file a voice should be, or undefined outside of it. */
  private wanted({ part }: Voice): number | undefined {
    const at = fileTime(part, this.time())
    return at >= 0 && at < part.duration_s ? at : undefined
  }

  private alignVoice(voice: Voice, exact: boolean) {
    const { element } = voice
    const at = this.wanted(voice)
    if (at === undefined || element.error) {
      if (!element.paused) element.pause()
      return
    }
    const off = element.currentTime - at
    if (exact || Math.abs(off) > jump) element.currentTime = at
    const run = this.playing && !this.waiting
    if (run && element.paused) void element.play().catch(() => {})
    if (!run && !element.paused) element.pause()
    element.playbackRate = this.speed * (1 - Math.max(-0.06, Math.min(0.06, Math.abs(off) > jump ? 0 : off)))
  }
}

/** Lets a film's own element lead; offset is where the film begins on the timeline. */
export class FilmTransport extends Base implements Transport {
  private element?: HTMLMediaElement

  constructor(
    readonly duration: number,
    private offset: number,
  ) {
    super()
  }

  attach(element: HTMLMediaElement): () => void {
    this.element = element
    const tell = () => this.changed()
    const events = ['play', 'pause', 'seeked', 'seeking', 'ratechange', 'ended', 'waiting', 'playing']
    for (const event of events) element.addEventListener(event, tell)
    return () => {
      for (const event of events) element.removeEventListener(event, tell)
      this.element = undefined
    }
  }

  get playing() {
    return this.element ? !this.element.paused && !this.element.ended : false
  }

  get waiting() {
    return this.element ? this.playing && this.element.readyState < 3 : false
  }

  get rate() {
    return this.element?.playbackRate ?? 1
  }

  set rate(rate: number) {
    if (this.element) this.element.playbackRate = rate
  }

  time() {
    return this.offset + (this.element?.currentTime ?? 0)
  }

  play() {
    void this.element?.play().catch(() => {})
  }

  pause() {
    this.element?.pause()
  }

  seek(at: number) {
    if (this.element) this.element.currentTime = Math.max(0, at - this.offset)
    this.changed()
  }
}
