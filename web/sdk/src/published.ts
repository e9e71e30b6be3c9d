import { LocalTrack, LocalVideoTrack, Track, type LocalTrackPublication, type Room, type TrackPublishOptions } from 'livekit-client';
import { RecorderError } from './errors';

type Kind = 'video' | 'audio';
const kinds: readonly Kind[] = ['video', 'audio'];

const trackOf = (stream: MediaStream, kind: Kind): MediaStreamTrack | undefined =>
  (kind === 'video' ? stream.getVideoTracks() : stream.getAudioTracks())[0];

/** One of the agent's streams: up to one picture and one sound, published under one name. */
export class PublishedStream {
  private readonly publications: Partial<Record<Kind, LocalTrackPublication>> = {};
  private queue: Promise<unknown> = Promise.resolve();
  private ended = new AbortController();

  constructor(
    private readonly room: Room,
    readonly id: string,
    private stream: MediaStream,
    private cap: number | null, // kbit/s
    private readonly onEnded: (stream: MediaStream) => void,
  ) {}

  get videoTrack(): LocalVideoTrack | undefined {
    const track = this.publications.video?.track;
    return track instanceof LocalVideoTrack ? track : undefined;
  }

  publish(): Promise<void> {
    return this.inTurn(async () => {
      if (!kinds.some((kind) => trackOf(this.stream, kind))) throw new RecorderError('INVALID_STREAM', `stream ${this.id} has no track`);
      for (const kind of kinds) {
        const track = trackOf(this.stream, kind);
        if (track) await this.publishTrack(kind, track);
      }
      this.watchEnd();
    });
  }

  /**
   * Publishes another stream's tracks in place of these. The publications stay, and so does the recording; a kind that
   * the new stream lacks is silent until one comes that has it.
   */
  switchTo(stream: MediaStream, mayPublish: boolean): Promise<void> {
    return this.inTurn(async () => {
      for (const kind of kinds) {
        if (trackOf(stream, kind) && !this.publications[kind] && !mayPublish)
          throw new RecorderError('STREAMS_FIXED', `stream ${this.id} began without ${kind}: while it is recorded, none can be added`);
      }
      this.ended.abort();
      for (const kind of kinds) {
        const next = trackOf(stream, kind);
        const track = this.publications[kind]?.track;
        if (!track) {
          if (next) await this.publishTrack(kind, next);
        } else if (next) {
          await this.replace(track as LocalTrack, next);
        } else {
          await (track as LocalTrack).pauseUpstream();
        }
      }
      this.stream = stream;
      this.watchEnd();
    });
  }

  /** Takes the tracks back; they go on for the application. */
  unpublish(): Promise<void> {
    return this.inTurn(async () => {
      this.ended.abort();
      for (const kind of kinds) {
        const track = this.publications[kind]?.track;
        if (track) await this.room.localParticipant.unpublishTrack(track as LocalTrack, false);
        delete this.publications[kind];
      }
    });
  }

  setCap(kbps: number | null): Promise<void> {
    this.cap = kbps;
    return this.inTurn(() => this.applyCap());
  }

  /** LiveKit works out its own bitrates anew after a replacement and a reconnect. */
  reapplyCap(): Promise<void> {
    return this.inTurn(() => this.applyCap());
  }

  forget(): void {
    this.ended.abort();
  }

  private async publishTrack(kind: Kind, track: MediaStreamTrack): Promise<void> {
    const { enabled } = track;
    // As camera and microphone even where it is a screen: of those LiveKit unpublishes what has ended, and nothing could
    // be switched to any more.
    const options: TrackPublishOptions =
      kind === 'video'
        ? { source: Track.Source.Camera, name: this.id, simulcast: false, ...(this.cap && { videoEncoding: { maxBitrate: this.cap * 1000, maxFramerate: 30 } }) }
        : { source: Track.Source.Microphone, name: `${this.id}/audio` };
    this.publications[kind] = await this.room.localParticipant.publishTrack(track, { ...options, stream: this.id });
    track.enabled = enabled;
  }

  private async replace(track: LocalTrack, next: MediaStreamTrack): Promise<void> {
    const { enabled } = next;
    await track.replaceTrack(next, true);
    if (track.isUpstreamPaused) await track.resumeUpstream();
    if (track.isMuted) await track.unmute(); // LiveKit mutes what has ended
    next.enabled = enabled;
    await this.applyCap();
  }

  private async applyCap(): Promise<void> {
    const sender = this.videoTrack?.sender;
    if (!sender) return;
    const parameters = sender.getParameters();
    if (this.cap === null || !parameters.encodings?.length) return;
    for (const encoding of parameters.encodings) encoding.maxBitrate = this.cap * 1000;
    await sender.setParameters(parameters);
  }

  /** Tells once when all tracks have ended. A track that is stopped by the page tells nobody. */
  private watchEnd(): void {
    this.ended = new AbortController();
    const { stream, ended } = this;
    for (const track of stream.getTracks()) {
      track.addEventListener(
        'ended',
        () => {
          if (stream.getTracks().some((t) => t.readyState === 'live')) return;
          ended.abort();
          this.onEnded(stream);
        },
        { signal: ended.signal },
      );
    }
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.queue.then(work, work);
    this.queue = done.catch(() => undefined);
    return done;
  }
}
