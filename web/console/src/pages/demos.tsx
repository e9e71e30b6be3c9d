import { createAgent, createSupervisor, type QualityLimitationDurations, type Statistics } from '@roomreel/sdk'
import { useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { call } from '../api/client'
import type { MintedToken } from '../api/types'
import { Card, Failure, Page } from '../components/bits'
import { number } from '../format'

const mint = (role: 'agent' | 'supervisor', subject: string, agent?: string) =>
  call<MintedToken>('POST', '/v1/tokens', { role, subject, agent_id: agent, ttl_s: 600 }).then(({ token }) => token)

/** An agent and a supervisor, on the SDK that applications use. */
export default function Demos() {
  const { t } = useTranslation()
  return (
    <Page title={t('demos.title')} lead={t('demos.lead')}>
      <div className="grid" style={{ gridTemplateColumns: 'repeat(auto-fit, minmax(min(100%, 420px), 1fr))', alignItems: 'start' }}>
        <AgentDemo />
        <SupervisorDemo />
      </div>
    </Page>
  )
}

type Event = { type: string } & Record<string, unknown>

/** Keeps the SDK's events as lines, newest first. */
function useLog(): [string[], (event: Event) => void] {
  const [lines, setLines] = useState<string[]>([])
  const add = useMemo(() => (event: Event) => {
    const plain = Object.entries(event).filter(([, value]) => typeof value !== 'object' && typeof value !== 'function').map(([key, value]) => (key === 'type' ? String(value) : `${key}=${String(value)}`))
    setLines((old) => [`${new Date().toLocaleTimeString()}  ${plain.join('  ')}`, ...old].slice(0, 50))
  }, [])
  return [lines, add]
}

function AgentDemo() {
  const { t } = useTranslation()
  const agent = useMemo(() => createAgent(), [])
  const video = useRef<HTMLVideoElement>(null)
  const [id, setId] = useState('agent-1')
  const [state, setState] = useState<'away' | 'busy' | 'connected' | 'recording' | 'paused'>('away')
  const [held, setHeld] = useState<QualityLimitationDurations>()
  const [error, setError] = useState<unknown>()
  const [lines, log] = useLog()
  useEffect(() => {
    const listen = (event: Event) => {
      log(event)
      if (event.type === 'disconnected') setState('away')
      if (event.type === 'statistics_ready') (event.statistics as Statistics).onUpdate(({ total }) => setHeld(total.qualityLimitationDurations))
    }
    agent.addEventListener(listen as never)
    return () => {
      agent.removeEventListener(listen as never)
      void Promise.resolve(agent.disconnect()).catch(() => {})
    }
  }, [agent, log])
  const act = (next: typeof state, work: () => Promise<unknown>) => {
    const before = state
    setError(undefined)
    setState('busy')
    work().then(() => setState(next), (failure: unknown) => { setError(failure); setState(before) })
  }
  const show = (stream: MediaStream) => { if (video.current) video.current.srcObject = stream }
  return (
    <Card title={t('demos.agent')}>
      <div className="stack">
        <div className="field"><label htmlFor="agent-id">{t('demos.agentId')}</label><input id="agent-id" value={id} maxLength={128} disabled={state !== 'away'} onChange={(event) => setId(event.target.value)} /></div>
        <video ref={video} muted autoPlay playsInline aria-label={t('demos.own')} style={{ width: '100%', aspectRatio: '16/9', background: '#08090c', borderRadius: 8 }} />
        <div className="row wrap">
          {state === 'away' && (
            <button type="button" className="button primary" onClick={() => act('connected', async () => {
              const [token, camera] = await Promise.all([mint('agent', id), navigator.mediaDevices.getUserMedia({ video: true, audio: true })])
              show(camera)
              await agent.connect(id, token, { camera })
            })}>{t('demos.connect')}</button>
          )}
          {state === 'connected' && <button type="button" className="button record" onClick={() => act('recording', () => agent.startRecording({ camera: {} }))}>{t('live.record')}</button>}
          {(state === 'recording' || state === 'paused') && <button type="button" className="button danger" onClick={() => act('connected', () => agent.stopRecording())}>{t('live.stop')}</button>}
          {state === 'recording' && <button type="button" className="button" onClick={() => act('paused', () => agent.pauseRecording())}>{t('live.pause')}</button>}
          {state === 'paused' && <button type="button" className="button" onClick={() => act('recording', () => agent.resumeRecording())}>{t('live.resume')}</button>}
          {(state === 'connected' || state === 'recording' || state === 'paused') && (
            <>
              <button type="button" className="button" onClick={() => act(state, async () => {
                const screen = await navigator.mediaDevices.getDisplayMedia({ video: true })
                show(screen)
                await agent.switchStream({ camera: screen })
              })}>{t('demos.switchScreen')}</button>
              <button type="button" className="button" onClick={() => act('away', async () => agent.disconnect())}>{t('join.leave')}</button>
            </>
          )}
        </div>
        {held && state !== 'away' && <p className="small muted num">{t('demos.held', { cpu: number(Math.round(held.cpu)), bandwidth: number(Math.round(held.bandwidth)), other: number(Math.round(held.other)) })}</p>}
        {error !== undefined && <Failure error={error} />}
        <Log lines={lines} />
      </div>
    </Card>
  )
}

function SupervisorDemo() {
  const { t } = useTranslation()
  const supervisor = useMemo(() => createSupervisor(), [])
  const [self] = useState(() => `console-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}`)
  const [agent, setAgent] = useState('agent-1')
  const [reason, setReason] = useState('demo')
  const [watching, setWatching] = useState(false)
  const [error, setError] = useState<unknown>()
  const [streams, setStreams] = useState<ReadonlyMap<string, MediaStream>>(new Map())
  const [lines, log] = useLog()
  useEffect(() => {
    const listen = (event: Event) => {
      log(event)
      if (event.type === 'add_stream') setStreams((old) => new Map(old).set(event.id as string, event.stream as MediaStream))
      if (event.type === 'remove_stream') setStreams((old) => new Map([...old].filter(([id]) => id !== event.id)))
      if (event.type === 'disconnected') { setWatching(false); setStreams(new Map()) }
    }
    supervisor.addEventListener(listen as never)
    return () => {
      supervisor.removeEventListener(listen as never)
      void Promise.resolve(supervisor.disconnect()).catch(() => {})
    }
  }, [supervisor, log])
  return (
    <Card title={t('demos.supervisor')}>
      <div className="stack">
        <div className="form pair" style={{ gridTemplateColumns: 'repeat(auto-fit, minmax(140px, 1fr))' }}>
          <div className="field"><label htmlFor="watch-agent">{t('tokens.agent')}</label><input id="watch-agent" value={agent} maxLength={128} disabled={watching} onChange={(event) => setAgent(event.target.value)} /></div>
          <div className="field"><label htmlFor="watch-why">{t('watch.reason')}</label><input id="watch-why" value={reason} maxLength={500} disabled={watching} onChange={(event) => setReason(event.target.value)} /></div>
        </div>
        {[...streams].map(([id, stream]) => <Remote key={id} name={id} stream={stream} />)}
        {streams.size === 0 && <p className="muted">{t('demos.nothing')}</p>}
        <div>
          {watching ? <button type="button" className="button" onClick={() => void supervisor.disconnect()}>{t('watch.stop')}</button> : (
            <button type="button" className="button primary" onClick={() => {
              setError(undefined)
              mint('supervisor', self, agent).then((token) => supervisor.connect(self, token, agent, undefined, reason)).then(() => setWatching(true), setError)
            }}>{t('watch.start')}</button>
          )}
        </div>
        {error !== undefined && <Failure error={error} />}
        <Log lines={lines} />
      </div>
    </Card>
  )
}

function Remote({ name, stream }: { name: string; stream: MediaStream }) {
  const ref = useRef<HTMLVideoElement>(null)
  useEffect(() => { ref.current!.srcObject = stream }, [stream])
  return <video ref={ref} autoPlay playsInline aria-label={name} style={{ width: '100%', aspectRatio: '16/9', background: '#08090c', borderRadius: 8 }} />
}

function Log({ lines }: { lines: string[] }) {
  const { t } = useTranslation()
  return <pre tabIndex={0} role="log" aria-label={t('demos.events')} style={{ minHeight: 96, maxHeight: 200 }}>{lines.join('\n') || t('demos.noEvents')}</pre>
}
