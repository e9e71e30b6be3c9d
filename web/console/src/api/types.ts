import type { components } from './schema'

type Schemas = components['schemas']

export type Recording = Schemas['Recording']
export type RecordingList = Schemas['RecordingList']
export type LiveTrack = Schemas['LiveTrack']
export type Manifest = Schemas['Manifest']
export type Participant = Schemas['Participant']
export type Part = Schemas['Part']
export type Track = Schemas['Track']
export type Interval = Schemas['Interval']
export type Peaks = Schemas['Peaks']
export type Composition = Schemas['Composition']
export type FilmSpec = Schemas['FilmSpec']
export type Readiness = Schemas['Readiness']
export type Room = Schemas['Room']
export type RoomParticipant = Schemas['RoomParticipant']
export type Node = Schemas['Node']
export type WebhookEndpoint = Schemas['WebhookEndpoint']
export type Delivery = Schemas['WebhookDelivery']
export type Health = Schemas['Health']

// What follows has no schema in the document yet.

export interface Supervision {
  supervision_id: string
  supervisor_id: string
  agent_id?: string
  room: string
  reason?: string
  by: string
  state: string
  termination_cause?: string
  created_at: string
  connected_at?: string
  ended_at?: string
}

/** A supervision that has just been asked for: what to connect with. */
export interface WatchGrant extends Supervision {
  livekit_url: string
  livekit_token: string
}

export interface AuditEntry {
  id: string
  at: string
  action: string
  supervision_id?: string
  supervisor_id: string
  agent_id?: string
  room?: string
  reason?: string
  by?: string
  termination_cause?: string
}

export interface MintedToken {
  token: string
  claims: Record<string, unknown>
  expires_at: string
}

export interface Page<T> {
  data: T[]
  next_cursor?: string
}
