import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Circle, Eye, Mic, MicOff, MonitorUp, Radio, Video, VideoOff } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ApiError, call } from '../api/client'
import { useInterval } from '../api/events'
import { waits } from '../api/recording'
import type { Node, Page as PageOf, Recording, RecordingList, Room, RoomParticipant } from '../api/types'
import { Ago, Avatar, Card, Empty, Failure, Loading, Note, Page, Progress, State } from '../components/bits'
import { Dialog } from '../components/dialog'
import { LiveTracks, RecordingControls } from '../components/recording-controls'
import { useSay, useSayError } from '../components/toasts'
import { WatchDialog } from '../components/watch-dialog'
import { isTime, percent } from '../format'

const active = 'queued,starting,recording,paused,stopping'

export function Live() {
  const { t } = useTranslation()
  const [starting, setStarting] = useState(false)
  // LiveKit tells nobody who joins a room: this has to be asked for.
  const rooms = useQuery({ queryKey: ['rooms'], queryFn: () => call<PageOf<Room>>('GET', '/v1/rooms'), refetchInterval: 4000 })
  const fallback = useInterval(3000)
  const recordings = useQuery({
    queryKey: ['recordings', 'active'],
    queryFn: () => call<RecordingList>('GET', `/v1/recordings?state=${active}&limit=100`),
    refetchInterval: ({ state: { data } }) => (data?.data.some(waits) ? 3000 : fallback),
  })
  const byRoom = Map.groupBy(recordings.data?.data ?? [], (r) => r.room)
  const known = rooms.data?.data ?? []
  // A room that is recorded is shown even where rooms cannot be listed.
  const others = [...byRoom.keys()].filter((name) => !known.some((room) => room.name === name)).map((name): Room => ({ name, sid: name, created_at: '', participants: [], recordings: [] }))
  const all = [...known, ...others]
  return (
    <Page
      title={t('live.title')}
      lead={t('live.lead')}
      actions={<button type="button" className="button record" onClick={() => setStarting(true)}><Circle size={13} fill="currentColor" aria-hidden /> {t('live.recordByName')}</button>}
    >
      {starting && <StartDialog onClose={() => setStarting(false)} />}
      <p className="sr" role="status">{t('live.announce', { rooms: all.length, recordings: recordings.data?.data.length ?? 0 })}</p>
      {rooms.error && !(rooms.error instanceof ApiError && rooms.error.notServed) && <Failure error={rooms.error} retry={() => void rooms.refetch()} />}
      {rooms.error instanceof ApiError && rooms.error.notServed && <Note kind="info">{t('live.noRoomList')}</Note>}
      {recordings.error && <Failure error={recordings.error} />}
      {(rooms.isPending || recordings.isPending) && <Loading />}
      {!rooms.isPending && all.length === 0 && (
        <Card>
          <Empty icon={<Radio size={44} aria-hidden />} title={t('live.none')}>
            <p>{t('live.noneHint')}</p>
            <a className="button" href={`${import.meta.env.BASE_URL}join`}><Video size={16} aria-hidden /> {t('live.joinOne')}</a>
          </Empty>
        </Card>
      )}
      <div className="stack">
        {all.map((room) => <RoomCard key={room.sid} room={room} recordings={byRoom.get(room.name) ?? []} />)}
      </div>
      <NodeLoad />
    </Page>
  )
}

function useStart(then?: () => void) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const say = useSay()
  const sayError = useSayError()
  return useMutation({
    mutationFn: (body: { room: string; selection?: { identities?: string[]; kinds?: string[] }; limits?: object }) => call<Recording>('POST', '/v1/recordings', body),
    onSuccess: (recording) => {
      say(t('live.started', { room: recording.room }))
      then?.()
    },
    onError: sayError,
    onSettled: () => Promise.all(['recordings', 'rooms'].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  })
}

function RoomCard({ room, recordings }: { room: Room; recordings: Recording[] }) {
  const { t } = useTranslation()
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const [watching, setWatching] = useState(false)
  const start = useStart(() => setChosen(new Set()))
  const people = room.participants ?? []
  // A session's room is named like the session, which says nothing to a reader.
  const session = room.name.startsWith('ses_')
  const title = session ? people.map((p) => p.name || p.identity).join(', ') || t('live.session') : room.name
  const here = people.filter((p) => chosen.has(p.identity))
  return (
    <section className="card" aria-label={t('live.room', { room: room.name })}>
      <header>
        <div className="grow" style={{ flexBasis: 260 }}>
          <h2 className="clip">{title}</h2>
          {session && <p className="small muted clip">{people.length > 0 && t('live.session')} <span className="mono">{room.name}</span></p>}
          <p className="small muted">
            {t('live.people', { count: people.length })}{isTime(room.created_at) && <> · {t('live.open')} <Ago at={room.created_at} /></>}
          </p>
        </div>
        <div className="row wrap">
          <button type="button" className="button" onClick={() => setWatching(true)}><Eye size={16} aria-hidden /> {t('live.watch')}</button>
          {here.length > 0 && (
            <button type="button" className="button" disabled={start.isPending} onClick={() => start.mutate({ room: room.name, selection: { identities: here.map((p) => p.identity) } })}>
              {t('live.recordChosen', { count: here.length })}
            </button>
          )}
          <button type="button" className="button record" disabled={start.isPending || recordings.some((r) => !r.selection)} onClick={() => start.mutate({ room: room.name })}>
            <Circle size={13} fill="currentColor" aria-hidden /> {t('live.recordAll')}
          </button>
        </div>
      </header>
      {watching && <WatchDialog room={room.name} onClose={() => setWatching(false)} />}
      {recordings.map((recording) => (
        <div key={recording.id} className={recording.state === 'paused' ? 'strip paused' : 'strip'}>
          <div className="grow row wrap">
            <State state={recording.state} />
            <RecordingControls recording={recording} />
          </div>
          <div style={{ flexBasis: '100%' }}><LiveTracks recording={recording} /></div>
        </div>
      ))}
      {people.length === 0 && <p className="body muted" style={{ padding: '14px 18px' }}>{t('live.nobody')}</p>}
      {people.length > 0 && (
        <ul>
          {people.map((person) => (
            <li key={person.sid} className="person">
              <input
                type="checkbox"
                aria-label={t('live.choose', { name: person.name || person.identity })}
                checked={chosen.has(person.identity)}
                onChange={(event) => {
                  const next = new Set(chosen)
                  if (event.target.checked) next.add(person.identity)
                  else next.delete(person.identity)
                  setChosen(next)
                }}
              />
              <Avatar name={person.name || person.identity} />
              <div className="grow">
                <p className="clip">{person.name || person.identity}</p>
                <p className="small muted clip">{person.name && person.name !== person.identity ? `${person.identity} · ` : ''}{t('live.joined')} <Ago at={person.joined_at} /></p>
              </div>
              <Tracks person={person} />
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

function Tracks({ person }: { person: RoomParticipant }) {
  const { t } = useTranslation()
  const find = (source: string) => person.tracks?.find((track) => track.source.toLowerCase() === source)
  const microphone = find('microphone')
  const camera = find('camera')
  const screen = find('screen_share')
  const on = (track?: { muted?: boolean }) => track !== undefined && !track.muted
  return (
    <div className="tracks">
      <span className={on(microphone) ? '' : 'off'}>
        {on(microphone) ? <Mic size={18} aria-hidden /> : <MicOff size={18} aria-hidden />}
        <span className="sr">{on(microphone) ? t('track.microphoneOn') : t('track.microphoneOff')}</span>
      </span>
      <span className={on(camera) ? '' : 'off'} title={camera?.width ? `${camera.width}×${camera.height} ${camera.codec ?? ''}` : undefined}>
        {on(camera) ? <Video size={18} aria-hidden /> : <VideoOff size={18} aria-hidden />}
        <span className="sr">{on(camera) ? t('track.cameraOn') : t('track.cameraOff')}</span>
      </span>
      {on(screen) && <span><MonitorUp size={18} aria-hidden /><span className="sr">{t('track.sharing')}</span></span>}
    </div>
  )
}

function StartDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation()
  const [room, setRoom] = useState('')
  const [sound, setSound] = useState(false)
  const [minutes, setMinutes] = useState('')
  const start = useStart(onClose)
  return (
    <Dialog title={t('live.recordByName')} onClose={onClose}>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          start.mutate({
            room: room.trim(),
            selection: sound ? { kinds: ['audio'] } : undefined,
            limits: minutes ? { max_duration_s: Number(minutes) * 60 } : undefined,
          })
        }}
      >
        <div className="field">
          <label htmlFor="start-room">{t('field.room')}</label>
          <input id="start-room" required maxLength={256} value={room} onChange={(event) => setRoom(event.target.value)} autoComplete="off" />
        </div>
        <label className="check"><input type="checkbox" checked={sound} onChange={(event) => setSound(event.target.checked)} /> {t('live.soundOnly')}</label>
        <div className="field">
          <label htmlFor="start-limit">{t('live.limit')}</label>
          <input id="start-limit" type="number" min={1} max={43200} value={minutes} onChange={(event) => setMinutes(event.target.value)} placeholder={t('live.noLimit')} />
        </div>
        {start.error ? <Failure error={start.error} /> : null}
        <div className="actions">
          <button type="button" className="button" onClick={onClose}>{t('action.cancel')}</button>
          <button type="submit" className="button record" disabled={start.isPending}>{t('live.record')}</button>
        </div>
      </form>
    </Dialog>
  )
}

function NodeLoad() {
  const { t } = useTranslation()
  // Load is of the moment: no event tells of it.
  const nodes = useQuery({ queryKey: ['nodes'], queryFn: () => call<PageOf<Node>>('GET', '/v1/nodes'), refetchInterval: 10_000 })
  if (!nodes.data?.data.length) return null
  return (
    <Card title={t('live.nodes')}>
      <ul className="grid">
        {nodes.data.data.map((node) => (
          <li key={node.name} className="stack tight">
            <div className="row between"><strong className="clip">{node.name}</strong><span className="small muted num">{t('nodes.load', { load: percent(node.load ?? 0) })}</span></div>
            <Progress value={(node.load ?? 0) * 100} label={t('nodes.loadOf', { node: node.name })} />
          </li>
        ))}
      </ul>
    </Card>
  )
}
