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

/** Who watched the room; the trail knows rooms, not recordings. */
export function RecordingAudit({ room }: { room: string }) {
  const { t } = useTranslation()
  const audit = useQuery({ queryKey: ['audit'], queryFn: () => call<Page<AuditEntry>>('GET', '/v1/audit?limit=100'), retry: false })
  return <Answer query={audit}>{({ data }) => <Card title={t('recording.audit', { room })} flush><AuditTable entries={data.filter((entry) => entry.room === room)} /></Card>}</Answer>
}
