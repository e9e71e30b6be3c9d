import { isTime } from '../format'
import type { Recording } from './types'

/** Whether a recording has yet to begin: no event tells that no node can take it, so this is asked for. */
export function waits({ state }: Pick<Recording, 'state'>): boolean {
  return state === 'queued' || state === 'starting'
}

/** Whether a recording has ended, and will not change its state any more. */
export function isFinal({ state }: Pick<Recording, 'state'>): boolean {
  return state === 'stopped' || state === 'failed'
}

/** When a recording began, or was asked for if it has not yet. */
export function began({ started_at, created_at }: Pick<Recording, 'started_at' | 'created_at'>): string {
  return isTime(started_at) ? started_at : created_at
}
