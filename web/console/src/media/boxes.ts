import type { FilmSpec } from '../api/types'
import { layouts, type Tile } from './layouts'

/** A place of a custom layout, in parts of the canvas from 0 to 1: it fits every picture size. */
export interface Box {
  x: number
  y: number
  w: number
  h: number
  fit: Fit
  /** '' is whoever has no place yet; else host, speaker, screen, or an identity after an @. */
  who: string
}

export const fits = ['auto', 'contain', 'cover'] as const
export type Fit = (typeof fits)[number]
export const roles = ['host', 'speaker', 'screen'] as const

export const smallest = 0.05
export const most = 49

/** Boxes as a layout has them, to begin with. */
export function boxesLike(layout: string, people: number): Box[] {
  return (layouts[layout] ?? layouts.grid)(people).map((tile) => ({
    x: tile.x / 160, y: tile.y / 90, w: tile.w / 160, h: tile.h / 90, fit: 'auto', who: tile.screen ? 'screen' : tile.lead ? 'speaker' : '',
  }))
}

/** A box that lies on the canvas, however it was moved or stretched. */
export function within(box: Box): Box {
  const clamp = (value: number, least: number, most: number) => Math.min(Math.max(value, least), most)
  const w = clamp(box.w, smallest, 1)
  const h = clamp(box.h, smallest, 1)
  return { ...box, w, h, x: clamp(box.x, 0, 1 - w), y: clamp(box.y, 0, 1 - h) }
}

export const tileOf = ({ x, y, w, h, who }: Box): Tile => ({ x: x * 160, y: y * 90, w: w * 160, h: h * 90, screen: who === 'screen', lead: who === 'host' || who === 'speaker' })

/** The boxes in pixels of a picture, even ones as its encoders want them. */
export function pixels(boxes: Box[], width: number, height: number): NonNullable<FilmSpec['boxes']> {
  const even = (n: number) => 2 * Math.round(n / 2)
  return boxes.map((box) => {
    const x = even(box.x * width)
    const y = even(box.y * height)
    return {
      x, y, width: Math.min(even(box.w * width), width - x), height: Math.min(even(box.h * height), height - y), fit: box.fit,
      ...(box.who.startsWith('@') ? { participant: box.who.slice(1) } : box.who && { role: box.who as (typeof roles)[number] }),
    }
  })
}
