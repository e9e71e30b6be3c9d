import type { Interval, Manifest, Part, Track } from '../api/types'

/** A stretch of the recording's timeline, in seconds. */
export interface Span {
  from: number
  to: number
}

/** Sound of one part, whose peaks are drawn from where its file begins. */
export interface Sound extends Span {
  part: Part
}

/** What the timeline shows of one participant. */
export interface Lane {
  identity: string
  name: string
  present: Span[]
  sounds: Sound[]
  video: Span[]
  screen: Span[]
  muted: Span[]
  speaking: Span[]
  gaps: Span[]
  freezes: Span[]
  stalled: Span[]
  /** Where one part ends and the next of the same stream begins. */
  borders: number[]
}

const spans = (list: Interval[] | undefined): Span[] => (list ?? []).map((i) => ({ from: i.from_s, to: i.to_s }))

/** The parts of spans that none of holes covers. */
export function without(list: Span[], holes: Span[]): Span[] {
  return holes.reduce(
    (rest, hole) =>
      rest.flatMap((span) =>
        hole.to <= span.from || hole.from >= span.to
          ? [span]
          : [{ from: span.from, to: hole.from }, { from: hole.to, to: span.to }].filter((piece) => piece.to > piece.from),
      ),
    list,
  )
}

/** Sorts spans and joins those that touch. */
export function union(list: Span[]): Span[] {
  const sorted = list.filter((span) => span.to > span.from).sort((a, b) => a.from - b.from)
  const joined: Span[] = []
  for (const span of sorted) {
    const last = joined.at(-1)
    if (last && span.from <= last.to) last.to = Math.max(last.to, span.to)
    else joined.push({ ...span })
  }
  return joined
}

export function isScreen(track: Track): boolean {
  return track.source.startsWith('screen')
}

/** Sorts a manifest into one lane per participant, in order of arrival. */
export function lanesOf(manifest: Manifest): Lane[] {
  const names = new Map(manifest.participants.map((p) => [p.identity, p]))
  const identities = new Set([...names.keys(), ...manifest.parts.map((part) => part.participant)])
  const lanes = [...identities].map((identity): Lane => {
    const person = names.get(identity)
    const parts = manifest.parts.filter((part) => part.participant === identity)
    const tracks = parts.flatMap((part) => part.tracks.map((track) => ({ part, track })))
    const video = tracks.filter(({ track }) => track.kind === 'video')
    const audio = tracks.filter(({ track }) => track.kind === 'audio')
    const shown = (screen: boolean) =>
      union(video.filter(({ track }) => isScreen(track) === screen).flatMap(({ track }) => without([{ from: track.start_s, to: track.end_s }], spans(track.muted))))
    const flaws = (pick: (track: Track) => Interval[] | undefined) => union(tracks.flatMap(({ track }) => spans(pick(track))))
    return {
      identity,
      name: person?.name || identity,
      present: union((person?.present ?? []).map((stay) => ({ from: stay.from_s, to: stay.to_s }))),
      sounds: audio.map(({ part, track }) => ({ part, from: track.start_s, to: track.end_s })),
      video: shown(false),
      screen: shown(true),
      muted: union(audio.filter(({ track }) => !isScreen(track)).flatMap(({ track }) => spans(track.muted))),
      speaking: union(spans(person?.speaking)),
      gaps: flaws((track) => track.gaps),
      freezes: flaws((track) => track.freezes),
      stalled: flaws((track) => track.stalled),
      borders: parts.filter((part) => parts.some((before) => before !== part && before.stream === part.stream && before.start_s < part.start_s)).map((part) => part.start_s),
    }
  })
  const arrival = (lane: Lane) => lane.present[0]?.from ?? lane.sounds[0]?.from ?? lane.video[0]?.from ?? Infinity
  return lanes.sort((a, b) => arrival(a) - arrival(b) || a.name.localeCompare(b.name))
}

/** Where in a part's file the timeline's moment at lies: the inverse of the track's sync. */
export function fileTime(part: Part, at: number): number {
  const sync = (part.tracks.find((track) => track.kind === 'audio') ?? part.tracks[0])?.sync ?? []
  if (sync.length === 0) return at - part.start_s
  if (sync.length === 1) return sync[0].file_s + at - sync[0].at_s
  let i = 1
  while (i < sync.length - 1 && at >= sync[i].at_s) i++
  const [a, b] = [sync[i - 1], sync[i]]
  const slope = b.at_s === a.at_s ? 1 : (b.file_s - a.file_s) / (b.at_s - a.at_s)
  return a.file_s + (at - a.at_s) * slope
}

/** Steps of a time axis: the smallest readable one that leaves room for labels. */
export function axisStep(secondsPerPixel: number, room = 90): number {
  const steps = [0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200]
  return steps.find((step) => step / secondsPerPixel >= room) ?? steps[steps.length - 1]
}
