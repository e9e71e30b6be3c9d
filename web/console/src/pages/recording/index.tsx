import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { ChevronLeft, Film, Trash2 } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useLocation } from 'wouter'
import { ApiError, call } from '../../api/client'
import { useInterval } from '../../api/events'
import { began, isFinal, waits } from '../../api/recording'
import type { Composition, Manifest, Page as PageOf, Recording, Room } from '../../api/types'
import { Answer, At, Card, CopyText, Empty, Failure, Loading, Note, Page, State } from '../../components/bits'
import { Dialog } from '../../components/dialog'
import { Elapsed, LiveTracks, RecordingActions } from '../../components/recording-controls'
import { useSay, useSayError } from '../../components/toasts'
import { bytes, clock, number } from '../../format'
import { FilmDialog, Films } from './films'
import { Files } from './files'
import { Hold, HoldNote } from './hold'
import { Player } from './player'
import { RecordingAudit, RecordingWebhooks } from './trail'
import { Uploads } from './uploads'

const ManifestView = lazy(() => import('./manifest'))

const tabs = ['play', 'films', 'files', 'webhooks', 'manifest', 'audit'] as const

export default function RecordingPage({ id, tab = 'play' }: { id: string; tab?: string }) {
  const { t } = useTranslation()
  const [filming, setFilming] = useState(false)
  const fallback = useInterval(3000)
  const recording = useQuery({
    queryKey: ['recording', id],
    queryFn: () => call<Recording>('GET', `/v1/recordings/${id}`),
    refetchInterval: ({ state: { data } }) => (data && isFinal(data) ? false : data && waits(data) ? 3000 : fallback),
  })
  const ended = recording.data !== undefined && isFinal(recording.data)
  const manifest = useQuery({
    queryKey: ['recording', id, 'manifest'],
    queryFn: () => call<Manifest>('GET', `/v1/recordings/${id}/manifest`),
    enabled: ended,
    staleTime: 60_000,
    retry: false,
  })
  const films = useQuery({
    queryKey: ['compositions', id],
    queryFn: () => call<{ data: Composition[] }>('GET', `/v1/recordings/${id}/compositions`),
    refetchInterval: ({ state: { data } }) => (data?.data.some((film) => film.state === 'queued' || film.state === 'composing') ? fallback : false),
  })
  const r = recording.data
  return (
    <Page
      title={r?.room ?? t('recording.title')}
      back={<Link href="/recordings" className="crumb"><ChevronLeft size={16} aria-hidden />{t('nav.recordings')}</Link>}
      lead={<CopyText text={id} />}
      actions={r && (
        <>
          <State state={r.state} />
          {ended && <button type="button" className="button primary" disabled={!manifest.data?.parts.length} onClick={() => setFilming(true)}><Film size={16} aria-hidden /> {t('films.make')}</button>}
          {ended && <Hold recording={r} />}
          {ended && <Delete recording={r} />}
        </>
      )}
    >
      {recording.error && <Failure error={recording.error} retry={() => void recording.refetch()} />}
      {recording.isPending && <Loading />}
      {r && (ended ? <Figures recording={r} manifest={manifest.data} /> : <FiguresSoFar recording={r} />)}
      {r?.error && <Note kind={r.state === 'failed' ? 'bad' : 'warn'}><strong>{r.error.message}</strong> <span className="mono small muted">{r.error.code}</span></Note>}
      {r?.hold && <HoldNote hold={r.hold} />}
      {filming && manifest.data && <FilmDialog manifest={manifest.data} onClose={() => setFilming(false)} />}
      {r && (
        <nav className="tabs" aria-label={t('recording.parts')} ref={(nav) => nav?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' })}>
          {tabs.map((name) => (
            <Link key={name} href={`/recordings/${id}${name === 'play' ? '' : `/${name}`}`} aria-current={tab === name ? 'page' : undefined}>
              {t(`recording.tab.${name}`)}{name === 'films' && films.data?.data.length ? ` (${films.data.data.length})` : ''}
            </Link>
          ))}
        </nav>
      )}
      {r && tab === 'play' && !ended && <Running recording={r} />}
      {r && tab === 'films' && <Answer query={films}>{({ data }) => <Films recording={r} films={data} onMake={() => setFilming(true)} canMake={Boolean(manifest.data?.parts.length)} />}</Answer>}
      {ended && ['play', 'files', 'manifest'].includes(tab) && (
        <Answer query={manifest}>
          {(m) => (
            <>
              {tab === 'play' && <Player manifest={m} films={films.data?.data.filter((film) => film.state === 'ready' && film.media_type?.startsWith('video')) ?? []} />}
              {tab === 'files' && <><Files manifest={m} /><Uploads manifest={m} films={films.data?.data.filter((film) => film.state === 'ready') ?? []} /></>}
              {tab === 'manifest' && <Suspense fallback={<Loading />}><ManifestView value={m} name={`${id}.json`} /></Suspense>}
            </>
          )}
        </Answer>
      )}
      {r && !ended && ['files', 'manifest'].includes(tab) && <Card><Empty icon={<Film size={40} aria-hidden />} title={t('recording.later')} /></Card>}
      {tab === 'webhooks' && <RecordingWebhooks id={id} />}
      {r && tab === 'audit' && <RecordingAudit room={r.room} />}
    </Page>
  )
}

function Figures({ recording: r, manifest }: { recording: Recording; manifest?: Manifest }) {
  const { t } = useTranslation()
  return (
    <dl className="figures">
      <Started recording={r} />
      <div><dt>{t('field.duration')}</dt><dd>{r.duration_s ? clock(r.duration_s) : '–'}</dd></div>
      <div><dt>{t('field.people')}</dt><dd>{manifest ? number(manifest.participants.length) : '–'}</dd></div>
      <div><dt>{t('field.files')}</dt><dd>{number(r.parts)}</dd></div>
      <div><dt>{t('field.size')}</dt><dd>{r.bytes ? bytes(r.bytes) : '–'}</dd></div>
      {r.ended && <div><dt>{t('field.ended')}</dt><dd style={{ fontSize: 15 }}>{t(`ended.${r.ended}`, r.ended)}</dd></div>}
    </dl>
  )
}

function Started({ recording: r }: { recording: Recording }) {
  const { t } = useTranslation()
  return <div><dt>{t('field.started')}</dt><dd style={{ fontSize: 15 }}><At at={began(r)} /></dd></div>
}

/** What a recording that runs has come to, by what flows into it. */
function FiguresSoFar({ recording: r }: { recording: Recording }) {
  const { t } = useTranslation()
  const tracks = r.live ?? []
  return (
    <dl className="figures">
      <Started recording={r} />
      <div><dt>{t('field.duration')}</dt><dd><Elapsed recording={r} /></dd></div>
      <div><dt>{t('field.people')}</dt><dd>{number(new Set(tracks.map(({ participant }) => participant)).size)}</dd></div>
      <div><dt>{t('field.size')}</dt><dd>{bytes(tracks.reduce((sum, track) => sum + track.bytes, 0))}</dd></div>
    </dl>
  )
}

function Running({ recording }: { recording: Recording }) {
  const { t } = useTranslation()
  const rooms = useQuery({ queryKey: ['rooms'], queryFn: () => call<PageOf<Room>>('GET', '/v1/rooms'), retry: false })
  const people = rooms.data?.data.find(({ name }) => name === recording.room)?.participants ?? []
  const nameOf = (identity: string) => people.find((person) => person.identity === identity)?.name || identity
  return (
    <Card title={t('recording.running')} actions={<RecordingActions recording={recording} />} flush>
      <div style={{ padding: '12px 18px' }}><LiveTracks recording={recording} /></div>
      {(recording.live ?? []).length > 0 && (
        <div className="scroll-x" tabIndex={0} role="region" aria-label={t('recording.flow')} style={{ borderTop: '1px solid var(--line)' }}>
          <table className="table stacked">
            <thead><tr><th>{t('field.participant')}</th><th>{t('field.kind')}</th><th>{t('field.codec')}</th><th>{t('field.state')}</th><th className="end">{t('field.packets')}</th><th className="end">{t('field.lost')}</th><th className="end">{t('field.size')}</th></tr></thead>
            <tbody>
              {recording.live?.map((track) => (
                <tr key={track.sid}>
                  <td title={track.participant}>{nameOf(track.participant)} <span className="muted small">{track.stream}</span></td>
                  <td className="nowrap">{t(`kind.${track.kind}`, track.kind)}</td>
                  <td className="mono wide">{track.codec}</td>
                  <td>{track.muted ? t('track.muted') : track.flowing ? t('track.flowing') : <strong>{t('track.stalled')}</strong>}</td>
                  <td className="end num wide">{number(track.packets)}</td>
                  <td className="end num wide">{number(track.lost)}</td>
                  <td className="end num nowrap">{bytes(track.bytes)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  )
}

function Delete({ recording }: { recording: Recording }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const say = useSay()
  const sayError = useSayError()
  const [, go] = useLocation()
  const [asking, setAsking] = useState(false)
  const [typed, setTyped] = useState('')
  const remove = useMutation({
    mutationFn: () => call('DELETE', `/v1/recordings/${recording.id}`),
    onSuccess: () => {
      say(t('recording.deleted'))
      void client.invalidateQueries({ queryKey: ['recordings'] })
      go('/recordings')
    },
    onError: (error) => sayError(error instanceof ApiError && (error.notServed || error.status === 405) ? new Error(t('error.notServed')) : error),
  })
  return (
    <>
      <button type="button" className="button danger icon" disabled={Boolean(recording.hold)} title={recording.hold && t('hold.held')} onClick={() => setAsking(true)}><Trash2 size={16} aria-hidden /><span className="sr">{t('recording.delete')}</span></button>
      {asking && (
        <Dialog title={t('recording.delete')} onClose={() => setAsking(false)}>
          <form className="form" onSubmit={(event) => { event.preventDefault(); setAsking(false); remove.mutate() }}>
            <p>{t('recording.deleteHint')}</p>
            <div className="field">
              <label htmlFor="delete-room">{t('recording.deleteType', { room: recording.room })}</label>
              <input id="delete-room" value={typed} autoComplete="off" onChange={(event) => setTyped(event.target.value)} />
            </div>
            <div className="actions">
              <button type="button" className="button" onClick={() => setAsking(false)}>{t('action.cancel')}</button>
              <button type="submit" className="button record" disabled={typed !== recording.room}>{t('recording.deleteNow')}</button>
            </div>
          </form>
        </Dialog>
      )}
    </>
  )
}
