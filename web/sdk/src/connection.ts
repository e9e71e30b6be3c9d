import { EngineEvent, Room, RoomEvent, type DisconnectReason, type RoomOptions } from 'livekit-client';
import { causeOfError, causeOfReason, RecorderError, type TerminationCause } from './errors';
import type { Server, ServerEvent } from './server';

/** A session or a supervision: LiveKit's room, and what the server tells of it. */
export class Connection {
  readonly room: Room;
  private readonly aborted = new AbortController();
  private over = false;
  private sdpRefused = false;

  constructor(
    readonly server: Server,
    /** The resource: /v1/sessions/… or /v1/supervisions/… */
    readonly path: string,
    options: RoomOptions,
    private readonly ended: (cause: TerminationCause) => void,
  ) {
    this.room = new Room({ ...options, stopLocalTrackOnUnpublish: false, disconnectOnPageLeave: false });
    // LiveKit's client only says that no connection came about; a description that the browser refuses is another cause.
    this.room.engine?.on(EngineEvent.TransportsCreated, (...transports) => {
      for (const transport of transports) {
        if (!transport?.setRemoteDescription) continue;
        const set = transport.setRemoteDescription.bind(transport);
        transport.setRemoteDescription = (...description) =>
          set(...description).catch((error) => {
            this.sdpRefused = true;
            throw error;
          });
      }
    });
  }

  /** Joins the room. When that fails, what was opened for it is given up. */
  async join(url: string, token: string, opened: boolean): Promise<void> {
    try {
      await this.room.connect(url, token);
    } catch (cause) {
      // The server may know better, of a supervision that has ended meanwhile for one.
      const terminationCause = (await this.told(1)) ?? (this.sdpRefused ? 'SDP_ERROR' : causeOfError(cause));
      if (opened) await this.close(terminationCause).catch(() => undefined);
      else await this.finish(terminationCause);
      throw new RecorderError('NOT_CONNECTED', `the room was not joined: ${String(cause)}`, { cause, terminationCause });
    }
    this.room.on(RoomEvent.Disconnected, (reason) => void this.lost(reason));
  }

  /** Passes on what the server tells, and ends when it says so. */
  follow(each: (event: ServerEvent) => void): void {
    void this.server.follow(`${this.path}/events`, this.aborted.signal, (event) => {
      if (event.type === 'session' && event.state === 'ended') void this.finish(event.termination_cause as TerminationCause);
      else each(event);
    });
  }

  /** Ends the session or supervision at the server too. */
  async close(cause: TerminationCause = 'TERM_BY_CLIENT'): Promise<void> {
    const first = !this.over;
    this.over = true;
    try {
      await this.server.call('DELETE', this.path, undefined, { keepalive: true });
    } finally {
      if (first) await this.leave(cause);
    }
  }

  /** LiveKit has ended the connection: the server knows why, or its absence tells. */
  private async lost(reason: DisconnectReason | undefined): Promise<void> {
    if (!this.over) await this.finish((await this.told()) ?? causeOfReason(reason));
  }

  private async finish(cause: TerminationCause): Promise<void> {
    if (this.over) return;
    this.over = true;
    await this.leave(cause);
  }

  private async leave(cause: TerminationCause): Promise<void> {
    this.aborted.abort();
    await this.room.disconnect(false); // the tracks are the application's
    this.ended(cause);
  }

  /** Asks why it ended; an end that is being written needs a moment. */
  private async told(most = 3): Promise<TerminationCause | undefined> {
    for (let tries = 0; tries < most; tries++) {
      try {
        const { termination_cause } = await this.server.call<{ termination_cause?: TerminationCause }>('GET', `${this.path}/termination`, undefined, { timeout: 2000 });
        if (termination_cause) return termination_cause;
      } catch {
        return undefined;
      }
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    return undefined;
  }
}
