import { useMutation, useQueryClient } from '@tanstack/react-query'
import { Lock, LockOpen } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { call } from '../../api/client'
import type { Recording } from '../../api/types'
import { At, Failure, Note } from '../../components/bits'
import { Dialog } from '../../components/dialog'
import { useSay } from '../../components/toasts'

/** Places a legal hold, or lifts it. */
export function Hold({ recording }: { recording: Recording }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const say = useSay()
  const [asking, setAsking] = useState(false)
  const [reason, setReason] = useState('')
  const held = Boolean(recording.hold)
  const change = useMutation({
    mutationFn: () => held ? call('DELETE', `/v1/recordings/${recording.id}/hold`) : call('PUT', `/v1/recordings/${recording.id}/hold`, { reason: reason.trim() || undefined }),
    onSuccess: () => {
      say(t(held ? 'hold.lifted' : 'hold.placed'))
      setAsking(false)
      setReason('')
      return client.invalidateQueries({ queryKey: ['recording', recording.id] })
    },
  })
  return (
    <>
      <button type="button" className="button" onClick={() => setAsking(true)}>{held ? <LockOpen size={16} aria-hidden /> : <Lock size={16} aria-hidden />} {t(held ? 'hold.lift' : 'hold.place')}</button>
      {asking && (
        <Dialog title={t(held ? 'hold.lift' : 'hold.place')} onClose={() => setAsking(false)}>
          <form className="form" onSubmit={(event) => { event.preventDefault(); change.mutate() }}>
            <p>{t(held ? 'hold.liftHint' : 'hold.placeHint')}</p>
            {!held && <div className="field"><label htmlFor="hold-reason">{t('hold.reason')}</label><input id="hold-reason" maxLength={1000} value={reason} onChange={(event) => setReason(event.target.value)} /></div>}
            {change.error && <Failure error={change.error} />}
            <div className="actions"><button type="button" className="button" onClick={() => setAsking(false)}>{t('action.cancel')}</button><button type="submit" className="button primary" disabled={change.isPending}>{t(held ? 'hold.lift' : 'hold.place')}</button></div>
          </form>
        </Dialog>
      )}
    </>
  )
}

/** Says that a recording is held, since when and why. */
export function HoldNote({ hold }: { hold: NonNullable<Recording['hold']> }) {
  const { t } = useTranslation()
  return <Note kind="info"><strong>{t('hold.held')}</strong> <span className="muted small"><At at={hold.since} />{hold.by && ` · ${hold.by}`}</span>{hold.reason && <p className="small">{hold.reason}</p>}</Note>
}
