import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { History, KeyRound, Plus, Send, Trash2, Webhook } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'wouter'
import { call } from '../api/client'
import type { Page as PageOf, WebhookEndpoint } from '../api/types'
import { Ago, Answer, Card, CopyText, Empty, Failure, Note, Page } from '../components/bits'
import { Deliveries } from '../components/deliveries'
import { Dialog } from '../components/dialog'
import { useSay, useSayError } from '../components/toasts'
import { isTime, localInput } from '../format'

const families = ['recording.*', 'composition.*', 'session.*', 'supervision.*', 'webhook.*'] as const

export default function Webhooks({ tab = 'endpoints' }: { tab?: string }) {
  const { t } = useTranslation()
  const [adding, setAdding] = useState(false)
  // How many deliveries wait, and whether they fail, is no event.
  const endpoints = useQuery({ queryKey: ['webhooks'], queryFn: () => call<PageOf<WebhookEndpoint>>('GET', '/v1/webhooks'), refetchInterval: 10_000, retry: false })
  return (
    <Page
      title={t('webhooks.title')}
      lead={t('webhooks.lead')}
      actions={<button type="button" className="button primary" onClick={() => setAdding(true)}><Plus size={16} aria-hidden /> {t('webhooks.add')}</button>}
    >
      {adding && <AddDialog onClose={() => setAdding(false)} />}
      <nav className="tabs" aria-label={t('webhooks.title')}>
        <Link href="/webhooks" aria-current={tab === 'endpoints' ? 'page' : undefined}>{t('webhooks.endpoints')}</Link>
        <Link href="/webhooks/deliveries" aria-current={tab === 'deliveries' ? 'page' : undefined}>{t('deliveries.title')}</Link>
      </nav>
      {tab === 'deliveries' ? <Deliveries /> : (
        <Answer query={endpoints}>
          {({ data }) => data.length === 0 ? (
            <Card><Empty icon={<Webhook size={44} aria-hidden />} title={t('webhooks.none')}><p>{t('webhooks.noneHint')}</p></Empty></Card>
          ) : (
            <ul className="stack">{data.map((endpoint) => <li key={endpoint.id}><Endpoint endpoint={endpoint} /></li>)}</ul>
          )}
        </Answer>
      )}
    </Page>
  )
}

function Endpoint({ endpoint }: { endpoint: WebhookEndpoint }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const say = useSay()
  const sayError = useSayError()
  const [removing, setRemoving] = useState(false)
  const [recovering, setRecovering] = useState(false)
  const [rotating, setRotating] = useState(false)
  const path = `/v1/webhooks/${encodeURIComponent(endpoint.id)}`
  const act = useMutation({
    mutationFn: ({ method, verb }: { method: string; verb: string }) => call(method, path + verb),
    onSuccess: (_, { verb, method }) => say(t(method === 'DELETE' ? 'webhooks.removed' : verb === '/test' ? 'webhooks.tested' : 'webhooks.enabledNow')),
    onError: sayError,
    onSettled: () => Promise.all(['webhooks', 'deliveries'].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  })
  const disabled = !endpoint.enabled || isTime(endpoint.disabled_at)
  return (
    <section className="card" aria-label={endpoint.url}>
      <header>
        <div className="grow">
          <h2 style={{ overflowWrap: 'anywhere' }}>{endpoint.url}</h2>
          <p className="small muted">{endpoint.description || endpoint.id}</p>
        </div>
        <span className={`badge ${disabled ? 'warn' : isTime(endpoint.failing_since) ? 'rec' : 'good'}`}><span className="dot" aria-hidden />{disabled ? t('webhooks.disabled') : isTime(endpoint.failing_since) ? t('webhooks.failing') : t('webhooks.enabled')}</span>
      </header>
      <div className="body stack">
        {endpoint.reason && <Note kind="warn">{endpoint.reason}</Note>}
        <dl className="facts">
          <dt>{t('webhooks.types')}</dt><dd>{endpoint.types.length ? endpoint.types.join(', ') : t('webhooks.allTypes')}</dd>
          <dt>{t('webhooks.signing')}</dt><dd>{endpoint.signing === 'livekit' ? t('webhooks.signingLiveKit') : t('webhooks.signingStandard')}</dd>
          <dt>{t('webhooks.pending')}</dt><dd className="num">{endpoint.pending}</dd>
          {isTime(endpoint.failing_since) && <><dt>{t('webhooks.failingSince')}</dt><dd><Ago at={endpoint.failing_since} /></dd></>}
        </dl>
        <div className="row wrap">
          <button type="button" className="button small" disabled={act.isPending} onClick={() => act.mutate({ method: 'POST', verb: '/test' })}><Send size={14} aria-hidden /> {t('webhooks.test')}</button>
          <button type="button" className="button small" onClick={() => setRecovering(true)}><History size={14} aria-hidden /> {t('webhooks.recover')}</button>
          {disabled && <button type="button" className="button small" disabled={act.isPending} onClick={() => act.mutate({ method: 'POST', verb: '/enable' })}>{t('webhooks.enable')}</button>}
          {!endpoint.read_only && endpoint.signing !== 'livekit' && <button type="button" className="button small" onClick={() => setRotating(true)}><KeyRound size={14} aria-hidden /> {t('webhooks.rotate')}</button>}
          {endpoint.read_only ? <span className="small muted">{t('webhooks.readOnly')}</span> : <button type="button" className="button small danger" onClick={() => setRemoving(true)}><Trash2 size={14} aria-hidden /> {t('webhooks.remove')}</button>}
        </div>
      </div>
      {recovering && <RecoverDialog path={path} since={isTime(endpoint.failing_since) ? endpoint.failing_since : undefined} onClose={() => setRecovering(false)} />}
      {rotating && <RotateDialog path={path} onClose={() => setRotating(false)} />}
      {removing && (
        <Dialog title={t('webhooks.remove')} onClose={() => setRemoving(false)}>
          <p>{t('webhooks.removeHint', { url: endpoint.url })}</p>
          <div className="actions">
            <button type="button" className="button" onClick={() => setRemoving(false)}>{t('action.cancel')}</button>
            <button type="button" className="button record" onClick={() => { setRemoving(false); act.mutate({ method: 'DELETE', verb: '' }) }}>{t('webhooks.remove')}</button>
          </div>
        </Dialog>
      )}
    </section>
  )
}

/** Sends again what an endpoint has missed since a time. */
function RecoverDialog({ path, since, onClose }: { path: string; since?: string; onClose: () => void }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const say = useSay()
  const [from, setFrom] = useState(() => localInput(since ? new Date(since) : new Date(Date.now() - 86_400_000)))
  const [delivered, setDelivered] = useState(false)
  const recover = useMutation({
    mutationFn: () => call<{ redelivered: number }>('POST', `${path}/recover`, { since: new Date(from).toISOString(), delivered }),
    onSuccess: ({ redelivered }) => {
      say(t('webhooks.recovered', { count: redelivered }))
      onClose()
      void client.invalidateQueries({ queryKey: ['deliveries'] })
    },
  })
  return (
    <Dialog title={t('webhooks.recover')} onClose={onClose}>
      <form className="form" onSubmit={(event) => { event.preventDefault(); recover.mutate() }}>
        <p>{t('webhooks.recoverHint')}</p>
        <div className="field"><label htmlFor="recover-since">{t('webhooks.since')}</label><input id="recover-since" type="datetime-local" required value={from} onChange={(event) => setFrom(event.target.value)} /></div>
        <label className="check"><input type="checkbox" checked={delivered} onChange={(event) => setDelivered(event.target.checked)} /> {t('webhooks.alsoDelivered')}</label>
        {recover.error && <Failure error={recover.error} />}
        <div className="actions"><button type="button" className="button" onClick={onClose}>{t('action.cancel')}</button><button type="submit" className="button primary" disabled={recover.isPending || !from}>{t('webhooks.recoverNow')}</button></div>
      </form>
    </Dialog>
  )
}

/** Gives an endpoint a new secret, and shows it. */
function RotateDialog({ path, onClose }: { path: string; onClose: () => void }) {
  const { t } = useTranslation()
  const rotate = useMutation({ mutationFn: () => call<WebhookEndpoint>('POST', `${path}/rotate`) })
  if (rotate.data) return <SecretDialog secret={rotate.data.secret ?? ''} onClose={onClose} />
  return (
    <Dialog title={t('webhooks.rotate')} onClose={onClose}>
      <p>{t('webhooks.rotateHint')}</p>
      {rotate.error && <Failure error={rotate.error} />}
      <div className="actions"><button type="button" className="button" onClick={onClose}>{t('action.cancel')}</button><button type="button" className="button primary" disabled={rotate.isPending} onClick={() => rotate.mutate()}>{t('webhooks.rotate')}</button></div>
    </Dialog>
  )
}

function SecretDialog({ secret, onClose }: { secret: string; onClose: () => void }) {
  const { t } = useTranslation()
  return (
    <Dialog title={t('webhooks.secretTitle')} onClose={onClose}>
      <Note kind="warn">{t('webhooks.secretHint')}</Note>
      <CopyText text={secret} />
      <div className="actions"><button type="button" className="button primary" onClick={onClose}>{t('webhooks.secretKept')}</button></div>
    </Dialog>
  )
}

function AddDialog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const [url, setUrl] = useState('')
  const [description, setDescription] = useState('')
  const [types, setTypes] = useState<ReadonlySet<string>>(new Set())
  const [signing, setSigning] = useState('standard')
  const add = useMutation({
    mutationFn: () => call<WebhookEndpoint>('POST', '/v1/webhooks', { url: url.trim(), description: description.trim() || undefined, types: types.size ? [...types] : undefined, signing }),
    onSuccess: () => void client.invalidateQueries({ queryKey: ['webhooks'] }),
  })
  if (add.data) return <SecretDialog secret={add.data.secret ?? ''} onClose={onClose} />
  return (
    <Dialog title={t('webhooks.add')} onClose={onClose}>
      <form className="form" onSubmit={(event) => { event.preventDefault(); add.mutate() }}>
        <div className="field"><label htmlFor="hook-url">URL</label><input id="hook-url" type="url" required placeholder="https://app.example.com/hooks" value={url} onChange={(event) => setUrl(event.target.value)} /></div>
        <div className="field"><label htmlFor="hook-for">{t('webhooks.description')}</label><input id="hook-for" maxLength={500} value={description} onChange={(event) => setDescription(event.target.value)} /></div>
        <fieldset style={{ border: 0, margin: 0, padding: 0 }} className="field">
          <legend className="small" style={{ fontWeight: 560, padding: 0 }}>{t('webhooks.types')}</legend>
          {families.map((family) => (
            <label key={family} className="check mono"><input type="checkbox" checked={types.has(family)} onChange={(event) => setTypes((old) => { const next = new Set(old); if (event.target.checked) next.add(family); else next.delete(family); return next })} /> {family}</label>
          ))}
          <p className="hint">{t('webhooks.typesHint')}</p>
        </fieldset>
        <div className="field"><label htmlFor="hook-sign">{t('webhooks.signing')}</label><select id="hook-sign" value={signing} onChange={(event) => setSigning(event.target.value)}><option value="standard">{t('webhooks.signingStandard')}</option><option value="livekit">{t('webhooks.signingLiveKit')}</option></select></div>
        {add.error && <Failure error={add.error} />}
        <div className="actions"><button type="button" className="button" onClick={onClose}>{t('action.cancel')}</button><button type="submit" className="button primary" disabled={add.isPending}>{t('webhooks.add')}</button></div>
      </form>
    </Dialog>
  )
}
