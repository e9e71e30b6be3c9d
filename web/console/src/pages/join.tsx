import { useMutation } from '@tanstack/react-query'
import { Video } from 'lucide-react'
import { lazy, Suspense, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useSearchParams } from 'wouter'
import { ApiError, call } from '../api/client'
import type { MintedToken } from '../api/types'
import { Card, Failure, Loading, Note, Page } from '../components/bits'

const Call = lazy(() => import('../media/call'))

/** What to enter a room with: from `roomreel dev`, which lets everybody in, or by the admin's session. */
async function enter(room: string, name: string): Promise<{ url: string; token: string }> {
  try {
    return await call('POST', '/join/token', { room, name })
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 404)) throw error
  }
  const { livekit } = await call<{ livekit: string }>('GET', `${import.meta.env.BASE_URL}config.json`)
  const subject = `visitor-${crypto.getRandomValues(new Uint32Array(1))[0].toString(36)}`
  const { token } = await call<MintedToken>('POST', '/v1/tokens', { role: 'participant', subject, name, room })
  return { url: livekit, token }
}

export default function Join() {
  const { t } = useTranslation()
  const [params] = useSearchParams()
  const [room, setRoom] = useState(params.get('room') ?? 'hello')
  const [name, setName] = useState(localStorage.getItem('roomreel.name') ?? '')
  const [left, setLeft] = useState(false)
  const join = useMutation({
    mutationFn: () => enter(room.trim(), name.trim()),
    onMutate: () => { setLeft(false); localStorage.setItem('roomreel.name', name.trim()) },
  })
  const inside = join.data && !left
  return (
    <Page title={inside ? room : t('join.title')} lead={inside ? undefined : t('join.lead')}>
      {inside ? (
        <Suspense fallback={<Loading />}><Call url={join.data.url} token={join.data.token} onLeft={() => setLeft(true)} /></Suspense>
      ) : (
        <Card>
          <form className="form" style={{ maxWidth: 420 }} onSubmit={(event) => { event.preventDefault(); join.mutate() }}>
            {left && <Note kind="info">{t('join.left')}</Note>}
            <div className="field"><label htmlFor="join-room">{t('field.room')}</label><input id="join-room" required maxLength={60} value={room} autoComplete="off" onChange={(event) => setRoom(event.target.value)} /></div>
            <div className="field"><label htmlFor="join-name">{t('join.name')}</label><input id="join-name" required maxLength={60} value={name} autoComplete="name" onChange={(event) => setName(event.target.value)} /></div>
            {join.error && <Failure error={join.error} />}
            <div><button type="submit" className="button primary" disabled={join.isPending}><Video size={16} aria-hidden /> {t('join.button')}</button></div>
          </form>
        </Card>
      )}
    </Page>
  )
}
