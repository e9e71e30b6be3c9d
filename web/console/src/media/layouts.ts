/** A tile on a canvas of 160x90; lead marks who it is about. */
export interface Tile {
  x: number
  y: number
  w: number
  h: number
  lead?: boolean
  screen?: boolean
}

const width = 160
const height = 90
const gap = 3

/** Tiles of 16:9 in a block, as large as the canvas allows, the last row centred. */
function grid(n: number): Tile[] {
  if (n <= 1) return [{ x: 0, y: 0, w: width, h: height }]
  let best = { cols: 1, w: 0, h: 0 }
  for (let cols = 1; cols <= n; cols++) {
    const rows = Math.ceil(n / cols)
    let w = (width - gap * (cols + 1)) / cols
    let h = (height - gap * (rows + 1)) / rows
    if (w * 9 > h * 16) w = (h * 16) / 9
    else h = (w * 9) / 16
    if (w * h > best.w * best.h) best = { cols, w, h }
  }
  const { cols, w, h } = best
  const rows = Math.ceil(n / cols)
  const top = (height - rows * h - (rows - 1) * gap) / 2
  return Array.from({ length: n }, (_, i) => {
    const row = Math.floor(i / cols)
    const inRow = Math.min(cols, n - row * cols)
    const left = (width - inRow * w - (inRow - 1) * gap) / 2
    return { x: left + (i % cols) * (w + gap), y: top + row * (h + gap), w, h }
  })
}

function row(n: number, y: number, h: number): Tile[] {
  const w = Math.min((h * 16) / 9, (width - gap * (n - 1)) / Math.max(1, n))
  const left = (width - n * w - (n - 1) * gap) / 2
  return Array.from({ length: n }, (_, i) => ({ x: left + i * (w + gap), y, w, h }))
}

function column(n: number, x: number, w: number): Tile[] {
  const h = (w * 9) / 16
  return Array.from({ length: Math.min(n, Math.floor(height / (h + gap))) }, (_, i) => ({ x, y: gap + i * (h + gap), w, h }))
}

const whole: Tile = { x: 0, y: 0, w: width, h: height, lead: true }

/** The layouts that films can have, by the name the API knows, drawn for n people. */
export const layouts: Record<string, (n: number) => Tile[]> = {
  grid: (n) => grid(Math.min(n, 16)),
  speaker: (n) => (n <= 1 ? [whole] : [{ x: gap, y: gap + 6, w: 118, h: 72, lead: true }, ...column(n - 1, 124, 33)]),
  'host-bottom': (n) => (n <= 1 ? [whole] : [{ x: 0, y: 0, w: width, h: 66, lead: true }, ...row(Math.min(n - 1, 6), 68, 22)]),
  'host-only': () => [whole],
  single: () => [whole],
  pip: (n) => (n <= 1 ? [whole] : [whole, { x: 112, y: 61, w: 43, h: 24 }]),
  share: (n) => [{ x: gap, y: gap + 6, w: 118, h: 72, screen: true }, ...column(Math.max(1, Math.min(n, 1)), 124, 33).map((tile) => ({ ...tile, lead: true }))],
  recorded: (n) => grid(Math.min(n, 4)),
}
