import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { call } from '../../api/client'
import type { AuditEntry, Page } from '../../api/types'
import { Answer, Card } from '../../components/bits'
import { AuditTable } from '../../components/audit-table'
import { Deliveries } from '../../components/deliveries'

export function RecordingWebhooks({ id }: { id: string }) {
  return <Deliveries recording={id} />
}

export function RecordingAudit({ id }: { id: string }) {
  const { t } = useTranslation()
  const audit = useQuery({ queryKey: ['audit', id], queryFn: () => call<Page<AuditEntry>>('GET', `/v1/audit?recording=${id}`), retry: false })
  return <Answer query={audit}>{({ data }) => <Card title={t('recording.tab.audit')} flush><AuditTable entries={data} /></Card>}</Answer>
}
