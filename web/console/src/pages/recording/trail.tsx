import { useTranslation } from 'react-i18next'
import { AuditTrail } from '../../components/audit-table'
import { Deliveries } from '../../components/deliveries'

export function RecordingWebhooks({ id }: { id: string }) {
  return <Deliveries recording={id} />
}

/** Who watched the room; the trail knows rooms, not recordings. */
export function RecordingAudit({ room }: { room: string }) {
  const { t } = useTranslation()
  return <AuditTrail title={t('recording.audit', { room })} room={room} />
}
