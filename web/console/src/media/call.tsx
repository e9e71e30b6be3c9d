import '@livekit/components-styles/index.css'
import { ConnectionStateToast, DisconnectButton, GridLayout, LiveKitRoom, ParticipantTile, RoomAudioRenderer, StartAudio, TrackToggle, useIsRecording, useTracks } from '@livekit/components-react'
import { Track } from 'livekit-client'
import { CircleDot } from 'lucide-react'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Note } from '../components/bits'

interface Props {
  url: string
  token: string
  /** Neither seen nor heard: nothing is published. */
  watchOnly?: boolean
  onConnected?: () => void
  onLeft: () => void
}

/** A room of LiveKit's, by LiveKit's own components. Loaded only where it is shown. */
export default function Call({ url, token, watchOnly, onConnected, onLeft }: Props) {
  const { t } = useTranslation()
  const [error, setError] = useState('')
  return (
    <>
      {error && <Note kind="bad">{error}</Note>}
      <LiveKitRoom
        serverUrl={url} token={token} connect audio={!watchOnly} video={!watchOnly} data-lk-theme="default" className="call"
        options={{ adaptiveStream: true, dynacast: true }}
        onConnected={onConnected} onDisconnected={onLeft}
        onError={(failure) => setError(failure.message)}
        onMediaDeviceFailure={(failure) => setError(t('join.noDevice', { why: String(failure ?? '') }))}
      >
        <Stage watchOnly={watchOnly} />
        <RoomAudioRenderer />
        <ConnectionStateToast />
      </LiveKitRoom>
    </>
  )
}

function Stage({ watchOnly }: { watchOnly?: boolean }) {
  const { t } = useTranslation()
  const recorded = useIsRecording()
  const tracks = useTracks([{ source: Track.Source.Camera, withPlaceholder: !watchOnly }, { source: Track.Source.ScreenShare, withPlaceholder: false }], { onlySubscribed: false })
  return (
    <div style={{ display: 'grid', gridTemplateRows: 'minmax(0, 1fr) auto', height: '100%' }}>
      {tracks.length > 0 ? <GridLayout tracks={tracks}><ParticipantTile /></GridLayout> : <p style={{ placeSelf: 'center', color: '#dfe5ee' }}>{t('watch.nobody')}</p>}
      <div className="lk-control-bar">
        {recorded && <span className="badge rec" role="status"><CircleDot size={14} aria-hidden /> {t('join.recorded')}</span>}
        {watchOnly ? <StartAudio label={t('watch.listen')} /> : (
          <>
            <TrackToggle source={Track.Source.Microphone}>{t('join.microphone')}</TrackToggle>
            <TrackToggle source={Track.Source.Camera}>{t('join.camera')}</TrackToggle>
            <TrackToggle source={Track.Source.ScreenShare}>{t('join.screen')}</TrackToggle>
          </>
        )}
        <DisconnectButton>{watchOnly ? t('watch.stop') : t('join.leave')}</DisconnectButton>
      </div>
    </div>
  )
}
