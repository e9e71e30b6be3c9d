import { Headphones, ZoomIn, ZoomOut, Volume2, VolumeX } from 'lucide-react'
import { memo, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Peaks } from '../../api/types'
import { clock, spoken } from '../../format'
import { type Desk, heard, useTransport } from '../../media/desk'
import { axisHeight, type Colours, coloursOf, drawAxis, drawLane, laneHeight, prepare, type View } from '../../media/draw'
import { fileTime, type Lane } from '../../media/lanes'
import { chunk, peaksOf } from '../../media/peaks'
import type { Transport } from '../../media/transport'

const closest = 5 // s that the deepest zoom shows

interface Props {
  recording: string
  lanes: Lane[]
  transport: Transport
  /** Absent where a film plays, in which nobody can be muted. */
  desk?: Desk
  onDesk: (desk: Desk) => void
}

/** A lane per participant. Each lane is a canvas that draws only what is in sight. */
export function Timeline({ recording, lanes, transport, desk, onDesk }: Props) {
  const { t } = useTranslation()
  const duration = Math.max(transport.duration, 1)
  const box = useRef<HTMLDivElement>(null)
  const [width, setWidth] = useState(0)
  const [view, setView] = useState<View>({ from: 0, to: duration })
  const colours = useColours(box)
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)))
    observer.observe(box.current!)
    return () => observer.disconnect()
  }, [])
  const show = useCallback((from: number, span: number) => {
    const length = Math.min(duration, Math.max(Math.min(closest, duration), span))
    const start = Math.min(duration - length, Math.max(0, from))
    setView({ from: start, to: start + length })
  }, [duration])
  const zoom = useCallback((factor: number, around: number) => setView((old) => {
    const length = Math.min(duration, Math.max(Math.min(closest, duration), (old.to - old.from) * factor))
    const start = Math.min(duration - length, Math.max(0, around - ((around - old.from) / (old.to - old.from)) * length))
    return { from: start, to: start + length }
  }), [duration])

  // React listens to wheels passively; zooming must keep the page where it is.
  useEffect(() => {
    const element = box.current!
    const onWheel = (event: WheelEvent) => {
      if (event.ctrlKey || event.metaKey) {
        event.preventDefault()
        const x = event.clientX - element.getBoundingClientRect().left
        zoom(Math.exp(event.deltaY / 300), view.from + (x / width) * (view.to - view.from))
      } else if (event.deltaX || event.shiftKey) {
        event.preventDefault()
        show(view.from + ((event.deltaX || event.deltaY) / width) * (view.to - view.from), view.to - view.from)
      }
    }
    element.addEventListener('wheel', onWheel, { passive: false })
    return () => element.removeEventListener('wheel', onWheel)
  }, [view, width, show, zoom])

  const seekTo = (event: React.PointerEvent) => {
    const x = event.clientX - box.current!.getBoundingClientRect().left
    transport.seek(view.from + (x / width) * (view.to - view.from))
  }
  const onKeyDown = (event: React.KeyboardEvent) => {
    const at = transport.time()
    const step = event.shiftKey ? 30 : 5
    const act: Record<string, () => void> = {
      ArrowLeft: () => transport.seek(at - step), ArrowRight: () => transport.seek(at + step),
      ArrowDown: () => transport.seek(at - step), ArrowUp: () => transport.seek(at + step),
      PageDown: () => transport.seek(at - 60), PageUp: () => transport.seek(at + 60),
      Home: () => transport.seek(0), End: () => transport.seek(duration),
      '+': () => zoom(0.5, at), '=': () => zoom(0.5, at), '-': () => zoom(2, at), '0': () => show(0, duration),
    }
    if (!act[event.key]) return
    act[event.key]()
    event.preventDefault()
    event.stopPropagation()
  }
  return (
    <>
      <div className="timeline">
        <div className="names">
          {lanes.map((lane) => <LaneName key={lane.identity} lane={lane} desk={desk} onDesk={onDesk} />)}
        </div>
        <Slider duration={duration} transport={transport} onKeyDown={onKeyDown}>
          <div
            ref={box}
            style={{ position: 'relative', overflow: 'hidden' }}
            onPointerDown={(event) => { event.currentTarget.setPointerCapture(event.pointerId); seekTo(event) }}
            onPointerMove={(event) => event.buttons === 1 && seekTo(event)}
          >
            {width > 0 && colours && (
              <>
                <Axis width={width} view={view} colours={colours} />
                {lanes.map((lane) => <LaneCanvas key={lane.identity} recording={recording} lane={lane} width={width} view={view} colours={colours} />)}
                <Playhead transport={transport} view={view} width={width} />
              </>
            )}
          </div>
        </Slider>
      </div>
      <div className="transport" style={{ borderTop: '1px solid var(--line)' }}>
        <button type="button" className="button quiet small icon" onClick={() => zoom(2, transport.time())}><ZoomOut size={16} aria-hidden /><span className="sr">{t('timeline.zoomOut')}</span></button>
        <button type="button" className="button quiet small icon" onClick={() => zoom(0.5, transport.time())}><ZoomIn size={16} aria-hidden /><span className="sr">{t('timeline.zoomIn')}</span></button>
        <button type="button" className="button quiet small" onClick={() => show(0, duration)}>{t('timeline.all')}</button>
        <label className="row grow">
          <span className="sr">{t('timeline.pan')}</span>
          <input
            type="range" className="grow" min={0} step={0.1} max={Math.max(0.1, duration - (view.to - view.from))} value={view.from} disabled={view.to - view.from >= duration - 0.01}
            aria-valuetext={spoken(view.from)} onChange={(event) => show(Number(event.target.value), view.to - view.from)}
          />
        </label>
        <span className="small muted num">{clock(view.from)} – {clock(view.to)}</span>
      </div>
      <Legend />
      <AsTable lanes={lanes} transport={transport} />
    </>
  )
}

/** The lanes as one slider: what a keyboard and a screen reader hold on to. */
function Slider({ duration, transport, onKeyDown, children }: { duration: number; transport: Transport; onKeyDown: (event: React.KeyboardEvent) => void; children: React.ReactNode }) {
  const { t } = useTranslation()
  const { second } = useTransport(transport)
  return (
    <div
      className="lanes" role="slider" tabIndex={0} aria-label={t('timeline.label')} aria-valuemin={0} aria-valuemax={Math.round(duration)}
      aria-valuenow={Math.round(second)} aria-valuetext={spoken(second)} onKeyDown={onKeyDown}
    >
      {children}
    </div>
  )
}

function useColours(box: React.RefObject<HTMLElement | null>): Colours | undefined {
  const [colours, setColours] = useState<Colours>()
  useEffect(() => {
    const read = () => setColours(coloursOf(box.current!))
    read()
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    scheme.addEventListener('change', read)
    const observer = new MutationObserver(read)
    observer.observe(document.documentElement, { attributeFilter: ['data-theme'] })
    return () => { scheme.removeEventListener('change', read); observer.disconnect() }
  }, [box])
  return colours
}

const Axis = memo(function Axis({ width, view, colours }: { width: number; view: View; colours: Colours }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => drawAxis(prepare(canvas.current!, width, axisHeight), width, view, colours), [width, view, colours])
  return <canvas ref={canvas} style={{ height: axisHeight }} aria-hidden />
})

const LaneCanvas = memo(function LaneCanvas({ recording, lane, width, view, colours }: { recording: string; lane: Lane; width: number; view: View; colours: Colours }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [near, setNear] = useState(false)
  const [peaks, setPeaks] = useState<ReadonlyMap<string, Peaks[]>>(new Map())
  useEffect(() => {
    const observer = new IntersectionObserver(([entry]) => setNear(entry.isIntersecting), { rootMargin: '200px' })
    observer.observe(canvas.current!)
    return () => observer.disconnect()
  }, [])
  useEffect(() => {
    if (!near) return
    let gone = false
    const wait = setTimeout(() => {
      for (const { part, from, to } of lane.sounds) {
        if (to < view.from || from > view.to) continue
        const wanted = [peaksOf(recording, part.id)]
        if (view.to - view.from < 2 * chunk && part.duration_s > 2 * chunk) {
          const first = Math.max(0, Math.floor(fileTime(part, view.from) / chunk))
          const last = Math.floor(Math.min(part.duration_s, fileTime(part, view.to)) / chunk)
          for (let i = first; i <= last; i++) wanted.push(peaksOf(recording, part.id, i))
        }
        for (const promise of wanted) {
          void promise.then((set) => {
            if (gone || !set) return
            setPeaks((old) => {
              const sets = old.get(part.id) ?? []
              return sets.includes(set) ? old : new Map(old).set(part.id, [...sets, set].sort((a, b) => b.interval_s - a.interval_s))
            })
          })
        }
      }
    }, 120)
    return () => { gone = true; clearTimeout(wait) }
  }, [near, recording, lane, view])
  useEffect(() => {
    if (!near) return
    const frame = requestAnimationFrame(() => drawLane(prepare(canvas.current!, width, laneHeight), width, view, lane, peaks, colours))
    return () => cancelAnimationFrame(frame)
  }, [near, width, view, lane, peaks, colours])
  return <canvas ref={canvas} style={{ height: laneHeight }} aria-hidden />
})

/** Moves by itself, sixty times a second, without rendering anything anew. */
function Playhead({ transport, view, width }: { transport: Transport; view: View; width: number }) {
  const ref = useRef<HTMLDivElement>(null)
  useEffect(() => {
    let frame = 0
    const place = () => {
      const x = ((transport.time() - view.from) / (view.to - view.from)) * width
      ref.current!.style.transform = `translateX(${x}px)`
      ref.current!.style.visibility = x < -1 || x > width + 1 ? 'hidden' : 'visible'
      frame = transport.playing ? requestAnimationFrame(place) : 0
    }
    const wake = () => { if (!frame) place() }
    place()
    const off = transport.subscribe(wake)
    return () => { off(); cancelAnimationFrame(frame) }
  }, [transport, view, width])
  return <div ref={ref} className="playhead" aria-hidden />
}

function LaneName({ lane, desk, onDesk }: { lane: Lane; desk?: Desk; onDesk: (desk: Desk) => void }) {
  const { t } = useTranslation()
  const toggle = (set: ReadonlySet<string>) => {
    const next = new Set(set)
    if (!next.delete(lane.identity)) next.add(lane.identity)
    return next
  }
  return (
    <div className="lane-name">
      <span className="grow clip" title={lane.identity}>{lane.name}</span>
      {desk && lane.sounds.length > 0 && (
        <>
          <button type="button" className="button quiet small icon" aria-pressed={desk.muted.has(lane.identity)} title={t('player.mute', { name: lane.name })} onClick={() => onDesk({ ...desk, muted: toggle(desk.muted) })}>
            {heard(desk, lane.identity) ? <Volume2 size={15} aria-hidden /> : <VolumeX size={15} aria-hidden />}<span className="sr">{t('player.mute', { name: lane.name })}</span>
          </button>
          <button type="button" className="button quiet small icon" aria-pressed={desk.solo.has(lane.identity)} title={t('player.solo', { name: lane.name })} onClick={() => onDesk({ ...desk, solo: toggle(desk.solo) })}>
            <Headphones size={15} aria-hidden /><span className="sr">{t('player.solo', { name: lane.name })}</span>
          </button>
        </>
      )}
    </div>
  )
}

function Legend() {
  const { t } = useTranslation()
  return (
    <div className="legend" aria-hidden>
      <span><i style={{ background: 'var(--accent)' }} />{t('legend.video')}</span>
      <span><i style={{ background: 'var(--screen)' }} />{t('legend.screen')}</span>
      <span><i style={{ background: 'var(--good)' }} />{t('legend.sound')}</span>
      <span><i style={{ background: 'repeating-linear-gradient(-45deg, var(--line-strong) 0 1px, transparent 1px 5px)' }} />{t('legend.muted')}</span>
      <span><i style={{ background: 'var(--warn)' }} />{t('legend.freeze')}</span>
      <span><i style={{ background: 'var(--rec)' }} />{t('legend.gap')}</span>
      <span><i style={{ background: 'color-mix(in srgb, var(--warn) 35%, transparent)' }} />{t('legend.stalled')}</span>
      <span><i style={{ borderInlineStart: '2px dashed var(--text)', width: 2, borderRadius: 0, height: 14 }} />{t('legend.border')}</span>
    </div>
  )
}

/** The same as text, for whoever cannot see the lanes. */
function AsTable({ lanes, transport }: { lanes: Lane[]; transport: Transport }) {
  const { t } = useTranslation()
  const [open, setOpen] = useState(false)
  const rows = useMemo(() => open ? lanes.flatMap((lane) => (
    [['legend.present', lane.present], ['legend.video', lane.video], ['legend.screen', lane.screen], ['legend.speaking', lane.speaking], ['legend.muted', lane.muted], ['legend.freeze', lane.freezes], ['legend.gap', lane.gaps], ['legend.stalled', lane.stalled]] as const
  ).flatMap(([what, list]) => list.map((span) => ({ lane, what, span })))).sort((a, b) => a.span.from - b.span.from).slice(0, 2000) : [], [lanes, open])
  return (
    <details style={{ borderTop: '1px solid var(--line)' }} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary style={{ padding: '10px 14px', cursor: 'pointer' }} className="small">{t('timeline.asTable')}</summary>
      <div className="scroll-x" style={{ maxHeight: 360, overflow: 'auto' }} tabIndex={0} role="region" aria-label={t('timeline.asTable')}>
        <table className="table">
          <thead><tr><th>{t('field.participant')}</th><th>{t('timeline.what')}</th><th>{t('timeline.from')}</th><th>{t('timeline.to')}</th></tr></thead>
          <tbody>
            {rows.map(({ lane, what, span }, i) => (
              <tr key={i}><td>{lane.name}</td><td>{t(what)}</td><td><button type="button" className="button quiet small num" onClick={() => transport.seek(span.from)}>{clock(span.from)}</button></td><td className="num">{clock(span.to)}</td></tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  )
}
