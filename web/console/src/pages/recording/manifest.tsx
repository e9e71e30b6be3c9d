import { useTranslation } from 'react-i18next'
import { Card, CopyText } from '../../components/bits'

export default function ManifestView({ value, name }: { value: unknown; name: string }) {
  const { t } = useTranslation()
  const text = JSON.stringify(value, null, 2)
  return (
    <Card title={t('recording.tab.manifest')} actions={<CopyText text={text} label={name} />} flush>
      <pre tabIndex={0} role="region" aria-label={t('recording.tab.manifest')} style={{ border: 0, borderRadius: '0 0 12px 12px', maxHeight: '70dvh' }}>{text}</pre>
    </Card>
  )
}
