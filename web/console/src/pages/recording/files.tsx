import { Download } from 'lucide-react'
import { Fragment } from 'react'
import { useTranslation } from 'react-i18next'
import type { Manifest } from '../../api/types'
import { Card, CopyText, Note } from '../../components/bits'
import { bytes, clock, number } from '../../format'
import { Thumbnail } from '../recordings'

export function Files({ manifest }: { manifest: Manifest }) {
  const { t } = useTranslation()
  const names = new Map(manifest.participants.map((p) => [p.identity, p.name || p.identity]))
  return (
    <div className="stack">
      {(manifest.refused ?? []).map((track) => (
        <Note key={track.sid} kind="warn">{t('files.refused', { who: track.participant, source: track.source, why: track.error?.message ?? '' })}</Note>
      ))}
      <Card title={t('files.title', { count: manifest.parts.length })} flush>
        <div className="scroll-x">
          <table className="table stacked">
            <thead>
              <tr><th><span className="sr">{t('recordings.picture')}</span></th><th>{t('field.participant')}</th><th>{t('field.from')}</th><th>{t('field.duration')}</th><th>{t('field.codec')}</th><th className="end">{t('field.lost')}</th><th className="end">{t('field.size')}</th><th><span className="sr">{t('action.download')}</span></th></tr>
            </thead>
            <tbody>
              {manifest.parts.map((part) => (
                <tr key={part.id}>
                  <td className="wide"><Thumbnail src={part.tracks.some((track) => track.kind === 'video') ? `/v1/recordings/${manifest.id}/parts/${part.id}/thumbnail` : undefined} /></td>
                  <td>{names.get(part.participant) ?? part.participant} <span className="muted small">{part.stream}</span><br /><CopyText text={part.file} label={`${part.id.slice(0, 12)}…${part.file.slice(part.file.lastIndexOf('.'))}`} /></td>
                  <td className="num wide">{clock(part.start_s)}</td>
                  <td className="num">{clock(part.duration_s)}</td>
                  <td className="mono wide">{part.tracks.map((track, i) => <Fragment key={track.number}>{i > 0 && <br />}{track.codec}{track.sizes?.length ? ` ${track.sizes.at(-1)!.width}×${track.sizes.at(-1)!.height}` : ''}</Fragment>)}</td>
                  <td className="num end wide">{number(part.tracks.reduce((sum, track) => sum + track.lost, 0))}</td>
                  <td className="num end nowrap">{bytes(part.bytes)}</td>
                  <td className="end"><a className="button small icon" href={part.media} download><Download size={15} aria-hidden /><span className="sr">{t('files.download', { who: part.participant })}</span></a></td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Card>
    </div>
  )
}
