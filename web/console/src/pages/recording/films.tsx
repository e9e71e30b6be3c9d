import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Download, Film, RotateCcw, X } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { call } from '../../api/client'
import type { Composition, FilmSpec, Manifest, Recording } from '../../api/types'
import { Ago, Card, CopyText, Empty, Failure, Note, Progress, State } from '../../components/bits'
import { Dialog } from '../../components/dialog'
import { useSay, useSayError } from '../../components/toasts'
import { bytes, clock } from '../../format'
import { boxesLike, pixels, tileOf } from '../../media/boxes'
import { layouts, type Tile } from '../../media/layouts'
import { BoxEditor } from './boxes'

export function Films({ recording, films, onMake, canMake }: { recording: Recording; films: Composition[]; onMake: () => void; canMake: boolean }) {
  const { t } = useTranslation()
  if (films.length === 0) {
    return (
      <Card>
        <Empty icon={<Film size={44} aria-hidden />} title={t('films.none')}>
          <p>{t('films.noneHint')}</p>
          <button type="button" className="button primary" disabled={!canMake} onClick={onMake}>{t('films.make')}</button>
        </Empty>
      </Card>
    )
  }
  const newest = [...films].sort((a, b) => b.created_at.localeCompare(a.created_at))
  // Each watched film holds a connection, of which a browser has six.
  const watched = newest.filter((film) => film.state === 'composing' || film.state === 'queued').slice(-2)
  return (
    <ul className="grid">
      {newest.map((film) => <li key={film.id}><FilmCard recording={recording} film={film} watch={watched.includes(film)} /></li>)}
    </ul>
  )
}

/** The composition as the server tells of it, each time it changes. */
function useWatched(film: Composition, watch: boolean): Composition {
  const client = useQueryClient()
  const [now, setNow] = useState(film)
  useEffect(() => setNow(film), [film])
  useEffect(() => {
    if (!watch) return
    const source = new EventSource(`/v1/recordings/${film.recording_id}/compositions/${film.id}/events`)
    source.addEventListener('composition', (event) => {
      const next = JSON.parse((event as MessageEvent<string>).data) as Composition
      setNow(next)
      if (['ready', 'failed', 'canceled'].includes(next.state)) {
        source.close()
        void client.invalidateQueries({ queryKey: ['compositions', film.recording_id] })
      }
    })
    return () => source.close()
  }, [client, film.id, film.recording_id, watch])
  return now
}

function FilmCard({ recording, film: given, watch }: { recording: Recording; film: Composition; watch: boolean }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const say = useSay()
  const sayError = useSayError()
  const film = useWatched(given, watch)
  const running = film.state === 'queued' || film.state === 'composing'
  const refresh = () => client.invalidateQueries({ queryKey: ['compositions', recording.id] })
  const cancel = useMutation({ mutationFn: () => call('POST', `/v1/recordings/${recording.id}/compositions/${film.id}/cancel`), onSuccess: () => say(t('films.canceled')), onError: sayError, onSettled: refresh })
  const again = useMutation({
    // What was made before it broke is used again.
    mutationFn: () => call('POST', `/v1/recordings/${recording.id}/compositions/${film.id}/retry`),
    onSuccess: () => say(t('films.queued')), onError: sayError, onSettled: refresh,
  })
  const sound = film.spec.format === 'm4a' || film.spec.format === 'opus'
  const layout = film.spec.layout ?? 'grid'
  const files = film.files ?? []
  return (
    <section className="card" aria-label={t('films.film', { layout: t(`layout.${layout}`, layout) })}>
      <header>
        <h2 className="grow">{sound ? t('live.soundOnly') : t(`layout.${layout}`, layout)}</h2>
        <State state={film.state} />
      </header>
      <div className="body stack">
        <dl className="facts">
          <dt>{t('films.format')}</dt><dd>{film.spec.format?.toUpperCase()}{!sound && ` · ${film.width || film.spec.width}×${film.height || film.spec.height} · ${film.spec.frame_rate} fps`}</dd>
          {film.duration_s > 0 && <><dt>{t('field.duration')}</dt><dd className="num">{clock(film.duration_s)} · {bytes(film.bytes)}</dd></>}
          <dt>{t('films.asked')}</dt><dd><Ago at={film.created_at} /></dd>
        </dl>
        {running && (
          <div className="stack tight">
            <Progress value={film.progress} label={t('films.progress')} />
            <p className="small muted num">{Math.round(film.progress)} % · {film.remaining_s > 0 ? t('films.left', { time: clock(film.remaining_s) }) : t('films.waiting')}</p>
          </div>
        )}
        {film.error && film.state === 'failed' && <p className="small">{film.error.message} <span className="mono muted">{film.error.code}</span></p>}
        {film.warnings?.map((warning) => <Note key={warning} kind="warn">{warning}</Note>)}
        {film.state === 'ready' && film.media_type?.startsWith('video') && <video src={film.media} controls preload="metadata" playsInline aria-label={t('player.filmLabel')} style={{ width: '100%', borderRadius: 8, background: '#08090c', aspectRatio: `${film.width || 16}/${film.height || 9}`, maxHeight: 320 }} />}
        {film.state === 'ready' && film.media_type?.startsWith('audio') && <audio src={film.media} controls preload="metadata" aria-label={t('player.filmLabel')} style={{ width: '100%' }} />}
        {film.state === 'ready' && files.length > 1 && (
          <ul className="stack tight small">
            {files.map((file) => <li key={file.name} className="row between"><a className="clip" href={file.media} download>{file.participant ?? file.name}</a><span className="muted num nowrap">{bytes(file.bytes)}</span></li>)}
          </ul>
        )}
        <div className="row wrap">
          {running && <button type="button" className="button small" disabled={cancel.isPending} onClick={() => cancel.mutate()}><X size={14} aria-hidden /> {t('films.cancel')}</button>}
          {(film.state === 'failed' || film.state === 'canceled') && <button type="button" className="button small" disabled={again.isPending} onClick={() => again.mutate()}><RotateCcw size={14} aria-hidden /> {t('films.retry')}</button>}
          {film.state === 'ready' && film.media && <a className="button small" href={film.media} download><Download size={14} aria-hidden /> {t('action.download')}</a>}
          <CopyText text={film.id} label={`${film.id.slice(0, 12)}…`} />
        </div>
      </div>
    </section>
  )
}

const formats = ['mp4', 'webm', 'hls', 'm4a', 'opus', 'people'] as const
type Format = (typeof formats)[number]
const qualities = ['draft', 'standard', 'archive'] as const
const sizes = ['1280x720', '1920x1080', '854x480', '720x1280'] as const

/** Asks which film is wanted, and shows what each layout looks like. */
export function FilmDialog({ manifest, onClose }: { manifest: Manifest; onClose: () => void }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const say = useSay()
  const [layout, setLayout] = useState('grid')
  const [boxes, setBoxes] = useState(() => boxesLike('speaker', Math.max(2, Math.min(manifest.participants.length, 5))))
  const [format, setFormat] = useState<Format>('mp4')
  const [quality, setQuality] = useState<(typeof qualities)[number]>('standard')
  const [host, setHost] = useState('')
  const [title, setTitle] = useState('')
  const [size, setSize] = useState<string>(sizes[0])
  const [from, setFrom] = useState('')
  const [to, setTo] = useState('')
  const start = useMutation({
    mutationFn: () => {
      const [width, height] = size.split('x').map(Number)
      const spec: FilmSpec = { layout, format, quality, width, height }
      if (layout === 'custom') spec.boxes = pixels(boxes, width, height)
      if (host) spec.host = host
      if (title.trim()) spec.title = { text: title.trim() }
      if (from) spec.from_s = Number(from)
      if (to) spec.to_s = Number(to)
      return call<Composition>('POST', `/v1/recordings/${manifest.id}/compositions`, spec)
    },
    onSuccess: () => {
      say(t('films.queued'))
      onClose()
      void client.invalidateQueries({ queryKey: ['compositions', manifest.id] })
    },
  })
  // With one or two people all layouts look alike; a few show what each is.
  const people = Math.max(4, manifest.participants.length)
  return (
    <Dialog title={t('films.make')} wide onClose={onClose}>
      <form className="form" onSubmit={(event) => { event.preventDefault(); start.mutate() }}>
        <fieldset style={{ border: 0, margin: 0, padding: 0 }} className="field">
          <legend className="sr">{t('films.layout')}</legend>
          <span className="label" aria-hidden>{t('films.layout')}</span>
          <div className="layouts">
            {[...Object.entries(layouts).map(([name, tiles]) => [name, tiles(people)] as const), ['custom', boxes.map(tileOf)] as const].map(([name, tiles]) => (
              <label key={name}>
                <input type="radio" name="layout" className="sr" value={name} checked={layout === name} onChange={() => setLayout(name)} />
                <LayoutPicture tiles={tiles} />
                {t(`layout.${name}`)}
              </label>
            ))}
          </div>
          <p className="hint">{t(`layoutHint.${layout}`)}</p>
        </fieldset>
        {layout === 'custom' && <BoxEditor boxes={boxes} onChange={setBoxes} people={manifest.participants} aspect={size.replace('x', '/')} />}
        <div className="pair">
          <div className="field"><label htmlFor="film-format">{t('films.format')}</label><select id="film-format" value={format} onChange={(event) => setFormat(event.target.value as Format)}>{formats.map((value) => <option key={value} value={value}>{t(`films.formats.${value}`)}</option>)}</select></div>
          <div className="field"><label htmlFor="film-quality">{t('films.quality')}</label><select id="film-quality" value={quality} onChange={(event) => setQuality(event.target.value as typeof quality)}>{qualities.map((value) => <option key={value} value={value}>{t(`films.qualities.${value}`)}</option>)}</select></div>
          <div className="field"><label htmlFor="film-size">{t('films.size')}</label><select id="film-size" value={size} onChange={(event) => setSize(event.target.value)}>{sizes.map((value) => <option key={value} value={value}>{value.replace('x', ' × ')}</option>)}</select></div>
          <div className="field"><label htmlFor="film-from">{t('films.from')}</label><input id="film-from" type="number" min={0} max={manifest.duration_s} step="any" placeholder="0" value={from} onChange={(event) => setFrom(event.target.value)} /></div>
          <div className="field"><label htmlFor="film-to">{t('films.to')}</label><input id="film-to" type="number" min={0} step="any" placeholder={manifest.duration_s.toFixed(1)} value={to} onChange={(event) => setTo(event.target.value)} /></div>
          <div className="field"><label htmlFor="film-host">{t('films.host')}</label><select id="film-host" value={host} onChange={(event) => setHost(event.target.value)}><option value="">{t('films.hostFirst')}</option>{manifest.participants.map((p) => <option key={p.identity} value={p.identity}>{p.name || p.identity}</option>)}</select></div>
          <div className="field"><label htmlFor="film-title">{t('films.title')}</label><input id="film-title" maxLength={200} placeholder={t('films.noTitle')} value={title} onChange={(event) => setTitle(event.target.value)} /></div>
        </div>
        {start.error && <Failure error={start.error} />}
        <div className="actions">
          <button type="button" className="button" onClick={onClose}>{t('action.cancel')}</button>
          <button type="submit" className="button primary" disabled={start.isPending}>{t('films.start')}</button>
        </div>
      </form>
    </Dialog>
  )
}

function LayoutPicture({ tiles }: { tiles: Tile[] }) {
  return (
    <svg viewBox="0 0 160 90" aria-hidden>
      <rect width={160} height={90} fill="#11151c" />
      {tiles.map((tile, i) => (
        <g key={i}>
          <rect x={tile.x} y={tile.y} width={tile.w} height={tile.h} rx={2.5} fill={tile.screen ? '#4c3a86' : tile.lead ? '#2c5fd0' : '#39424f'} stroke="#11151c" />
          {tile.screen ? (
            <path d={`M${tile.x + tile.w * 0.2} ${tile.y + tile.h * 0.35}h${tile.w * 0.6}m0 ${tile.h * 0.15}h${-tile.w * 0.6}m0 ${tile.h * 0.15}h${tile.w * 0.4}`} stroke="#c9bdf5" strokeWidth={2} fill="none" />
          ) : (
            <g fill="#ffffffb0">
              <circle cx={tile.x + tile.w / 2} cy={tile.y + tile.h * 0.42} r={tile.h * 0.14} />
              <path d={`M${tile.x + tile.w / 2 - tile.h * 0.26} ${tile.y + tile.h * 0.86}a${tile.h * 0.26} ${tile.h * 0.26} 0 0 1 ${tile.h * 0.52} 0z`} />
            </g>
          )}
        </g>
      ))}
    </svg>
  )
}
