import type { components } from './schema'

type Schemas = components['schemas']

export type EventType = Schemas['Event']['type']
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
export type Upload = Schemas['Upload']
export type Health = Schemas['Health']
export type Supervision = Schemas['Supervision']
export type WatchGrant = Schemas['NewSupervision']
export type AuditEntry = Schemas['AuditEntry']
export type MintedToken = Schemas['Token']

/** A page of a list. */
export interface Page<T> {
  data: T[]
  next_cursor?: string
}
