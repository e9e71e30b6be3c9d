import { useCallback, useSyncExternalStore } from 'react'
import type { Transport } from './transport'

/** Who is heard: solo wins over mute, as on a mixing desk. */
export interface Desk {
  muted: ReadonlySet<string>
  solo: ReadonlySet<string>
}

export function heard(desk: Desk, identity: string): boolean {
  return desk.solo.size > 0 ? desk.solo.has(identity) : !desk.muted.has(identity)
}

/** Renders anew when the transport changes and several times a second while it plays. */
export function useTransport(transport: Transport): { playing: boolean; waiting: boolean; second: number } {
  const snapshot = useCallback(() => `${transport.playing}|${transport.waiting}|${Math.floor(transport.time() * 4)}`, [transport])
  const subscribe = useCallback((changed: () => void) => {
    const off = transport.subscribe(changed)
    const timer = setInterval(() => transport.playing && changed(), 250)
    return () => { off(); clearInterval(timer) }
  }, [transport])
  useSyncExternalStore(subscribe, snapshot)
  return { playing: transport.playing, waiting: transport.waiting, second: transport.time() }
}
