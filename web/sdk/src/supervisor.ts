import { RoomEvent, type RemoteTrack, type RemoteTrackPublication } from 'livekit-client';
import { Connection } from './connection';
import { Emitter } from './emitter';
import { RecorderError, type TerminationCause } from './errors';
import { baseOf, Server } from './server';

export type SupervisorEvent =
  | { type: 'connected' }
  | { type: 'disconnected'; termination_cause: TerminationCause }
  | { type: 'add_stream'; id: string; stream: MediaStream }
  | { type: 'remove_stream'; id: string };

/** A supervisor: watches one agent, unseen. */
export interface Supervisor {
  readonly version: string;
  setOptionServer(url: string): void;
  addEventListener(listener: (event: SupervisorEvent) => void): void;
  removeEventListener(listener: (event: SupervisorEvent) => void): void;
  /** Returns the identifier of the supervision. The reason is for the audit trail. */
  connect(supervisorId: string, token: string, agentId: string, webhookUrl?: string, reason?: string): Promise<string>;
  disconnect(): Promise<void>;
}

interface NewSupervision {
  supervision_id: string;
  livekit_url: string;
  livekit_token: string;
}

// Picture and sound of a stream come one after the other, and are told as one.
const together = 300; // ms

/** A supervisor of its own: a page may have several. */
export function createSupervisor(version: string): Supervisor {
  const events = new Emitter<SupervisorEvent>();
  const streams = new Map<string, { stream: MediaStream; told: boolean }>();
  let connection: Connection | undefined;
  let connecting = false;
  let server: string | undefined;

  const idOf = (publication: RemoteTrackPublication) => publication.trackInfo?.stream || publication.trackName.replace(/\/audio$/, '');

  function added(track: RemoteTrack, publication: RemoteTrackPublication): void {
    const id = idOf(publication);
    const known = streams.get(id);
    if (known) return known.stream.addTrack(track.mediaStreamTrack);
    const one = { stream: new MediaStream([track.mediaStreamTrack]), told: false };
    streams.set(id, one);
    setTimeout(() => {
      if (streams.get(id) !== one) return;
      one.told = true;
      events.emit({ type: 'add_stream', id, stream: one.stream });
    }, together);
  }

  function removed(track: RemoteTrack, publication: RemoteTrackPublication): void {
    const id = idOf(publication);
    const one = streams.get(id);
    if (!one) return;
    one.stream.removeTrack(track.mediaStreamTrack);
    if (one.stream.getTracks().length === 0) remove(id);
  }

  function remove(id: string): void {
    const one = streams.get(id);
    streams.delete(id);
    if (one?.told) events.emit({ type: 'remove_stream', id });
  }

  function ended(cause: TerminationCause): void {
    for (const id of [...streams.keys()]) remove(id);
    connection = undefined;
    events.emit({ type: 'disconnected', termination_cause: cause });
  }

  async function open(supervisorId: string, token: string, agentId: string, webhookUrl?: string, reason?: string): Promise<string> {
    const api = new Server(server ?? baseOf(token), token);
    let granted: NewSupervision;
    try {
      granted = await api.call<NewSupervision>('POST', '/v1/supervisions', {
        supervisor_id: supervisorId,
        agent_id: agentId,
        ...(webhookUrl && { webhook_url: webhookUrl }),
        ...(reason && { reason }),
      });
    } catch (error) {
      const cause = error instanceof RecorderError ? error.terminationCause : undefined;
      if (cause) events.emit({ type: 'disconnected', termination_cause: cause });
      throw error;
    }
    const to = new Connection(api, `/v1/supervisions/${granted.supervision_id}`, { adaptiveStream: false }, ended);
    to.room.on(RoomEvent.TrackSubscribed, (track, publication) => added(track, publication));
    to.room.on(RoomEvent.TrackUnsubscribed, (track, publication) => removed(track, publication));
    await to.join(granted.livekit_url, granted.livekit_token, true);
    connection = to;
    to.follow(() => undefined);
    events.emit({ type: 'connected' });
    return granted.supervision_id;
  }

  return {
    version,
    setOptionServer: (url) => void (server = url.replace(/\/+$/, '')),
    addEventListener: events.add,
    removeEventListener: events.remove,
    async connect(supervisorId, token, agentId, webhookUrl, reason) {
      if (connection || connecting) throw new RecorderError('TWO_TIMER', 'this supervisor is connected already');
      connecting = true;
      try {
        return await open(supervisorId, token, agentId, webhookUrl, reason);
      } finally {
        connecting = false;
      }
    },
    async disconnect() {
      await connection?.close();
    },
  };
}
