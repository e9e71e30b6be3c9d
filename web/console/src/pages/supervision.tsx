import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { Eye } from 'lucide-react'
import { useTranslation } from 'react-i18next'
import { call } from '../api/client'
import { useInterval } from '../api/events'
import type { Page as PageOf, Supervision as Watching } from '../api/types'
import { AuditTrail } from '../components/audit-table'
import { Ago, Answer, Card, Empty, Page, State } from '../components/bits'
import { useSay, useSayError } from '../components/toasts'

export default function Supervision() {
  const { t } = useTranslation()
  const client = useQueryClient()
  const say = useSay()
  const sayError = useSayError()
  // That somebody has a right to watch and has not come yet is no event.
  const supervisions = useQuery({ queryKey: ['supervisions'], queryFn: () => call<PageOf<Watching>>('GET', '/v1/supervisions'), refetchInterval: useInterval(4000, 15_000), retry: false })
  const end = useMutation({
    mutationFn: (id: string) => call('DELETE', `/v1/supervisions/${id}`),
    onSuccess: () => say(t('supervision.ended')),
    onError: sayError,
    onSettled: () => Promise.all(['supervisions', 'audit'].map((key) => client.invalidateQueries({ queryKey: [key] }))),
  })
  return (
    <Page title={t('supervision.title')} lead={t('supervision.lead')}>
      <Answer query={supervisions}>
        {({ data }) => {
          const now = data.filter((one) => one.state !== 'ended')
          return (
            <>
              <Card title={t('supervision.now')} flush>
                {now.length === 0 ? <Empty icon={<Eye size={44} aria-hidden />} title={t('supervision.none')}><p>{t('supervision.noneHint')}</p></Empty> : (
                  <table className="table stacked halves">
                    <thead><tr><th>{t('audit.who')}</th><th>{t('audit.whom')}</th><th>{t('audit.why')}</th><th>{t('field.state')}</th><th>{t('supervision.since')}</th><th><span className="sr">{t('supervision.end')}</span></th></tr></thead>
                    <tbody>
                      {now.map((one) => (
                        <tr key={one.supervision_id}>
                          <td>{one.supervisor_id}</td>
                          <td>{one.agent_id ?? one.room}</td>
                          <td className="muted">{one.reason}</td>
                          <td><State state={one.state} /></td>
                          <td className="nowrap"><Ago at={one.connected_at ?? one.created_at} /></td>
                          <td className="end"><button type="button" className="button small danger" disabled={end.isPending} onClick={() => end.mutate(one.supervision_id)}>{t('supervision.end')}</button></td>
                        </tr>
                      ))}
                    </tbody>
                  </table>
                )}
              </Card>
              <AuditTrail title={t('supervision.history')} />
            </>
          )
        }}
      </Answer>
    </Page>
  )
}
