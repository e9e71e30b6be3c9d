import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { call } from '../api/client'
import type { MintedToken } from '../api/types'
import { At, Card, CopyText, Failure, Note, Page } from '../components/bits'

const roles = ['participant', 'server', 'agent', 'supervisor', 'stats'] as const
const lifetimes = [600, 3600, 21_600, 86_400] as const

export default function Tokens() {
  const { t } = useTranslation()
  const [role, setRole] = useState<(typeof roles)[number]>('participant')
  const [subject, setSubject] = useState('')
  const [name, setName] = useState('')
  const [room, setRoom] = useState('')
  const [agent, setAgent] = useState('')
  const [ttl, setTtl] = useState<number>(3600)
  const mint = useMutation({
    mutationFn: () => call<MintedToken>('POST', '/v1/tokens', {
      role, subject: subject.trim(), ttl_s: ttl,
      name: role === 'participant' && name.trim() ? name.trim() : undefined,
      room: ['participant', 'server'].includes(role) && room.trim() ? room.trim() : undefined,
      agent_id: role === 'supervisor' ? agent.trim() : undefined,
    }),
  })
  return (
    <Page title={t('tokens.title')} lead={t('tokens.lead')}>
      <div className="split" style={{ gridTemplateColumns: 'repeat(auto-fit, minmax(min(100%, 340px), 1fr))' }}>
        <Card title={t('tokens.mint')}>
          <form className="form" onSubmit={(event) => { event.preventDefault(); mint.mutate() }}>
            <div className="field">
              <label htmlFor="token-role">{t('tokens.role')}</label>
              <select id="token-role" value={role} onChange={(event) => setRole(event.target.value as typeof role)} aria-describedby="token-hint">{roles.map((value) => <option key={value} value={value}>{t(`tokens.roles.${value}`)}</option>)}</select>
              <p className="hint" id="token-hint">{t(`tokens.rolesHint.${role}`)}</p>
            </div>
            <div className="field"><label htmlFor="token-subject">{role === 'participant' ? t('tokens.identity') : t('tokens.subject')}</label><input id="token-subject" required maxLength={128} value={subject} autoComplete="off" onChange={(event) => setSubject(event.target.value)} /></div>
            {role === 'participant' && <div className="field"><label htmlFor="token-name">{t('tokens.name')}</label><input id="token-name" maxLength={128} value={name} autoComplete="off" onChange={(event) => setName(event.target.value)} /></div>}
            {['participant', 'server'].includes(role) && <div className="field"><label htmlFor="token-room">{t('field.room')}</label><input id="token-room" required={role === 'participant'} maxLength={256} value={room} autoComplete="off" onChange={(event) => setRoom(event.target.value)} />{role === 'server' && <p className="hint">{t('tokens.anyRoom')}</p>}</div>}
            {role === 'supervisor' && <div className="field"><label htmlFor="token-agent">{t('tokens.agent')}</label><input id="token-agent" required maxLength={128} value={agent} autoComplete="off" onChange={(event) => setAgent(event.target.value)} /></div>}
            <div className="field"><label htmlFor="token-ttl">{t('tokens.ttl')}</label><select id="token-ttl" value={ttl} onChange={(event) => setTtl(Number(event.target.value))}>{lifetimes.map((value) => <option key={value} value={value}>{t(`tokens.lifetime.${value}`)}</option>)}</select></div>
            {mint.error && <Failure error={mint.error} />}
            <div><button type="submit" className="button primary" disabled={mint.isPending}>{t('tokens.mint')}</button></div>
          </form>
        </Card>
        <Card title={t('tokens.result')}>
          <div aria-live="polite" className="stack">
            {mint.data ? (
              <>
                <Note kind="warn">{t('tokens.keep')}</Note>
                <div className="stack tight"><h3>JWT</h3><CopyText text={mint.data.token} label={`${mint.data.token.slice(0, 30)}…${mint.data.token.slice(-8)}`} /></div>
                <p className="small muted">{t('tokens.expires')} <At at={mint.data.expires_at} /></p>
                <div className="stack tight"><h3>{t('tokens.grants')}</h3><pre tabIndex={0}>{JSON.stringify(mint.data.claims, null, 2)}</pre></div>
              </>
            ) : <p className="muted">{t('tokens.nothing')}</p>}
          </div>
        </Card>
      </div>
    </Page>
  )
}
