import { useInfiniteQuery } from '@tanstack/react-query'
import { ScrollText } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { call, withQuery } from '../api/client'
import type { AuditEntry, Page } from '../api/types'
import { Answer, At, Card, Empty, More } from './bits'

/** Who watched whom, when and why; in one room, if that is given. */
export function AuditTrail({ title, room }: { title: string; room?: string }) {
  const query = useInfiniteQuery({
    queryKey: ['audit', room ?? ''],
    queryFn: ({ pageParam }) => call<Page<AuditEntry>>('GET', withQuery('/v1/audit', { room, cursor: pageParam })),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor || undefined,
    retry: false,
  })
  return (
    <Answer query={query}>
      {({ pages }) => (
        <Card title={title} flush>
          <AuditTable entries={pages.flatMap(({ data }) => data)} />
          <More query={query} />
        </Card>
      )}
    </Answer>
  )
}

function AuditTable({ entries }: { entries: AuditEntry[] }) {
  const { t } = useTranslation()
  if (entries.length === 0) return <Empty icon={<ScrollText size={40} aria-hidden />} title={t('audit.none')}><p>{t('audit.noneHint')}</p></Empty>
  return (
    <div className="scroll-x">
      <table className="table stacked halves">
        <thead><tr><th>{t('audit.when')}</th><th>{t('audit.who')}</th><th>{t('audit.did')}</th><th>{t('audit.whom')}</th><th>{t('audit.why')}</th></tr></thead>
        <tbody>
          {entries.map((entry) => (
            <tr key={entry.id}>
              <td className="nowrap"><At at={entry.at} /></td>
              <td>{entry.supervisor_id}{entry.by && entry.by !== entry.supervisor_id ? <span className="muted small"> · {entry.by}</span> : null}</td>
              <td>{t(`audit.action.${entry.action}`, entry.action)}{entry.termination_cause && <span className="mono muted small"> {entry.termination_cause}</span>}</td>
              <td>{entry.agent_id ?? entry.room}</td>
              <td className="muted">{entry.reason}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
