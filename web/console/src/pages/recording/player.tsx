import { FastForward, Pause, Play, Rewind, Volume2 } from 'lucide-react'
import { useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Composition, Manifest, Part } from '../../api/types'
import { Avatar } from '../../components/bits'
import { clock, spoken } from '../../format'
import { type Desk, heard, useTransport } from '../../media/desk'
import { fileTime, lanesOf } from '../../media/lanes'
import { FilmTransport, PartsTransport, type Transport } from '../../media/transport'
import { Timeline } from './timeline'

/** The parts in step, or a film, above a timeline that seeks both. */
export function Player({ manifest, films }: { manifest: Manifest; films: Composition[] }) {
  const { t } = useTranslation()
  const [source, setSource] = useState('')
  const film = films.find((f) => f.id === source)
  const lanes = useMemo(() => lanesOf(manifest), [manifest])
  const [desk, setDesk] = useState<Desk>({ muted: new Set(), solo: new Set() })
  const transport = useMemo(
    () => (film ? new FilmTransport(manifest.duration_s, film.spec.from_s ?? 0) : new PartsTransport(manifest.duration_s, firstPicture(manifest))),
    [manifest, film],
  )
  useEffect(() => () => transport instanceof PartsTransport ? transport.close() : undefined, [transport])
  const onKeyDown = (event: React.KeyboardEvent) => {
    const on = event.target as HTMLElement
    if (event.ctrlKey || event.metaKey || event.altKey || ['INPUT', 'SELECT', 'TEXTAREA', 'VIDEO'].includes(on.tagName)) return
    const act: Record<string, () => void> = {
      k: () => (transport.playing ? transport.pause() : transport.play()),
      j: () => transport.seek(transport.time() - 10),
      l: () => transport.seek(transport.time() + 10),
    }
    if (event.key === ' ' && on.tagName !== 'BUTTON' && on.tagName !== 'A') act.k()
    else if (act[event.key.toLowerCase()]) act[event.key.toLowerCase()]()
    else return
    event.preventDefault()
  }
  return (
    <section className="card" aria-label={t('player.title')} onKeyDown={onKeyDown}>
      {film && transport instanceof FilmTransport ? <FilmStage film={film} transport={transport} /> : null}
      {transport instanceof PartsTransport ? <PartsStage manifest={manifest} transport={transport} desk={desk} /> : null}
      <Bar transport={transport}>
        <label className="row" style={{ marginInlineStart: 'auto' }}>
          <span className="small muted nowrap">{t('player.source')}</span>
          <select value={source} onChange={(event) => setSource(event.target.value)} style={{ width: 'auto', maxWidth: 260 }}>
            <option value="">{t('player.parts')}</option>
            {films.map((f) => {
              const layout = f.spec.layout ?? 'grid'
              return <option key={f.id} value={f.id}>{t('player.film', { layout: t(`layout.${layout}`, layout), format: f.spec.format, size: `${f.width}×${f.height}` })}</option>
            })}
          </select>
        </label>
      </Bar>
      <Timeline recording={manifest.id} lanes={lanes} transport={transport} desk={film ? undefined : desk} onDesk={setDesk} />
    </section>
  )
}

/** The moment of the first picture, if it comes soon. */
function firstPicture(manifest: Manifest): number {
  const soon = 15
  const first = Math.min(...manifest.parts.flatMap((part) => part.tracks.filter((track) => track.kind === 'video').map((track) => track.start_s)))
  return first < soon ? first + 0.05 : 0
}

function Bar({ transport, children }: { transport: Transport; children: React.ReactNode }) {
  const { t } = useTranslation()
  const { playing, waiting, second } = useTransport(transport)
  const [rate, setRate] = useState(1)
  return (
    <div className="transport">
      <button type="button" className="button primary icon" onClick={() => (playing ? transport.pause() : transport.play())}>
        {playing ? <Pause size={18} fill="currentColor" aria-hidden /> : <Play size={18} fill="currentColor" aria-hidden />}
        <span className="sr">{playing ? t('player.pause') : t('player.play')}</span>
      </button>
      <button type="button" className="button quiet icon" onClick={() => transport.seek(transport.time() - 10)}><Rewind size={18} aria-hidden /><span className="sr">{t('player.back')}</span></button>
      <button type="button" className="button quiet icon" onClick={() => transport.seek(transport.time() + 10)}><FastForward size={18} aria-hidden /><span className="sr">{t('player.forward')}</span></button>
      <span className="num nowrap" aria-label={t('player.position', { at: spoken(second), of: spoken(transport.duration) })} role="timer" aria-live="off">{clock(second)} <span className="muted">/ {clock(transport.duration)}</span></span>
      {waiting && <span className="small muted" role="status">{t('player.waiting')}</span>}
      <label className="row">
        <span className="sr">{t('player.speed')}</span>
        <select value={rate} style={{ width: 'auto' }} onChange={(event) => { const next = Number(event.target.value); setRate(next); transport.rate = next }}>
          {[0.5, 1, 1.25, 1.5, 2].map((value) => <option key={value} value={value}>{value}×</option>)}
        </select>
      </label>
      {children}
    </div>
  )
}

function FilmStage({ film, transport }: { film: Composition; transport: FilmTransport }) {
  const { t } = useTranslation()
  const ref = useRef<HTMLVideoElement>(null)
  useEffect(() => (ref.current ? transport.attach(ref.current) : undefined), [transport])
  return <video ref={ref} className="film" src={film.media} preload="metadata" playsInline controls aria-label={t('player.filmLabel')} />
}

const ahead = 8 // s before it begins that a part starts to load

function PartsStage({ manifest, transport, desk }: { manifest: Manifest; transport: PartsTransport; desk: Desk }) {
  const { t } = useTranslation()
  const { second } = useTransport(transport)
  const names = useMemo(() => new Map(manifest.participants.map((p) => [p.identity, p.name || p.identity])), [manifest])
  const near = manifest.parts.filter((part) => {
    const at = fileTime(part, second)
    return at > -ahead && at < part.duration_s + 1
  })
  const inSight = near.filter((part) => seen(part, second) || main(part, second))
  const columns = Math.ceil(Math.sqrt(inSight.length || 1))
  return (
    <div className="stage" style={{ gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`, gridAutoRows: 'minmax(0, 1fr)' }}>
      {inSight.length === 0 && <p style={{ placeSelf: 'center' }}>{t('player.nobody')}</p>}
      {near.map((part) => (
        <PartTile
          key={part.id}
          recording={manifest.id}
          part={part}
          name={names.get(part.participant) ?? part.participant}
          hidden={!inSight.includes(part)}
          picture={seen(part, second)}
          muted={!heard(desk, part.participant)}
          transport={transport}
        />
      ))}
    </div>
  )
}

/** Whether a part shows a picture at the moment. */
function seen(part: Part, at: number): boolean {
  return part.tracks.some((track) => track.kind === 'video' && track.start_s <= at && at < track.end_s && !track.muted?.some((m) => m.from_s <= at && at < m.to_s))
}

/** Whether a part stands for its participant even without a picture. */
function main(part: Part, at: number): boolean {
  return part.tracks.some((track) => track.kind === 'audio' && !track.source.startsWith('screen') && track.start_s <= at && at < track.end_s)
}

function PartTile({ recording, part, name, hidden, picture, muted, transport }: {
  recording: string; part: Part; name: string; hidden: boolean; picture: boolean; muted: boolean; transport: PartsTransport
}) {
  const { t } = useTranslation()
  const ref = useRef<HTMLVideoElement>(null)
  const [broken, setBroken] = useState(false)
  useEffect(() => transport.attach(part, ref.current!), [transport, part])
  return (
    <div className="tile" style={hidden ? { display: 'none' } : undefined}>
      {!picture && <Avatar name={name} />}
      {broken && <p className="small" style={{ padding: 16, textAlign: 'center' }}>{t('player.cannotPlay')}</p>}
      <video ref={ref} src={`/v1/recordings/${recording}/parts/${part.id}/media`} preload="auto" playsInline muted={muted} onError={() => setBroken(true)} style={picture && !broken ? undefined : { opacity: 0 }} aria-label={name} />
      <span className="plate">{!muted && <Volume2 size={13} aria-hidden />}{name}{part.tracks.some((track) => track.kind === 'video' && track.source.startsWith('screen')) ? ` · ${t('track.screen')}` : ''}</span>
    </div>
  )
}
