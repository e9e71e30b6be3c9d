import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { RotateCcw, Upload as UploadIcon } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { call } from '../../api/client'
import { useInterval } from '../../api/events'
import type { Composition, Manifest, Upload } from '../../api/types'
import { Ago, Answer, Card, Failure, Progress } from '../../components/bits'
import { Dialog } from '../../components/dialog'
import { useSay } from '../../components/toasts'
import { bytes, clock } from '../../format'

const kinds: Record<string, string> = { pending: 'info', running: 'info', done: 'good', failed: 'rec' }

/** Where the files of a recording went or go, and what to do when they did not arrive. */
export function Uploads({ manifest, films }: { manifest: Manifest; films: Composition[] }) {
  const { t } = useTranslation()
  const [sending, setSending] = useState<Upload | 'new'>()
  const fallback = useInterval(5000)
  const uploads = useQuery({
    queryKey: ['uploads', manifest.id],
    queryFn: () => call<{ data: Upload[] }>('GET', `/v1/recordings/${manifest.id}/uploads`),
    // How much of a running upload has been sent is no event.
    refetchInterval: ({ state: { data } }) => (data?.data.some(({ state }) => state === 'running' || state === 'pending') ? 2000 : fallback),
    retry: false,
  })
  return (
    <Card title={t('uploads.title')} flush actions={<button type="button" className="button small" onClick={() => setSending('new')}><UploadIcon size={14} aria-hidden /> {t('uploads.send')}</button>}>
      {sending && <SendDialog manifest={manifest} films={films} again={sending === 'new' ? undefined : sending} onClose={() => setSending(undefined)} />}
      <Answer query={uploads}>
        {({ data }) => data.length === 0 ? <p className="muted small" style={{ padding: 18 }}>{t('uploads.none')}</p> : (
          <ul>
            {data.map((upload) => (
              <li key={upload.id} className="upload">
                <div className="grow stack tight">
                  <strong className="clip" title={upload.url}>{upload.url}</strong>
                  <span className="small muted clip">{upload.file.slice(upload.file.lastIndexOf('/') + 1)} · <span className="num">{bytes(upload.bytes)}</span> · <Ago at={upload.ended_at ?? upload.created_at} /></span>
                  {upload.state === 'running' && <Progress value={(100 * upload.sent) / Math.max(1, upload.bytes)} label={t('uploads.progress')} />}
                  {upload.error && <span className="small">{upload.error.message} <span className="mono muted">{upload.error.code}</span></span>}
                </div>
                <span className={`badge ${kinds[upload.state] ?? ''}`}><span className="dot" aria-hidden />{t(`deliveries.state.${upload.state}`, upload.state)}</span>
                {upload.state === 'failed' && <button type="button" className="button small" onClick={() => setSending(upload)}><RotateCcw size={14} aria-hidden /> {t('uploads.again')}</button>}
              </li>
            ))}
          </ul>
        )}
      </Answer>
    </Card>
  )
}

function SendDialog({ manifest, films, again, onClose }: { manifest: Manifest; films: Composition[]; again?: Upload; onClose: () => void }) {
  const { t } = useTranslation()
  const client = useQueryClient()
  const say = useSay()
  const [url, setUrl] = useState('')
  const [file, setFile] = useState(manifest.parts[0]?.id ?? '')
  const path = `/v1/recordings/${manifest.id}/uploads`
  const nameOf = (identity: string) => manifest.participants.find((one) => one.identity === identity)?.name || identity
  const send = useMutation({
    mutationFn: () => again
      ? call<Upload>('POST', `${path}/${again.id}/retry`, url.trim() ? { url: url.trim() } : {})
      : call<Upload>('POST', path, { url: url.trim(), [file.startsWith('cmp_') ? 'composition' : 'part']: file }),
    onSuccess: () => {
      say(t('uploads.sent'))
      onClose()
    },
    onSettled: () => client.invalidateQueries({ queryKey: ['uploads', manifest.id] }),
  })
  return (
    <Dialog title={t(again ? 'uploads.again' : 'uploads.send')} onClose={onClose}>
      <form className="form" onSubmit={(event) => { event.preventDefault(); send.mutate() }}>
        {again ? <p className="small muted">{again.url}</p> : (
          <div className="field">
            <label htmlFor="upload-file">{t('uploads.file')}</label>
            <select id="upload-file" value={file} onChange={(event) => setFile(event.target.value)}>
              {manifest.parts.map((part) => <option key={part.id} value={part.id}>{nameOf(part.participant)} · {part.stream} · {clock(part.duration_s)}</option>)}
              {films.map((film) => <option key={film.id} value={film.id}>{t('films.film', { layout: t(`layout.${film.spec.layout}`, film.spec.layout ?? '') })}</option>)}
            </select>
          </div>
        )}
        <div className="field">
          <label htmlFor="upload-url">{t(again ? 'uploads.newUrl' : 'uploads.url')}</label>
          <input id="upload-url" type="url" required={!again} maxLength={4096} placeholder="https://app.example.com/put/4711?signature=…" value={url} onChange={(event) => setUrl(event.target.value)} />
          <p className="hint">{t(again ? 'uploads.newUrlHint' : 'uploads.urlHint')}</p>
        </div>
        {send.error && <Failure error={send.error} />}
        <div className="actions"><button type="button" className="button" onClick={onClose}>{t('action.cancel')}</button><button type="submit" className="button primary" disabled={send.isPending}>{t('uploads.start')}</button></div>
      </form>
    </Dialog>
  )
}
