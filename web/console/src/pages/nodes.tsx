import { useQuery } from '@tanstack/react-query'
import { CircleCheck, CircleX, Server } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { ApiError, call } from '../api/client'
import type { Health, Node, Page as PageOf, Readiness } from '../api/types'
import { Ago, Answer, Card, Empty, Page, Progress } from '../components/bits'
import { bytes, number, percent } from '../format'

// Answers 503 with the same body when something is wrong.
async function readiness(): Promise<Readiness> {
  const response = await fetch('/readyz').catch(() => undefined)
  if (!response) throw new ApiError(0, 'UNREACHABLE', 'fetch')
  return response.json()
}

export default function Nodes() {
  const { t } = useTranslation()
  // Load and health are of the moment: no event tells of them.
  const ready = useQuery({ queryKey: ['readyz'], queryFn: readiness, refetchInterval: 5000 })
  const health = useQuery({ queryKey: ['healthz'], queryFn: () => call<Health>('GET', '/healthz') })
  const nodes = useQuery({ queryKey: ['nodes'], queryFn: () => call<PageOf<Node>>('GET', '/v1/nodes'), refetchInterval: 5000, retry: false })
  return (
    <Page title={t('nodes.title')} lead={t('nodes.lead')}>
      <Card title={t('nodes.health')}>
        <Answer query={ready}>
          {(r) => (
            <ul className="grid">
              {Object.entries(r.checks).sort().map(([name, answer]) => (
                <li key={name} className="row" style={{ alignItems: 'flex-start' }}>
                  {answer === 'ok' ? <CircleCheck size={20} color="var(--good)" aria-hidden /> : <CircleX size={20} color="var(--rec)" aria-hidden />}
                  <div><strong>{t(`nodes.check.${name}`, name)}</strong><p className="small muted">{answer === 'ok' ? t('nodes.ok') : answer}</p></div>
                </li>
              ))}
              <li><strong>{t('nodes.version')}</strong><p className="small muted mono">{health.data?.version ?? '–'}</p></li>
            </ul>
          )}
        </Answer>
      </Card>
      <Answer query={nodes}>
        {({ data }) => data.length === 0 ? <Card><Empty icon={<Server size={44} aria-hidden />} title={t('nodes.none')} /></Card> : (
          <ul className="grid">
            {data.map((node) => (
              <li key={node.name} className="card">
                <header>
                  <h2 className="grow clip">{node.name}</h2>
                  <span className={`badge ${node.draining ? 'warn' : node.can_accept ? 'good' : 'warn'}`}><span className="dot" aria-hidden />{node.draining ? t('nodes.draining') : node.can_accept ? t('nodes.accepting') : t('nodes.full')}</span>
                </header>
                <div className="body stack">
                  <div className="stack tight">
                    <div className="row between small"><span>{t('nodes.loadName')}</span><span className="num">{percent(node.load ?? 0)}</span></div>
                    <Progress value={(node.load ?? 0) * 100} label={t('nodes.loadOf', { node: node.name })} />
                  </div>
                  <dl className="facts">
                    <dt>{t('nodes.rooms')}</dt><dd className="num">{number(node.rooms ?? 0)}{node.max_rooms ? ` / ${number(node.max_rooms)}` : ''}</dd>
                    <dt>{t('nodes.disk')}</dt><dd className="num">{node.disk_free_bytes ? bytes(node.disk_free_bytes) : '–'}</dd>
                    <dt>{t('nodes.up')}</dt><dd><Ago at={node.since} /></dd>
                    {node.version && <><dt>{t('nodes.version')}</dt><dd className="mono">{node.version}</dd></>}
                  </dl>
                </div>
              </li>
            ))}
          </ul>
        )}
      </Answer>
    </Page>
  )
}
