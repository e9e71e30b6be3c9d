import { expect, test } from 'vitest'
import type { Manifest, Part, Track } from '../api/types'
import { axisStep, fileTime, lanesOf, union, without } from './lanes'

function track(kind: 'audio' | 'video', from: number, to: number, more: Partial<Track> = {}): Track {
  return {
    number: 1, sids: [], source: kind === 'audio' ? 'microphone' : 'camera', kind, codec: 'x', start_s: from, end_s: to, sync: [{ file_s: 0, at_s: from }],
    residual_s: 0, packets: 0, lost: 0, duplicates: 0, frames: 0, bytes: 0, ...more,
  } as Track
}

function part(id: string, participant: string, stream: string, tracks: Track[]): Part {
  const from = Math.min(...tracks.map((t) => t.start_s))
  const to = Math.max(...tracks.map((t) => t.end_s))
  return { id, participant, stream, tracks, start_s: from, duration_s: to - from, bytes: 1, epoch: 1, ended: 'stop', file: `${id}.webm`, media: '', media_type: '' }
}

test('sorts a manifest into lanes', () => {
  const ben = part('b', 'ben', 'camera', [track('audio', 2, 9, { muted: [{ from_s: 4, to_s: 5 }] }), track('video', 2, 9, { muted: [{ from_s: 3, to_s: 6 }], freezes: [{ from_s: 7, to_s: 8 }] })])
  const anna1 = part('a1', 'anna', 'camera', [track('audio', 0, 4, { gaps: [{ from_s: 1, to_s: 1.5 }] })])
  const anna2 = part('a2', 'anna', 'camera', [track('audio', 5, 9)])
  const screen = part('s', 'anna', 'screen', [track('video', 5, 8, { source: 'screen_share' })])
  const manifest = {
    participants: [
      { identity: 'ben', present: [{ sid: '1', from_s: 2, to_s: 9 }] },
      { identity: 'anna', name: 'Anna', present: [{ sid: '2', from_s: 0, to_s: 4 }, { sid: '3', from_s: 4, to_s: 9 }], speaking: [{ from_s: 1, to_s: 2 }] },
    ],
    parts: [ben, anna1, anna2, screen],
  } as unknown as Manifest
  expect(lanesOf(manifest)).toEqual([
    {
      identity: 'anna', name: 'Anna', present: [{ from: 0, to: 9 }], sounds: [{ part: anna1, from: 0, to: 4 }, { part: anna2, from: 5, to: 9 }], video: [], screen: [{ from: 5, to: 8 }],
      muted: [], speaking: [{ from: 1, to: 2 }], gaps: [{ from: 1, to: 1.5 }], freezes: [], stalled: [], borders: [5],
    },
    {
      identity: 'ben', name: 'ben', present: [{ from: 2, to: 9 }], sounds: [{ part: ben, from: 2, to: 9 }], video: [{ from: 2, to: 3 }, { from: 6, to: 9 }], screen: [],
      muted: [{ from: 4, to: 5 }], speaking: [], gaps: [], freezes: [{ from: 7, to: 8 }], stalled: [], borders: [],
    },
  ])
})

test('finds the place in a file, also where clocks drift', () => {
  const one = part('p', 'a', 'camera', [track('audio', 10, 20, { sync: [{ file_s: 0.5, at_s: 10 }] })])
  expect(fileTime(one, 12)).toBeCloseTo(2.5)
  const drifting = part('p', 'a', 'camera', [track('audio', 10, 210, { sync: [{ file_s: 0, at_s: 10 }, { file_s: 100, at_s: 110.1 }, { file_s: 200, at_s: 210 }] })])
  expect([5, 10, 60.05, 110.1, 160.05, 220].map((at) => fileTime(drifting, at))).toEqual([-4.995, 0, 50, 100, 150, 210.01].map((n) => expect.closeTo(n, 2)))
})

test('joins and cuts spans', () => {
  expect(union([{ from: 5, to: 6 }, { from: 1, to: 3 }, { from: 2, to: 4 }, { from: 4, to: 5 }, { from: 9, to: 9 }])).toEqual([{ from: 1, to: 6 }])
  expect(without([{ from: 0, to: 10 }], [{ from: 0, to: 1 }, { from: 4, to: 5 }, { from: 9, to: 12 }])).toEqual([{ from: 1, to: 4 }, { from: 5, to: 9 }])
})

test('labels an axis with room to read', () => {
  expect([0.01, 0.5, 12].map((perPixel) => axisStep(perPixel))).toEqual([1, 60, 1800])
})
