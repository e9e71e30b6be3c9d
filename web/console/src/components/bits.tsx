import { Check, CircleAlert, Copy, Info, TriangleAlert } from 'lucide-react'
import { type ReactNode, useEffect, useState, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import { ApiError } from '../api/client'
import { ago, dateTime, exactTime, isTime } from '../format'

export function Page({ title, lead, actions, back, children }: { title: ReactNode; lead?: ReactNode; actions?: ReactNode; back?: ReactNode; children: ReactNode }) {
  useEffect(() => {
    if (typeof title === 'string') document.title = `${title} · roomreel`
  }, [title])
  return (
    <div className="page">
      <header className="head">
        <div>
          {back}
          <h1 tabIndex={-1}>{title}</h1>
          {lead && <p className="lead">{lead}</p>}
        </div>
        {actions && <div className="row wrap">{actions}</div>}
      </header>
      {children}
    </div>
  )
}

export function Card({ title, actions, flush, children }: { title?: ReactNode; actions?: ReactNode; flush?: boolean; children: ReactNode }) {
  return (
    <section className="card">
      {title && (
        <header>
          <h2 className="grow">{title}</h2>
          {actions}
        </header>
      )}
      <div className={flush ? 'body flush' : 'body'}>{children}</div>
    </section>
  )
}

export function Empty({ icon, title, children }: { icon: ReactNode; title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      {icon}
      <h2>{title}</h2>
      {children}
    </div>
  )
}

export function Note({ kind, children }: { kind: 'bad' | 'warn' | 'info'; children: ReactNode }) {
  const Icon = { bad: CircleAlert, warn: TriangleAlert, info: Info }[kind]
  return (
    <div className={`note ${kind}`} role={kind === 'bad' ? 'alert' : undefined}>
      <Icon size={18} aria-hidden />
      <div className="grow">{children}</div>
    </div>
  )
}

/** Says what went wrong in the reader's language, and exactly in the server's words. */
export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t, i18n } = useTranslation()
  if (error instanceof ApiError && error.notServed) return <Note kind="info">{t('error.notServed')}</Note>
  const code = error instanceof ApiError ? error.code : 'INTERNAL'
  const detail = error instanceof Error ? error.message : String(error)
  return (
    <Note kind="bad">
      <strong>{i18n.exists(`error.${code}`) ? t(`error.${code}`) : t('error.other')}</strong>
      <p className="small">
        {detail} <span className="mono muted">{code}</span>
      </p>
      {retry && (
        <button type="button" className="button small" onClick={retry} style={{ marginTop: 8 }}>
          {t('action.tryAgain')}
        </button>
      )}
    </Note>
  )
}

export function Loading() {
  const { t } = useTranslation()
  return (
    <div className="stack" role="status">
      <span className="sr">{t('state.loading')}</span>
      <div className="skeleton" />
      <div className="skeleton" />
      <div className="skeleton" />
    </div>
  )
}

/** A query's answer, or how it fares until there is one. */
export function Answer<T>({ query, children }: { query: { data: T | undefined; error: unknown; refetch: () => unknown }; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) return <>{children(query.data)}</>
  if (query.error) return <Failure error={query.error} retry={() => void query.refetch()} />
  return <Loading />
}

/** The button that brings the next page of a list, if there is one. */
export function More({ query }: { query: { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown } }) {
  const { t } = useTranslation()
  if (!query.hasNextPage) return null
  return <div className="row" style={{ padding: 14, justifyContent: 'center' }}><button type="button" className="button" disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>{t('action.more')}</button></div>
}

// One clock for all that tells how long ago something was.
let lastTick = Date.now()
const ticked = new Set<() => void>()
setInterval(() => {
  lastTick = Date.now()
  for (const tell of ticked) tell()
}, 20_000)

function onTick(tell: () => void): () => void {
  ticked.add(tell)
  return () => void ticked.delete(tell)
}

export function Ago({ at }: { at?: string }) {
  const now = useSyncExternalStore(onTick, () => lastTick)
  if (!isTime(at)) return <span className="muted">–</span>
  return (
    <time dateTime={at} title={exactTime(at)}>
      {ago(at, Math.max(now, new Date(at).getTime()))}
    </time>
  )
}

export function At({ at }: { at?: string }) {
  if (!isTime(at)) return <span className="muted">–</span>
  return (
    <time dateTime={at} title={exactTime(at)}>
      {dateTime(at)}
    </time>
  )
}

export function CopyText({ text, label }: { text: string; label?: string }) {
  const { t } = useTranslation()
  const [copied, setCopied] = useState(false)
  return (
    <button
      type="button"
      className="copy"
      title={t('action.copy')}
      onClick={() => {
        void navigator.clipboard?.writeText(text)
        setCopied(true)
        setTimeout(() => setCopied(false), 1500)
      }}
    >
      <span className="clip">{label ?? text}</span>
      {copied ? <Check size={13} aria-hidden /> : <Copy size={13} aria-hidden />}
      <span className="sr" aria-live="polite">
        {copied ? t('state.copied') : t('action.copy')}
      </span>
    </button>
  )
}

const kinds: Record<string, string> = {
  queued: 'info', starting: 'info', recording: 'rec', paused: 'warn', stopping: 'info', stopped: 'good', failed: 'rec',
  composing: 'info', ready: 'good', canceled: '', delivered: 'good', pending: 'info', retrying: 'warn', dead: 'rec', active: 'good', ended: '', done: 'good',
}

export function State({ state }: { state: string }) {
  const { t, i18n } = useTranslation()
  return (
    <span className={`badge ${kinds[state] ?? ''}`}>
      <span className={state === 'recording' ? 'dot pulse' : 'dot'} aria-hidden />
      {i18n.exists(`state.${state}`) ? t(`state.${state}`) : state}
    </span>
  )
}

export function Progress({ value, label }: { value: number; label: string }) {
  const whole = Math.round(Math.min(100, Math.max(0, value)))
  return (
    <div className="bar" role="progressbar" aria-label={label} aria-valuenow={whole} aria-valuemin={0} aria-valuemax={100}>
      <i style={{ width: `${whole}%` }} />
    </div>
  )
}

/** Initials on a colour that belongs to the name. */
export function Avatar({ name }: { name: string }) {
  let hash = 0
  for (const c of name) hash = (hash * 31 + c.codePointAt(0)!) % 360
  const initials = name.split(/[\s._-]+/).filter(Boolean).slice(0, 2).map((word) => [...word][0]).join('').toUpperCase()
  return (
    <span className="avatar" style={{ '--hue': hash } as React.CSSProperties} aria-hidden>
      {initials}
    </span>
  )
}
