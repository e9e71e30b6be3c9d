import { describe, expect, test } from 'vitest'
import { type Box, boxesLike, pixels, within } from './boxes'

const box = (more: Partial<Box>): Box => ({ x: 0, y: 0, w: 0.5, h: 0.5, fit: 'auto', who: '', ...more })

describe('boxes of a custom layout', () => {
  test('stay on the canvas', () => {
    expect(within(box({ x: 0.8, y: -1 }))).toEqual(box({ x: 0.5, y: 0 }))
    expect(within(box({ w: 0, h: 2 }))).toEqual(box({ w: 0.05, h: 1 }))
  })
  test('are even pixels that do not leave the picture', () => {
    expect(pixels([box({ who: 'host' }), box({ x: 0.5, y: 0.5, who: '@anna', fit: 'cover' }), box({ x: 1 / 3, w: 2 / 3 })], 854, 480)).toEqual([
      { x: 0, y: 0, width: 428, height: 240, fit: 'auto', role: 'host' },
      { x: 428, y: 240, width: 426, height: 240, fit: 'cover', participant: 'anna' },
      { x: 284, y: 0, width: 570, height: 240, fit: 'auto' },
    ])
  })
  test('begin as a layout that there is', () => {
    expect(boxesLike('pip', 3).map(({ who }) => who)).toEqual(['speaker', ''])
    for (const name of ['grid', 'speaker', 'host-bottom', 'share']) for (const { x, y, w, h } of boxesLike(name, 9)) expect(Math.max(x + w, y + h)).toBeLessThan(1.0001)
  })
})
