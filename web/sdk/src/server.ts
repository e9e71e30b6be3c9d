import { RecorderError } from './errors';

/** A named event of the server's stream. */
export interface ServerEvent {
  type: string;
  state: string;
  termination_cause?: string;
  stream_id?: string;
  recording_id?: string;
  error?: { code: string; message: string };
}

const pause = (ms: number, signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
  });

/** roomreel's API, as the bearer of one token may use it. */
export class Server {
  constructor(
    readonly base: string,
    private readonly token: string,
  ) {}

  /** Calls the API and returns the body of its answer; a problem is thrown. */
  async call<T>(method: string, path: string, body?: unknown, options: { keepalive?: boolean; timeout?: number } = {}): Promise<T> {
    let answer: Response;
    try {
      answer = await fetch(this.base + path, {
        method,
        keepalive: options.keepalive ?? false,
        headers: { Authorization: `Bearer ${this.token}`, ...(body !== undefined && { 'Content-Type': 'application/json' }) },
        body: body === undefined ? null : JSON.stringify(body),
        signal: AbortSignal.timeout(options.timeout ?? 90_000),
      });
    } catch (cause) {
      const late = cause instanceof DOMException && cause.name === 'TimeoutError';
      throw new RecorderError('UNREACHABLE', `roomreel at ${this.base} does not answer`, {
        cause,
        terminationCause: late ? 'CONN_TIMEOUT' : 'CONN_ERROR',
      });
    }
    const content = await answer.json().catch(() => undefined);
    if (answer.ok) return content as T;
    throw new RecorderError(content?.code ?? 'HTTP_ERROR', content?.detail ?? `${method} ${path}: status ${answer.status}`, { status: answer.status });
  }

  /**
   * Follows a stream of events from its beginning, over broken connections, until it ends or signal is aborted. Each
   * event comes once: after a break the server is told which was the last.
   */
  async follow(path: string, signal: AbortSignal, each: (event: ServerEvent) => void): Promise<void> {
    let last = '';
    for (let wait = 250; !signal.aborted; wait = Math.min(wait * 2, 5000)) {
      try {
        const answer = await fetch(this.base + path, {
          headers: { Authorization: `Bearer ${this.token}`, Accept: 'text/event-stream', ...(last && { 'Last-Event-ID': last }) },
          cache: 'no-store',
          signal,
        });
        if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) return;
        if (answer.ok && answer.body) {
          for await (const message of messages(answer.body)) {
            wait = 250;
            if (message.id) last = message.id;
            if (!message.data) continue;
            const event = { ...JSON.parse(message.data), type: message.event } as ServerEvent;
            each(event);
            if (event.type === 'session' && event.state === 'ended') return;
          }
        }
      } catch {
        // The connection broke, or signal was aborted: the loop looks.
      }
      await pause(wait, signal);
    }
  }
}

interface Message {
  id: string;
  event: string;
  data: string;
}

/** The messages of an event stream (HTML standard, "Interpreting an event stream"). */
async function* messages(body: ReadableStream<Uint8Array>): AsyncGenerator<Message> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = '';
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const message: Message = { id: '', event: 'message', data: '' };
        for (const line of block.split('\n')) {
          const [, field, content] = /^(id|event|data): ?(.*)$/.exec(line) ?? [];
          if (field) message[field as keyof Message] += field === 'event' ? '' : content;
          if (field === 'event') message.event = content ?? '';
        }
        yield message;
      }
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

/** The base URL of the roomreel that minted a session token, or the page's own origin. */
export function baseOf(token: string): string {
  try {
    const payload = (token.split('.')[1] ?? '').replaceAll('-', '+').replaceAll('_', '/');
    const { api } = JSON.parse(atob(payload));
    if (typeof api === 'string' && api) return api;
  } catch {
    // Not a session token: the server will say so.
  }
  return location.origin;
}
