/** A problem (RFC 9457) that the server answered, or that kept it from answering. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    detail: string,
    readonly existing?: string,
  ) {
    super(detail)
  }

  /** The server does not know the path at all: it is older than this page. */
  get notServed() {
    return this.status === 404 && this.message === 'no resource has this path'
  }
}

type Listener = () => void
const signedOut = new Set<Listener>()

/** Calls listener whenever the server no longer takes the session. */
export function onSignedOut(listener: Listener): () => void {
  signedOut.add(listener)
  return () => void signedOut.delete(listener)
}

/**
 * Calls the API under the session's cookie. A rejection is always an ApiError.
 * T is what the OpenAPI document says of the path; it is not checked here.
 */
export async function call<T = void>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' }
  if (body !== undefined) headers['Content-Type'] = 'application/json'
  let response: Response
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal, credentials: 'same-origin' })
  } catch (error) {
    if (signal?.aborted) throw error
    throw new ApiError(0, 'UNREACHABLE', String(error))
  }
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T
  const problem = await response.json().catch(() => ({}))
  if (response.status === 401 && path !== '/console/sign-in') signedOut.forEach((tell) => tell())
  throw new ApiError(response.status, problem.code ?? 'INTERNAL', problem.detail ?? response.statusText, problem.existing)
}

/** Builds a path with a query, leaving out what is empty. */
export function withQuery(path: string, query: Record<string, string | number | string[] | undefined>): string {
  const params = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    const text = Array.isArray(value) ? value.join(',') : value
    if (text !== undefined && text !== '') params.set(key, String(text))
  }
  const text = params.toString()
  return text ? `${path}?${text}` : path
}
