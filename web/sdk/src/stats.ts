import type { LocalVideoTrack } from 'livekit-client';

/** For how many seconds the encoder was held back, by what. Browsers that do not tell say nothing: all 0. */
export interface QualityLimitationDurations {
  cpu: number;
  bandwidth: number;
  other: number;
  none: number;
}

export interface StreamStatistics {
  /** Of the last interval. */
  qualityLimitationDurations: QualityLimitationDurations;
  total: { qualityLimitationDurations: QualityLimitationDurations };
}

/** Of all streams together, and of each. */
export interface SessionStatistics extends StreamStatistics {
  streams: Record<string, StreamStatistics>;
}

export interface Statistics {
  /** Calls back every 5 seconds; returns what ends that. */
  onUpdate(callback: (statistics: SessionStatistics) => void): () => void;
}

const kinds = ['cpu', 'bandwidth', 'other', 'none'] as const;
const zero = (): QualityLimitationDurations => ({ cpu: 0, bandwidth: 0, other: 0, none: 0 });
const empty = (): StreamStatistics => ({ qualityLimitationDurations: zero(), total: { qualityLimitationDurations: zero() } });

function add(to: QualityLimitationDurations, more: QualityLimitationDurations): void {
  for (const kind of kinds) to[kind] += more[kind];
}

/** Measures what an agent's encoders tell. */
export class Meter implements Statistics {
  static readonly interval = 5000; // ms

  private readonly callbacks = new Set<(statistics: SessionStatistics) => void>();
  private readonly seen = new Map<string, QualityLimitationDurations>(); // by sender
  private readonly totals = new Map<string, QualityLimitationDurations>(); // by stream
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(private readonly tracks: () => Iterable<[stream: string, track: LocalVideoTrack]>) {}

  readonly onUpdate = (callback: (statistics: SessionStatistics) => void): (() => void) => {
    this.callbacks.add(callback);
    return () => void this.callbacks.delete(callback);
  };

  start(): void {
    this.stop();
    this.timer = setInterval(() => void this.measure(), Meter.interval);
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async measure(): Promise<void> {
    const all: SessionStatistics = { ...empty(), streams: {} };
    for (const [stream, track] of this.tracks()) {
      const lately = zero();
      for (const sender of await track.getSenderStats().catch(() => [])) {
        const now = { ...zero(), ...sender.qualityLimitationDurations };
        const key = `${stream} ${sender.streamId} ${sender.rid ?? ''}`;
        // A new sender after a reconnect has another key, and counts from zero.
        const before = this.seen.get(key) ?? zero();
        for (const kind of kinds) lately[kind] += Math.max(0, now[kind] - before[kind]);
        this.seen.set(key, now);
      }
      const total = this.totals.get(stream) ?? zero();
      add(total, lately);
      this.totals.set(stream, total);
      all.streams[stream] = { qualityLimitationDurations: lately, total: { qualityLimitationDurations: { ...total } } };
      add(all.qualityLimitationDurations, lately);
    }
    for (const total of this.totals.values()) add(all.total.qualityLimitationDurations, total);
    for (const callback of this.callbacks) callback(all);
  }
}
