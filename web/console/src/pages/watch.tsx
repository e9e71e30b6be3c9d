import { ChevronLeft } from 'lucide-react'
import { lazy, Suspense, useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useLocation } from 'wouter'
import { call } from '../api/client'
import { Loading, Note, Page } from '../components/bits'
import { dropGrant, grantOf } from '../media/watch-grants'

const Call = lazy(() => import('../media/call'))

/** A room as a supervisor sees and hears it. */
export default function Watch({ id }: { id: string }) {
  const { t } = useTranslation()
  const [, go] = useLocation()
  const grant = grantOf(id)
  useEffect(() => {
    if (!grant) return
    const leave = () => void fetch(`/v1/supervisions/${id}`, { method: 'DELETE', keepalive: true })
    window.addEventListener('pagehide', leave)
    return () => window.removeEventListener('pagehide', leave)
  }, [grant, id])
  const end = () => {
    dropGrant(id)
    void call('DELETE', `/v1/supervisions/${id}`).catch(() => {})
    go('/live')
  }
  return (
    <Page
      title={grant ? t('watch.title', { room: grant.agent_id ?? grant.room }) : t('watch.over')}
      back={<Link href="/live" className="crumb"><ChevronLeft size={16} aria-hidden />{t('nav.live')}</Link>}
      lead={grant && t('watch.unseen', { reason: grant.reason })}
    >
      {grant ? (
        <Suspense fallback={<Loading />}>
          <Call url={grant.livekit_url} token={grant.livekit_token} watchOnly onLeft={end} onConnected={() => void call('POST', `/v1/supervisions/${id}/activate`).catch(() => {})} />
        </Suspense>
      ) : <Note kind="info">{t('watch.gone')}</Note>}
    </Page>
  )
}
