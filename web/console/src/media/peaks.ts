import { call } from '../api/client'
import type { Peaks } from '../api/types'

// A browser opens six connections to a host; waveforms take no more than two.
const most = 2
let running = 0
const queue: (() => void)[] = []

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= most) await new Promise<void>((go) => queue.push(go))
  running++
  try {
    return await work()
  } finally {
    running--
    queue.shift()?.()
  }
}

/** Seconds of sound that one detailed request covers. */
export const chunk = 600
const coarse = 4000

const kept = new Map<string, Promise<Peaks | undefined>>()

/** Peaks of a whole part; or, given a chunk, of that stretch of its file in all detail. */
export function peaksOf(recording: string, part: string, index?: number): Promise<Peaks | undefined> {
  const key = `${part}/${index ?? ''}`
  let peaks = kept.get(key)
  if (!peaks) {
    const range = index === undefined ? `points=${coarse}` : `from_s=${index * chunk}&to_s=${(index + 1) * chunk}&points=10000`
    peaks = inTurn(() => call<Peaks>('GET', `/v1/recordings/${recording}/parts/${part}/peaks?${range}`)).catch(() => {
      kept.delete(key)
      return undefined
    })
    kept.set(key, peaks)
    if (kept.size > 400) kept.delete(kept.keys().next().value!)
  }
  return peaks
}
