import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { RotateCcw, Send } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { call, withQuery } from '../api/client'
import type { Delivery, Page } from '../api/types'
import { Ago, Answer, At, Card, CopyText, Empty, Failure, Loading, More, State } from './bits'
import { Dialog } from './dialog'
import { useSay, useSayError } from './toasts'

const states = ['pending', 'running', 'done', 'failed'] as const

/** Every delivery of webhooks, or those about one recording. */
export function Deliveries({ recording, endpoint }: { recording?: string; endpoint?: string }) {
  const { t } = useTranslation()
  const [state, setState] = useState('')
  const [open, setOpen] = useState<string>()
  const query = useInfiniteQuery({
    queryKey: ['deliveries', recording ?? '', endpoint ?? '', state],
    queryFn: ({ pageParam }) => call<Page<Delivery>>('GET', withQuery('/v1/webhooks/deliveries', { recording, endpoint, state, cursor: pageParam })),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor || undefined,
    // That a delivery arrived is itself no event: it would be delivered, and so on.
    refetchInterval: 5000,
    retry: false,
  })
  const all = query.data?.pages.flatMap((page) => page.data) ?? []
  if (query.error) return <Failure error={query.error} retry={() => void query.refetch()} />
  if (query.isPending) return <Loading />
  return (
    <Card
      title={t('deliveries.title')}
      flush
      actions={(
        <select aria-label={t('deliveries.filter')} value={state} style={{ width: 160 }} onChange={(event) => setState(event.target.value)}>
          <option value="">{t('recordings.anyState')}</option>
          {states.map((name) => <option key={name} value={name}>{t(`deliveries.state.${name}`)}</option>)}
        </select>
      )}
    >
      {open && <DeliveryDialog id={open} onClose={() => setOpen(undefined)} />}
      {all.length === 0 ? (
        <Empty icon={<Send size={40} aria-hidden />} title={t('deliveries.none')}><p>{t('deliveries.noneHint')}</p></Empty>
      ) : (
        <div className="scroll-x">
          <table className="table stacked">
            <thead><tr><th>{t('deliveries.event')}</th><th>{t('deliveries.to')}</th><th>{t('field.state')}</th><th>{t('deliveries.answer')}</th><th>{t('deliveries.queued')}</th><th><span className="sr">{t('deliveries.details')}</span></th></tr></thead>
            <tbody>
              {all.map((delivery) => (
                <tr key={delivery.id}>
                  <td className="mono">{delivery.type}</td>
                  <td className="wide" style={{ overflowWrap: 'anywhere' }}>{delivery.url ?? delivery.endpoint}</td>
                  <td><DeliveryState state={delivery.state} /></td>
                  <td className="num wide"><LastAnswer delivery={delivery} /></td>
                  <td className="muted nowrap"><Ago at={delivery.created_at} /></td>
                  <td className="end"><button type="button" className="button small" onClick={() => setOpen(delivery.id)} aria-label={t('deliveries.detailsOf', { type: delivery.type })}>{t('deliveries.details')}</button></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <More query={query} />
    </Card>
  )
}

function DeliveryState({ state }: { state: string }) {
  const { t, i18n } = useTranslation()
  if (!i18n.exists(`deliveries.state.${state}`)) return <State state={state} />
  const kind = { done: 'good', failed: 'rec', pending: 'info', running: 'info' }[state]
  return <span className={`badge ${kind}`}><span className="dot" aria-hidden />{t(`deliveries.state.${state}`)}</span>
}

function LastAnswer({ delivery }: { delivery: Delivery }) {
  const last = delivery.attempts.at(-1)
  if (!last) return <span className="muted">–</span>
  return <>{last.status ?? last.error?.code} <span className="muted small">{Math.round(last.latency_s * 1000)} ms</span></>
}

function DeliveryDialog({ id, onClose }: { id: string; onClose: () => void }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const say = useSay()
  const sayError = useSayError()
  const delivery = useQuery({
    queryKey: ['deliveries', 'one', id],
    queryFn: () => call<Delivery>('GET', `/v1/webhooks/deliveries/${encodeURIComponent(id)}`),
    refetchInterval: ({ state: { data } }) => (data && ['done', 'failed'].includes(data.state) ? false : 3000), // nor is an attempt
  })
  const again = useMutation({
    mutationFn: () => call('POST', `/v1/webhooks/deliveries/${encodeURIComponent(id)}/redeliver`),
    onSuccess: () => say(t('deliveries.redelivered')),
    onError: sayError,
    onSettled: () => client.invalidateQueries({ queryKey: ['deliveries'] }),
  })
  return (
    <Dialog title={t('deliveries.one')} wide onClose={onClose}>
      <Answer query={delivery}>
        {(d) => (
          <div className="stack">
            <dl className="facts">
              <dt>{t('deliveries.event')}</dt><dd className="mono">{d.type}</dd>
              <dt>webhook-id</dt><dd><CopyText text={d.event} /></dd>
              <dt>{t('deliveries.to')}</dt><dd>{d.url ?? d.endpoint}</dd>
              <dt>{t('field.state')}</dt><dd><DeliveryState state={d.state} /> {d.error && <span className="small">{d.error.message}</span>}</dd>
              {d.next_attempt && d.state === 'pending' && <><dt>{t('deliveries.next')}</dt><dd><At at={d.next_attempt} /></dd></>}
            </dl>
            <h3>{t('deliveries.attempts', { count: d.attempts.length })}</h3>
            {d.attempts.length > 0 && <ol className="stack tight">
              {d.attempts.map((attempt, i) => (
                <li key={i} className="note">
                  <div className="grow stack tight">
                    <div className="row wrap between"><span className={`badge ${attempt.status && attempt.status < 300 ? 'good' : 'rec'}`}>{attempt.status ?? attempt.error?.code}</span><span className="small muted num"><At at={attempt.at} /> · {Math.round(attempt.latency_s * 1000)} ms</span></div>
                    {attempt.error && <p className="small">{attempt.error.message}</p>}
                    {attempt.answer && <pre tabIndex={0} style={{ maxHeight: 120 }}>{attempt.answer}</pre>}
                  </div>
                </li>
              ))}
            </ol>}
            {d.body && <details><summary className="small">{t('deliveries.body')}</summary><pre tabIndex={0}>{pretty(d.body)}</pre></details>}
            <div className="actions">
              <button type="button" className="button" onClick={onClose}>{t('action.close')}</button>
              <button type="button" className="button primary" disabled={again.isPending} onClick={() => again.mutate()}><RotateCcw size={15} aria-hidden /> {t('deliveries.redeliver')}</button>
            </div>
          </div>
        )}
      </Answer>
    </Dialog>
  )
}

function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2)
  } catch {
    return body
  }
}
