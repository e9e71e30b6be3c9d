import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useLocation } from 'wouter'
import { call } from '../api/client'
import type { WatchGrant } from '../api/types'
import { keepGrant } from '../media/watch-grants'
import { Failure, Note } from './bits'
import { Dialog } from './dialog'

/** Asks why somebody wants to watch a room before they can. */
export function WatchDialog({ room, onClose }: { room: string; onClose: () => void }) {
  const { t } = useTranslation()
  const [, go] = useLocation()
  const [reason, setReason] = useState('')
  const [name, setName] = useState(localStorage.getItem('roomreel.supervisor') ?? '')
  const watch = useMutation({
    mutationFn: () => call<WatchGrant>('POST', '/v1/supervisions', { room, reason: reason.trim(), supervisor_id: name.trim() }),
    onSuccess: (grant) => {
      localStorage.setItem('roomreel.supervisor', name.trim())
      keepGrant(grant)
      go(`/watch/${grant.supervision_id}`)
    },
  })
  return (
    <Dialog title={t('watch.ask', { room })} onClose={onClose}>
      <form className="form" onSubmit={(event) => { event.preventDefault(); watch.mutate() }}>
        <Note kind="info">{t('watch.policy')}</Note>
        <div className="field">
          <label htmlFor="watch-name">{t('watch.name')}</label>
          <input id="watch-name" required maxLength={100} value={name} autoComplete="username" onChange={(event) => setName(event.target.value)} />
        </div>
        <div className="field">
          <label htmlFor="watch-reason">{t('watch.reason')}</label>
          <textarea id="watch-reason" required minLength={3} maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} aria-describedby="watch-hint" />
          <p className="hint" id="watch-hint">{t('watch.reasonHint')}</p>
        </div>
        {watch.error && <Failure error={watch.error} />}
        <div className="actions">
          <button type="button" className="button" onClick={onClose}>{t('action.cancel')}</button>
          <button type="submit" className="button primary" disabled={watch.isPending}>{t('watch.start')}</button>
        </div>
      </form>
    </Dialog>
  )
}
