import { useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext, useEffect, useState } from 'react'

/** Which cached answers an event makes stale, by the first word of its type. */
const stale: Record<string, string[]> = {
  recording: ['recordings', 'recording', 'rooms', 'nodes', 'deliveries'],
  composition: ['compositions', 'deliveries'],
  supervision: ['supervisions', 'audit'],
  session: ['rooms', 'supervisions'],
  upload: ['uploads', 'recording'],
  webhook: ['webhooks', 'deliveries'],
}

const types = [
  'recording.started', 'recording.stopped', 'recording.failed', 'recording.paused', 'recording.resumed', 'recording.media_stalled',
  'recording.media_resumed', 'recording.uploaded', 'recording.ready', 'recording.deleted', 'composition.progress', 'composition.ready', 'composition.failed',
  'composition.canceled', 'session.connected', 'session.disconnected', 'session.finished', 'supervision.started', 'supervision.ended',
  'upload.ready', 'upload.failed', 'webhook.disabled',
]

const Streaming = createContext(false)

/** How often to ask, in ms, for what no event tells of while events come. */
export function useInterval(without: number, withEvents: number | false = false): number | false {
  return useContext(Streaming) ? withEvents : without
}

/** Follows the server's events and refreshes what they make stale. */
export function ServerEvents({ children }: { children: ReactNode }) {
  const client = useQueryClient()
  const [streaming, setStreaming] = useState(false)
  useEffect(() => {
    const source = new EventSource('/v1/events')
    source.onopen = () => setStreaming(true)
    source.onerror = () => setStreaming(false)
    const refresh = (event: Event) => {
      for (const key of stale[event.type.split('.')[0]] ?? []) void client.invalidateQueries({ queryKey: [key] })
    }
    for (const type of types) source.addEventListener(type, refresh)
    return () => source.close()
  }, [client])
  return <Streaming value={streaming}>{children}</Streaming>
}
