import type { WatchGrant } from '../api/types'

// In memory only: a token belongs into no storage and no URL.
const grants = new Map<string, WatchGrant>()

export function keepGrant(grant: WatchGrant) {
  grants.set(grant.supervision_id, grant)
}

export function grantOf(id: string): WatchGrant | undefined {
  return grants.get(id)
}

export function dropGrant(id: string) {
  grants.delete(id)
}
