import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { call } from '../api/client'
import { Failure } from '../components/bits'

export function SignIn({ onSignedIn }: { onSignedIn: () => void }) {
  const { t } = useTranslation()
  const [key, setKey] = useState('')
  const [error, setError] = useState<unknown>()
  const [busy, setBusy] = useState(false)
  document.title = `${t('signIn.title')} · roomreel`
  return (
    <main className="signin">
      <form
        className="card"
        onSubmit={(event) => {
          event.preventDefault()
          setBusy(true)
          setError(undefined)
          call('POST', '/console/sign-in', { key: key.trim() })
            .then(onSignedIn, setError)
            .finally(() => setBusy(false))
        }}
      >
        <img src={`${import.meta.env.BASE_URL}favicon.svg`} width={40} height={40} alt="" />
        <div className="stack tight">
          <h1>{t('signIn.title')}</h1>
          <p className="muted">{t('signIn.lead')}</p>
        </div>
        <div className="field">
          <label htmlFor="key">{t('signIn.key')}</label>
          <input id="key" type="password" autoComplete="current-password" required autoFocus value={key} onChange={(event) => setKey(event.target.value)} aria-describedby="key-hint" />
          <p className="hint" id="key-hint">{t('signIn.hint')}</p>
        </div>
        {error !== undefined && <Failure error={error} />}
        <button type="submit" className="button primary" disabled={busy}>{t('signIn.button')}</button>
      </form>
    </main>
  )
}
