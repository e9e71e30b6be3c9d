import { RoomEvent } from 'livekit-client';
import { Connection } from './connection';
import { Emitter } from './emitter';
import { causeOfError, RecorderError, type TerminationCause } from './errors';
import { PublishedStream } from './published';
import { baseOf, Server, type ServerEvent } from './server';
import { Meter, type Statistics } from './stats';

export type RecordingState = 'STARTED' | 'STOPPED' | 'FAILED';

export interface RecordingResult {
  recording_id: string;
  state: RecordingState;
  /** Why it failed. */
  error?: { code: string; message: string };
}

export interface RecordingTarget {
  /** Takes the file by HTTP PUT. Left out: the file stays with roomreel. */
  uploadUrl?: string;
  /** Is told what became of it. */
  webhookUrl?: string;
}

export type AgentEvent =
  | { type: 'connected' }
  | { type: 'disconnected'; termination_cause: TerminationCause }
  | { type: 'recording_state'; recording_id: string; stream_id: string; state: RecordingState; error?: { code: string; message: string } }
  | { type: 'stream_ended'; id: string; stream: MediaStream }
  | { type: 'statistics_ready'; statistics: Statistics };

type Streams = Record<string, MediaStream>;

/** The name of the only stream where the forms of versions 1 and 2 are used. */
export const onlyStream = 'stream';

interface NewSession {
  session_id: string;
  livekit_url: string;
  livekit_token: string;
  resume_key: string;
  resumed: boolean;
}

interface Recordings {
  recordings: Record<string, RecordingResult & { stream_id: string }>;
}

/** An agent: connects, publishes up to three streams and has them recorded. */
export interface Agent {
  readonly version: string;
  readonly maxStreamCount: number;
  /** Base URL of roomreel. Without it, it is what the token says, else the page's origin. */
  setOptionServer(url: string): void;
  /** Highest bitrate of each picture, 150 to 4000 kbit/s; null leaves it to the browser. Takes effect at once. */
  setOptionMaxBitrate(kbps: number | null): void;
  addEventListener(listener: (event: AgentEvent) => void): void;
  removeEventListener(listener: (event: AgentEvent) => void): void;
  /** Returns the identifier of the session. A page that was reloaded comes back into the session it had. */
  connect(clientId: string, token: string, streams: Streams | MediaStream, webhookUrl?: string): Promise<string>;
  /** Not while recording. */
  addStream(streams: Streams): Promise<void>;
  /** Resolves once the first media of each stream is on disk, or it has failed. */
  startRecording(recordings: Record<string, RecordingTarget>): Promise<Record<string, RecordingResult>>;
  startRecording(uploadUrl?: string, webhookUrl?: string): Promise<RecordingResult>;
  /** The file goes on. The former stream's tracks are left alone. */
  switchStream(streams: Streams | MediaStream): Promise<void>;
  /** Its recording is stopped and uploaded. */
  removeStream(id: string): Promise<void>;
  pauseRecording(): Promise<void>;
  resumeRecording(): Promise<void>;
  /** Resolves once the files are complete; uploads follow. */
  stopRecording(): Promise<void>;
  disconnect(): Promise<void>;
}

declare const __VERSION__: string;

export const version = __VERSION__;
export const maxStreamCount = 3;

const resumeKeyOf = (clientId: string) => `roomreel.resume.${clientId}`;

/** An agent of its own: a page may have several. */
export function createAgent(): Agent {
  const events = new Emitter<AgentEvent>();
  const published = new Map<string, PublishedStream>();
  let connection: Connection | undefined;
  let connecting = false;
  let server: string | undefined;
  let cap: number | null = null;
  const recording = new Set<string>(); // recordings that run

  const meter = new Meter(function* () {
    for (const [id, stream] of published) if (stream.videoTrack) yield [id, stream.videoTrack];
  });

  const connected = (): Connection => {
    if (!connection) throw new RecorderError('INVALID_STATE', 'connect first');
    return connection;
  };
  const named = (streams: Streams | MediaStream): Streams => (streams instanceof MediaStream ? { [onlyStream]: streams } : streams);
  const known = (id: string): PublishedStream => {
    const stream = published.get(id);
    if (!stream) throw new RecorderError('NOT_FOUND', `there is no stream ${id}`);
    return stream;
  };

  async function publish(to: Connection, id: string, stream: MediaStream): Promise<void> {
    const one = new PublishedStream(to.room, id, stream, cap, (ended) => events.emit({ type: 'stream_ended', id, stream: ended }));
    published.set(id, one);
    try {
      await one.publish();
    } catch (error) {
      published.delete(id);
      throw error;
    }
  }

  function hear(event: ServerEvent): void {
    if (event.type !== 'recording_state') return;
    const { recording_id = '', stream_id = '', error } = event;
    const state = event.state as RecordingState;
    if (state === 'STARTED') recording.add(recording_id);
    else recording.delete(recording_id);
    events.emit({ type: 'recording_state', recording_id, stream_id, state, ...(error && { error }) });
  }

  function ended(clientId: string, cause: TerminationCause): void {
    meter.stop();
    for (const stream of published.values()) stream.forget();
    published.clear();
    recording.clear();
    connection = undefined;
    if (cause !== 'CONN_TIMEOUT' && cause !== 'CONN_ERROR') sessionStorage.removeItem(resumeKeyOf(clientId));
    events.emit({ type: 'disconnected', termination_cause: cause });
  }

  async function open(clientId: string, token: string, streams: Streams, webhookUrl?: string): Promise<string> {
    const api = new Server(server ?? baseOf(token), token);
    const key = resumeKeyOf(clientId);
    const resume_key = sessionStorage.getItem(key);
    let session: NewSession;
    try {
      session = await api.call<NewSession>('POST', '/v1/sessions', {
        client_id: clientId,
        streams: Object.keys(streams),
        ...(webhookUrl && { webhook_url: webhookUrl }),
        ...(resume_key && { resume_key }),
      });
    } catch (error) {
      const cause = error instanceof RecorderError ? error.terminationCause : undefined;
      if (cause) events.emit({ type: 'disconnected', termination_cause: cause });
      throw error;
    }
    sessionStorage.setItem(key, session.resume_key);
    const to = new Connection(api, `/v1/sessions/${session.session_id}`, { adaptiveStream: false, dynacast: false }, (cause) => ended(clientId, cause));
    await to.join(session.livekit_url, session.livekit_token, !session.resumed);
    connection = to;
    to.room.on(RoomEvent.Reconnected, () => published.forEach((stream) => void stream.reapplyCap()));
    try {
      for (const [id, stream] of Object.entries(streams)) await publish(to, id, stream);
    } catch (cause) {
      const terminationCause = causeOfError(cause);
      await to.close(terminationCause).catch(() => undefined);
      throw new RecorderError('NOT_CONNECTED', `the streams were not published: ${String(cause)}`, { cause, terminationCause });
    }
    events.emit({ type: 'connected' });
    to.follow(hear);
    meter.start();
    events.emit({ type: 'statistics_ready', statistics: meter });
    return session.session_id;
  }

  return {
    version,
    maxStreamCount,
    setOptionServer: (url) => void (server = url.replace(/\/+$/, '')),
    setOptionMaxBitrate(kbps) {
      if (kbps !== null && !Number.isFinite(kbps)) throw new RecorderError('INVALID_REQUEST', 'the bitrate is a number of kbit/s, or null');
      cap = kbps === null ? null : Math.min(4000, Math.max(150, kbps));
      for (const stream of published.values()) void stream.setCap(cap);
    },
    addEventListener: events.add,
    removeEventListener: events.remove,

    async connect(clientId, token, streams, webhookUrl) {
      if (connection || connecting) throw new RecorderError('TWO_TIMER', 'this agent is connected already');
      connecting = true;
      try {
        return await open(clientId, token, named(streams), webhookUrl);
      } finally {
        connecting = false;
      }
    },
    async addStream(streams) {
      const to = connected();
      if (recording.size > 0) throw new RecorderError('STREAMS_FIXED', 'no stream can be added while one is recorded');
      for (const [id, stream] of Object.entries(streams)) {
        if (published.has(id)) throw new RecorderError('INVALID_REQUEST', `there is a stream ${id} already`);
        await to.server.call('POST', `${to.path}/streams`, { stream: id });
        await publish(to, id, stream);
      }
    },
    async startRecording(what?: Record<string, RecordingTarget> | string, webhookUrl?: string): Promise<any> {
      const to = connected();
      const single = typeof what !== 'object';
      const targets: Record<string, RecordingTarget> = single
        ? { [onlyStream]: { ...(what && { uploadUrl: what }), ...(webhookUrl && { webhookUrl }) } }
        : what;
      const { recordings } = await to.server.call<Recordings>('POST', `${to.path}/recordings`, {
        recordings: Object.fromEntries(
          Object.entries(targets).map(([id, t]) => [id, { ...(t.uploadUrl && { upload_url: t.uploadUrl }), ...(t.webhookUrl && { webhook_url: t.webhookUrl }) }]),
        ),
      });
      const results: Record<string, RecordingResult> = {};
      for (const [id, { recording_id, state, error }] of Object.entries(recordings)) {
        if (state === 'STARTED') recording.add(recording_id);
        results[id] = { recording_id, state, ...(error && { error }) };
      }
      return single ? results[onlyStream] : results;
    },
    async switchStream(streams) {
      connected();
      const entries = Object.entries(named(streams));
      for (const [id] of entries) known(id);
      for (const [id, stream] of entries) await known(id).switchTo(stream, recording.size === 0);
    },
    async removeStream(id) {
      const to = connected();
      const stream = known(id);
      // First the server: the file is complete before its media goes.
      await to.server.call('DELETE', `${to.path}/streams/${encodeURIComponent(id)}`);
      published.delete(id);
      await stream.unpublish();
    },
    async pauseRecording() {
      const to = connected();
      await to.server.call('POST', `${to.path}/recordings/pause`);
    },
    async resumeRecording() {
      const to = connected();
      await to.server.call('POST', `${to.path}/recordings/resume`);
    },
    async stopRecording() {
      const to = connected();
      await to.server.call('POST', `${to.path}/recordings/stop`);
      recording.clear();
    },
    async disconnect() {
      await connection?.close();
    },
  };
}
