import { Plus, Trash2 } from 'lucide-react'
import { type KeyboardEvent, type PointerEvent, useId, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Manifest } from '../../api/types'
import { type Box, boxesLike, fits, most, roles, within } from '../../media/boxes'
import { layouts } from '../../media/layouts'

const sides = ['x', 'y', 'w', 'h'] as const
const step = 0.01

/** Places the boxes of a custom layout by pointer, by keyboard and by number. */
export function BoxEditor({ boxes, onChange, people, aspect }: { boxes: Box[]; onChange: (boxes: Box[]) => void; people: Manifest['participants']; aspect: string }) {
  const { t } = useTranslation()
  const [chosen, setChosen] = useState(0)
  const canvas = useRef<HTMLDivElement>(null)
  const hint = useId()
  const at = Math.min(chosen, boxes.length - 1)
  const box = boxes[at]
  const change = (i: number, next: Partial<Box>) => onChange(boxes.map((old, k) => (k === i ? within({ ...old, ...next }) : old)))
  const remove = (i: number) => {
    if (boxes.length < 2) return
    onChange(boxes.filter((_, k) => k !== i))
    setChosen(Math.max(0, i - 1))
    canvas.current?.querySelectorAll<HTMLElement>('.box')[Math.max(0, i - 1)]?.focus()
  }
  const nameOf = (who: string) => (who === '' ? t('boxes.next') : who.startsWith('@') ? people.find((p) => `@${p.identity}` === who)?.name || who.slice(1) : t(`boxes.role.${who}`))

  function drag(event: PointerEvent<HTMLElement>, i: number, stretch: boolean) {
    event.preventDefault()
    event.stopPropagation()
    const target = event.currentTarget
    target.closest<HTMLElement>('.box')!.focus()
    const { width, height } = canvas.current!.getBoundingClientRect()
    const { clientX, clientY } = event
    const from = boxes[i]
    target.setPointerCapture(event.pointerId)
    const round = (value: number) => Math.round(value / step) * step
    target.onpointermove = (move) => {
      const dx = (move.clientX - clientX) / width
      const dy = (move.clientY - clientY) / height
      change(i, stretch ? { w: Math.min(round(from.w + dx), 1 - from.x), h: Math.min(round(from.h + dy), 1 - from.y) } : { x: round(from.x + dx), y: round(from.y + dy) })
    }
    target.onlostpointercapture = () => { target.onpointermove = null }
  }

  function key(event: KeyboardEvent, i: number) {
    const way = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key]
    if (event.key === 'Delete' || event.key === 'Backspace') remove(i)
    else if (way && event.shiftKey) change(i, { w: Math.min(boxes[i].w + way[0], 1 - boxes[i].x), h: Math.min(boxes[i].h + way[1], 1 - boxes[i].y) })
    else if (way) change(i, { x: boxes[i].x + way[0], y: boxes[i].y + way[1] })
    else return
    event.preventDefault()
  }

  return (
    <div className="boxes">
      <div>
        <div ref={canvas} className="canvas" style={{ aspectRatio: aspect }} role="group" aria-label={t('boxes.canvas')} aria-describedby={hint}>
          {boxes.map((one, i) => (
            <div
              key={i}
              className="box"
              role="button"
              tabIndex={0}
              aria-pressed={i === at}
              style={{ left: `${one.x * 100}%`, top: `${one.y * 100}%`, width: `${one.w * 100}%`, height: `${one.h * 100}%` }}
              onFocus={() => setChosen(i)}
              onPointerDown={(event) => drag(event, i, false)}
              onKeyDown={(event) => key(event, i)}
            >
              <span aria-hidden>{i + 1}</span>
              <span aria-hidden className="who clip">{nameOf(one.who)}</span>
              <span className="sr">{t('boxes.box', { n: i + 1, who: nameOf(one.who), x: whole(one.x), y: whole(one.y), w: whole(one.w), h: whole(one.h) })}</span>
              <i aria-hidden onPointerDown={(event) => drag(event, i, true)} />
            </div>
          ))}
        </div>
        <p id={hint} className="hint small muted">{t('boxes.hint')}</p>
      </div>
      <div className="form">
        <div className="row between">
          <h3>{t('boxes.one', { n: at + 1, of: boxes.length })}</h3>
          <div className="row">
            <button type="button" className="button small icon" disabled={boxes.length >= most} onClick={() => { onChange([...boxes, { x: 0.7, y: 0.7, w: 0.25, h: 0.25, fit: 'auto', who: '' }]); setChosen(boxes.length) }}><Plus size={15} aria-hidden /><span className="sr">{t('boxes.add')}</span></button>
            <button type="button" className="button small icon" disabled={boxes.length < 2} onClick={() => remove(at)}><Trash2 size={15} aria-hidden /><span className="sr">{t('boxes.remove', { n: at + 1 })}</span></button>
          </div>
        </div>
        <div className="pair four">
          {sides.map((side) => (
            <div key={side} className="field"><label htmlFor={`box-${side}`}>{t(`boxes.${side}`)}</label><input id={`box-${side}`} type="number" min={0} max={100} value={whole(box[side])} onChange={(event) => change(at, { [side]: Number(event.target.value) / 100 })} /></div>
          ))}
        </div>
        <div className="field">
          <label htmlFor="box-who">{t('boxes.who')}</label>
          <select id="box-who" value={box.who} onChange={(event) => change(at, { who: event.target.value })}>
            <option value="">{t('boxes.next')}</option>
            {roles.map((role) => <option key={role} value={role}>{t(`boxes.role.${role}`)}</option>)}
            {people.map((p) => <option key={p.identity} value={`@${p.identity}`}>{p.name || p.identity}</option>)}
          </select>
        </div>
        <div className="pair">
          <div className="field"><label htmlFor="box-fit">{t('boxes.fit')}</label><select id="box-fit" value={box.fit} onChange={(event) => change(at, { fit: event.target.value as Box['fit'] })}>{fits.map((fit) => <option key={fit} value={fit}>{t(`boxes.fits.${fit}`)}</option>)}</select></div>
          <div className="field"><label htmlFor="box-like">{t('boxes.like')}</label><select id="box-like" value="" onChange={(event) => { onChange(boxesLike(event.target.value, Math.max(people.length, 2))); setChosen(0) }}><option value="" disabled>{t('boxes.choose')}</option>{Object.keys(layouts).filter((name) => name !== 'recorded').map((name) => <option key={name} value={name}>{t(`layout.${name}`)}</option>)}</select></div>
        </div>
      </div>
    </div>
  )
}

const whole = (part: number) => Math.round(part * 100)
