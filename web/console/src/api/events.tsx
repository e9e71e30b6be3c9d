import { type InfiniteData, type Query, type QueryClient, useQueryClient } from '@tanstack/react-query'
import { createContext, type ReactNode, useContext, useEffect, useState } from 'react'
import { isFinal } from './recording'
import type { EventType, Recording, RecordingList } from './types'

const media = ['recording', 'recordings', 'deliveries']
const border = [...media, 'rooms', 'nodes', 'audit']

/** Which cached answers an event makes stale. */
const stale: Record<Exclude<EventType, 'recording.progress' | 'webhook.test'>, string[]> = {
  'recording.started': border,
  'recording.paused': media,
  'recording.resumed': media,
  'recording.media_stalled': media,
  'recording.media_resumed': media,
  'recording.stopped': border,
  'recording.failed': border,
  'recording.incomplete': media,
  'recording.completed': media,
  'recording.uploaded': ['uploads', 'recording', 'deliveries'],
  'recording.upload_failed': ['uploads', 'recording', 'deliveries'],
  'composition.progress': ['compositions', 'deliveries'],
  'composition.ready': ['compositions', 'deliveries'],
  'composition.failed': ['compositions', 'deliveries'],
  'session.started': ['rooms', 'deliveries'],
  'session.ended': ['rooms', 'supervisions', 'deliveries'],
  'supervision.started': ['supervisions', 'audit', 'deliveries'],
  'supervision.ended': ['supervisions', 'audit', 'deliveries'],
  'webhook.endpoint_disabled': ['webhooks', 'deliveries'],
}

const Streaming = createContext(false)

/** How often to ask, in ms, for what no event tells of while events come. */
export function useInterval(without: number, withEvents: number | false = false): number | false {
  return useContext(Streaming) ? withEvents : without
}

type Pages = InfiniteData<RecordingList>

/** Whether a list is so long that it is dear to load anew: what is told of its rows is put into them instead. */
function long({ state }: Query): boolean {
  const most = 5
  return ((state.data as Partial<Pages> | undefined)?.pages?.length ?? 0) > most
}

/** Puts what an event tells of a recording into the lists that are not loaded anew. */
export function amend(client: QueryClient, now: Recording) {
  const amended = (page: RecordingList) => (page.data.some(({ id }) => id === now.id) ? { ...page, data: page.data.map((old) => (old.id === now.id ? { ...old, ...now } : old)) } : page)
  client.setQueriesData<Pages>({ queryKey: ['recordings', 'list'], predicate: long }, (old) => old && { ...old, pages: old.pages.map(amended) })
}

/** Puts how a recording fares where it is shown; reports whether it was known there. */
export function take(client: QueryClient, now: Recording): boolean {
  const newer = (old: Recording) => (old.id === now.id && !isFinal(old) ? now : old)
  client.setQueryData<Recording>(['recording', now.id], (old) => old && newer(old))
  const active = client.setQueryData<RecordingList>(['recordings', 'active'], (old) => old && { ...old, data: old.data.map(newer) })
  return !active || active.data.some(({ id }) => id === now.id)
}

/** Follows the server's events until it is stopped; whatever they make stale is refreshed once a second at most. */
function follow(client: QueryClient, streaming: (is: boolean) => void): () => void {
  const due = new Set<string>()
  let source: EventSource
  let again: ReturnType<typeof setTimeout> | undefined
  let flush: ReturnType<typeof setTimeout> | undefined
  let flushed = 0
  const refresh = (keys: string[]) => {
    keys.forEach((key) => due.add(key))
    flush ??= setTimeout(() => {
      for (const key of due) void client.invalidateQueries({ queryKey: [key], predicate: (query) => !long(query) })
      due.clear()
      flush = undefined
      flushed = Date.now()
    }, Math.max(0, flushed + 1000 - Date.now()))
  }
  let missed = false
  const open = () => {
    source = new EventSource('/v1/events?progress=true')
    source.onopen = () => {
      streaming(true)
      if (missed) void client.invalidateQueries()
    }
    source.onerror = () => {
      streaming(false)
      missed = true
      // The browser itself goes on where a connection broke, but not where it was refused.
      if (source.readyState === EventSource.CLOSED) again = setTimeout(open, 5000)
    }
    for (const [type, keys] of Object.entries(stale)) {
      source.addEventListener(type, ({ data }: MessageEvent<string>) => {
        if (keys.includes('recordings')) amend(client, (JSON.parse(data) as { data: Recording }).data)
        refresh(keys)
      })
    }
    source.addEventListener('recording.progress', ({ data }: MessageEvent<string>) => {
      const known = take(client, (JSON.parse(data) as { data: Recording }).data)
      if (!known) refresh(['recordings', 'rooms'])
    })
  }
  open()
  return () => {
    source.close()
    clearTimeout(again)
    clearTimeout(flush)
  }
}

/** Follows the server's events and refreshes what they make stale. */
export function ServerEvents({ children }: { children: ReactNode }) {
  const client = useQueryClient()
  const [streaming, setStreaming] = useState(false)
  useEffect(() => follow(client, setStreaming), [client])
  return <Streaming value={streaming}>{children}</Streaming>
}
