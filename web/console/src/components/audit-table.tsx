import { ScrollText } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import type { AuditEntry } from '../api/types'
import { At, Empty } from './bits'

/** Who watched whom, when and why. */
export function AuditTable({ entries }: { entries: AuditEntry[] }) {
  const { t } = useTranslation()
  if (entries.length === 0) return <Empty icon={<ScrollText size={40} aria-hidden />} title={t('audit.none')}><p>{t('audit.noneHint')}</p></Empty>
  return (
    <div className="scroll-x">
      <table className="table stacked">
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
