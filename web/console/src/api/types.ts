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
export type Health = Schemas['Health']

// What follows has no schema in the document yet.

export interface RoomTrack {
  sid: string
  source: string
  kind: string
  codec?: string
  muted?: boolean
  width?: number
  height?: number
}

export interface RoomParticipant {
  identity: string
  name?: string
  sid: string
  joined_at?: string
  tracks?: RoomTrack[]
}

export interface Room {
  name: string
  sid: string
  created_at?: string
  participants?: RoomParticipant[]
  recordings?: string[]
}

export interface Node {
  name: string
  version?: string
  since?: string
  rooms?: number
  max_rooms?: number
  load?: number
  can_accept?: boolean
  draining?: boolean
  disk_free_bytes?: number
}

export interface Failure {
  code: string
  message: string
}

export interface WebhookEndpoint {
  id: string
  url: string
  description?: string
  types: string[]
  signing?: string
  secret?: string
  read_only: boolean
  enabled: boolean
  pending: number
  failing_since?: string
  disabled_at?: string
  reason?: string
}

export interface Attempt {
  at: string
  latency_s: number
  status?: number
  answer?: string
  error?: Failure
}

export interface Delivery {
  id: string
  event: string
  type: string
  endpoint: string
  url?: string
  recording_id?: string
  state: string
  error?: Failure
  created_at: string
  next_attempt?: string
  ended_at?: string
  attempts: Attempt[]
  body?: string
}

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
