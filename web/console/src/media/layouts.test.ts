import { expect, test } from 'vitest'
import { layouts } from './layouts'

test.each(Object.keys(layouts))('%s stays on the canvas for any number of people', (name) => {
  for (let n = 1; n <= 60; n++) {
    const tiles = layouts[name](n)
    expect(tiles.length).toBeGreaterThan(0)
    for (const { x, y, w, h } of tiles) {
      expect(Math.min(x, y)).toBeGreaterThanOrEqual(0)
      expect(x + w).toBeLessThanOrEqual(160.01)
      expect(y + h).toBeLessThanOrEqual(90.01)
    }
  }
})
