import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Pause, Play, Square } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'wouter'
import { call } from '../api/client'
import { began } from '../api/recording'
import type { Recording } from '../api/types'
import { bytes, clock, number, spoken } from '../format'
import { Dialog } from './dialog'
import { useSay, useSayError } from './toasts'

/** How long a recording that runs has lasted, and what can be done with it. */
export function RecordingControls({ recording }: { recording: Recording }) {
  const { t } = useTranslation()
  const who = recording.selection?.identities?.join(', ')
  return (
    <>
      <Elapsed recording={recording} />
      <Link href={`/recordings/${recording.id}`} className="small">{who ? t('live.chosen', { who }) : t('live.everybody')}</Link>
      {recording.error && <span className="small">{recording.error.message}</span>}
      <RecordingActions recording={recording} />
    </>
  )
}

/** Pause, resume and stop. */
export function RecordingActions({ recording }: { recording: Recording }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const say = useSay()
  const sayError = useSayError()
  const [asking, setAsking] = useState(false)
  const verb = useMutation({
    mutationFn: (name: 'pause' | 'resume' | 'stop') => call<Recording>('POST', `/v1/recordings/${recording.id}/${name}`),
    onSuccess: (_, name) => say(t(`live.did.${name}`, { room: recording.room })),
    onError: sayError,
    onSettled: () => Promise.all(['recordings', 'recording'].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  })
  return (
    <div className="row" style={{ marginInlineStart: 'auto' }}>
      {recording.state === 'paused' ? (
        <button type="button" className="button small" disabled={verb.isPending} onClick={() => verb.mutate('resume')}><Play size={14} aria-hidden /> {t('live.resume')}</button>
      ) : (
        <button type="button" className="button small" disabled={verb.isPending || recording.state !== 'recording'} onClick={() => verb.mutate('pause')}><Pause size={14} aria-hidden /> {t('live.pause')}</button>
      )}
      <button type="button" className="button small danger" disabled={verb.isPending || recording.state === 'stopping'} onClick={() => setAsking(true)}><Square size={12} fill="currentColor" aria-hidden /> {t('live.stop')}</button>
      {asking && (
        <Dialog title={t('live.stopTitle', { room: recording.room })} onClose={() => setAsking(false)}>
          <p>{t('live.stopHint')}</p>
          <div className="actions">
            <button type="button" className="button" onClick={() => setAsking(false)}>{t('live.keep')}</button>
            <button type="button" className="button record" onClick={() => { setAsking(false); verb.mutate('stop') }}>{t('live.stopNow')}</button>
          </div>
        </Dialog>
      )}
    </div>
  )
}

/** Counts from when a recording began. */
export function Elapsed({ recording }: { recording: Recording }) {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const tick = setInterval(() => setNow(Date.now()), 1000)
    return () => clearInterval(tick)
  }, [])
  const seconds = Math.max(0, (now - new Date(began(recording)).getTime()) / 1000)
  return <time className="num" dateTime={`PT${Math.floor(seconds)}S`} aria-label={spoken(seconds)}>{clock(seconds)}</time>
}

/** What flows into a recording now. */
export function LiveTracks({ recording }: { recording: Recording }) {
  const { t } = useTranslation()
  const tracks = recording.live ?? []
  if (tracks.length === 0) return <p className="small muted">{t('live.nothingFlows')}</p>
  const stalled = tracks.filter((track) => !track.flowing && !track.muted)
  const size = tracks.reduce((sum, track) => sum + track.bytes, 0)
  const lost = tracks.reduce((sum, track) => sum + track.lost, 0)
  const packets = tracks.reduce((sum, track) => sum + track.packets, 0)
  return (
    <p className="small num">
      {t('live.flowing', { count: tracks.filter((track) => track.flowing).length, of: tracks.length })} · {bytes(size)} · {t('live.lost', { lost: number(lost), packets: number(packets) })}
      {stalled.length > 0 && <strong> · {t('live.stalled', { who: stalled.map((track) => `${track.participant} (${track.kind})`).join(', ') })}</strong>}
    </p>
  )
}
