import { ConnectionError, ConnectionErrorReason, DisconnectReason, NegotiationError } from 'livekit-client';

/** Why a session ended, or was refused. */
export type TerminationCause =
  | 'CONN_ERROR'
  | 'CONN_TIMEOUT'
  | 'TERM_BY_CLIENT'
  | 'AGENT_SESSION_TERM'
  | 'PEERCONN_FAILED'
  | 'SDP_ERROR'
  | 'SERVICE_SHUTDOWN'
  | 'NO_ACTIVE_AGENT'
  | 'TWO_TIMER'
  | 'MAX_SUPERVISORS_PER_AGENT'
  | 'NO_PACKET_RECEIVED';

const refusals: readonly string[] = ['NO_ACTIVE_AGENT', 'TWO_TIMER', 'MAX_SUPERVISORS_PER_AGENT'];

/** The error of every call that fails. */
export class RecorderError extends Error {
  override readonly name = 'RecorderError';
  /** Stable code of roomreel's problem, such as ALREADY_RECORDING, or of this library: INVALID_STATE. */
  readonly code: string;
  /** HTTP status of the answer, or 0. */
  readonly status: number;
  /** Why there is no session, where that is what failed. */
  readonly terminationCause: TerminationCause | undefined;

  constructor(code: string, message: string, options: { status?: number; cause?: unknown; terminationCause?: TerminationCause } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.status = options.status ?? 0;
    this.terminationCause = options.terminationCause ?? (refusals.includes(code) ? (code as TerminationCause) : undefined);
  }
}

/** The cause that a failed attempt to connect stands for. */
export function causeOfError(error: unknown): TerminationCause {
  if (error instanceof RecorderError) return error.terminationCause ?? 'CONN_ERROR';
  if (error instanceof NegotiationError) return 'SDP_ERROR';
  if (error instanceof ConnectionError) {
    if (error.reason === ConnectionErrorReason.Timeout) return 'CONN_TIMEOUT';
    // LiveKit's client says so when signalling worked and media did not.
    if (/pc connection|peer ?connection|ice/i.test(error.message)) return 'PEERCONN_FAILED';
  }
  return 'CONN_ERROR';
}

/** The cause that LiveKit's reason stands for, where roomreel has not told one. */
export function causeOfReason(reason: DisconnectReason | undefined): TerminationCause {
  switch (reason) {
    case DisconnectReason.CLIENT_INITIATED:
      return 'TERM_BY_CLIENT';
    case DisconnectReason.DUPLICATE_IDENTITY:
      return 'TWO_TIMER';
    case DisconnectReason.SERVER_SHUTDOWN:
      return 'SERVICE_SHUTDOWN';
    case DisconnectReason.STATE_MISMATCH:
      return 'SDP_ERROR';
    case DisconnectReason.JOIN_FAILURE:
    case DisconnectReason.MEDIA_FAILURE:
      return 'PEERCONN_FAILED';
    case DisconnectReason.CONNECTION_TIMEOUT:
    case undefined: // LiveKit's client gave up coming back
      return 'CONN_TIMEOUT';
    default:
      return 'CONN_ERROR';
  }
}
