import type { Peaks } from '../api/types'
import { clock } from '../format'
import { axisStep, fileTime, type Lane, type Span } from './lanes'

export const laneHeight = 56
export const axisHeight = 28

/** The stretch of the timeline in sight, in seconds. */
export interface View {
  from: number
  to: number
}

export interface Colours {
  line: string
  text: string
  muted: string
  present: string
  wave: string
  waveQuiet: string
  video: string
  screen: string
  bad: string
  warn: string
  surface: string
}

/** Reads the theme's colours, which canvas cannot do by itself. */
export function coloursOf(element: Element): Colours {
  const style = getComputedStyle(element)
  const probe = document.createElement('span')
  element.append(probe)
  const read = (name: string) => {
    probe.style.color = `var(${name})`
    return getComputedStyle(probe).color
  }
  const colours = {
    line: read('--line'), text: style.color, muted: read('--muted'), present: read('--sunken'), wave: read('--good'), waveQuiet: read('--line-strong'),
    video: read('--accent'), screen: read('--screen'), bad: read('--rec'), warn: read('--warn'), surface: read('--surface'),
  }
  probe.remove()
  return colours
}

/** Sizes the canvas to its box on the screen's pixels and hands out a clean context. */
export function prepare(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const scale = window.devicePixelRatio || 1
  if (canvas.width !== Math.round(width * scale) || canvas.height !== Math.round(height * scale)) {
    canvas.width = Math.round(width * scale)
    canvas.height = Math.round(height * scale)
  }
  const g = canvas.getContext('2d')!
  g.setTransform(scale, 0, 0, scale, 0, 0)
  g.clearRect(0, 0, width, height)
  return g
}

export function drawAxis(g: CanvasRenderingContext2D, width: number, view: View, c: Colours) {
  const step = axisStep((view.to - view.from) / width)
  g.font = '12px system-ui, sans-serif'
  g.textBaseline = 'middle'
  for (let at = Math.ceil(view.from / step) * step; at <= view.to; at += step) {
    const x = Math.round(((at - view.from) / (view.to - view.from)) * width) + 0.5
    g.fillStyle = c.line
    g.fillRect(x, axisHeight - 7, 1, 7)
    g.fillStyle = c.muted
    const label = clock(at) + (step < 1 && at % 1 ? '.5' : '')
    if (x + 4 + g.measureText(label).width < width) g.fillText(label, x + 4, 11)
  }
}

/** Draws one participant's lane; peaks are those at hand. */
export function drawLane(g: CanvasRenderingContext2D, width: number, view: View, lane: Lane, peaks: ReadonlyMap<string, Peaks[]>, c: Colours) {
  const perSecond = width / (view.to - view.from)
  const x = (at: number) => (at - view.from) * perSecond
  const fill = (list: Span[], top: number, height: number, colour: string, least = 0) => {
    g.fillStyle = colour
    for (const span of list) {
      const left = Math.max(0, x(span.from))
      const right = Math.min(width, x(span.to))
      if (right > 0 && left < width && right >= left) g.fillRect(left, top, Math.max(right - left, least), height)
    }
  }
  g.fillStyle = c.line
  g.fillRect(0, 0, width, 1)
  fill(lane.present, 1, laneHeight - 1, c.present)
  fill(lane.video, 6, 5, c.video, 1)
  fill(lane.screen, 12, 5, c.screen, 1)

  const middle = 37
  const half = 15
  for (const sound of lane.sounds) {
    if (sound.to < view.from || sound.from > view.to) continue
    const sets = peaks.get(sound.part.id) ?? []
    const first = Math.max(0, Math.floor(x(sound.from)))
    const last = Math.min(width, Math.ceil(x(sound.to)))
    g.fillStyle = c.waveQuiet
    g.fillRect(first, middle, Math.max(1, last - first), 1)
    if (sets.length === 0) continue
    g.fillStyle = c.wave
    for (let px = first; px < last; px++) {
      const level = loudest(sets, fileTime(sound.part, view.from + px / perSecond), fileTime(sound.part, view.from + (px + 1) / perSecond))
      // The lower third of the scale is the room's noise.
      const height = Math.max(0, (level / 255 - 0.3) / 0.7) * half
      if (height >= 0.5) g.fillRect(px, middle - height, 1, 2 * height)
    }
  }
  hatch(g, lane.muted, x, width, 20, 34, c)
  fill(lane.stalled, 20, 34, translucent(c.warn), 2)
  fill(lane.freezes, 6, 11, c.warn, 2)
  fill(lane.gaps, 48, 6, c.bad, 2)
  g.fillStyle = c.text
  for (const border of lane.borders) {
    const at = Math.round(x(border))
    for (let y = 3; y < laneHeight; y += 6) g.fillRect(at, y, 1, 3)
  }
}

function loudest(sets: Peaks[], from: number, to: number): number {
  let most = 0
  // The finest set that covers the moment comes last.
  for (let i = sets.length - 1; i >= 0; i--) {
    const set = sets[i]
    const first = Math.floor((from - set.from_s) / set.interval_s)
    const last = Math.max(first, Math.ceil((to - set.from_s) / set.interval_s) - 1)
    if (first < 0 || first >= set.levels.length) continue
    for (let j = first; j <= last && j < set.levels.length; j++) most = Math.max(most, set.levels[j])
    return most
  }
  return most
}

function translucent(colour: string): string {
  return colour.replace(/^rgb\((.*)\)$/, 'rgba($1, .35)').replace(/^color\((.*)\)$/, 'color($1 / .35)')
}

function hatch(g: CanvasRenderingContext2D, list: Span[], x: (at: number) => number, width: number, top: number, height: number, c: Colours) {
  g.save()
  g.strokeStyle = c.waveQuiet
  g.lineWidth = 1
  for (const span of list) {
    const left = Math.max(0, x(span.from))
    const right = Math.min(width, x(span.to))
    if (right <= left) continue
    g.save()
    g.beginPath()
    g.rect(left, top, right - left, height)
    g.clip()
    g.beginPath()
    for (let s = Math.floor(left / 7) * 7 - height; s < right; s += 7) {
      g.moveTo(s, top + height)
      g.lineTo(s + height, top)
    }
    g.stroke()
    g.restore()
  }
  g.restore()
}
