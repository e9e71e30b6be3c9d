import i18next from 'i18next'

// Formatters are dear to make and cheap to use: each is made once per language.
const made = new Map<string, unknown>()

function once<T>(kind: string, make: (language: string) => T): T {
  const key = `${kind} ${i18next.language}`
  let formatter = made.get(key) as T | undefined
  if (!formatter) {
    formatter = make(i18next.language)
    made.set(key, formatter)
  }
  return formatter
}

/** 3725.4 → "1:02:05" */
export function clock(seconds: number): string {
  const s = Math.max(0, Math.floor(seconds))
  const pad = (n: number) => String(n).padStart(2, '0')
  const hours = Math.floor(s / 3600)
  const rest = `${hours ? pad(Math.floor(s / 60) % 60) : Math.floor(s / 60) % 60}:${pad(s % 60)}`
  return hours ? `${hours}:${rest}` : rest
}

/** 3725 → "1 hour 2 minutes 5 seconds" in the reader's language, for those who listen. */
export function spoken(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  const unit = (value: number, name: string) => once(`long ${name}`, (tag) => new Intl.NumberFormat(tag, { style: 'unit', unit: name, unitDisplay: 'long' })).format(value)
  const parts = [
    s >= 3600 && unit(Math.floor(s / 3600), 'hour'),
    s >= 60 && unit(Math.floor(s / 60) % 60, 'minute'),
    unit(s % 60, 'second'),
  ].filter((part): part is string => Boolean(part))
  return once('list', (tag) => new Intl.ListFormat(tag, { type: 'unit' })).format(parts)
}

export function bytes(n: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte']
  let value = n
  let i = 0
  while (value >= 1000 && i < units.length - 1) {
    value /= 1000
    i++
  }
  const digits = value < 10 && i > 0 ? 1 : 0
  return once(`${units[i]} ${digits}`, (tag) => new Intl.NumberFormat(tag, { style: 'unit', unit: units[i], unitDisplay: 'short', maximumFractionDigits: digits })).format(value)
}

export function dateTime(at: string): string {
  return once('date', (tag) => new Intl.DateTimeFormat(tag, { dateStyle: 'medium', timeStyle: 'short' })).format(new Date(at))
}

export function exactTime(at: string): string {
  return once('exact', (tag) => new Intl.DateTimeFormat(tag, { dateStyle: 'full', timeStyle: 'long' })).format(new Date(at))
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
]

/** "5 minutes ago" */
export function ago(at: string, now = Date.now()): string {
  const seconds = (new Date(at).getTime() - now) / 1000
  const [unit, size] = steps.find(([, size]) => Math.abs(seconds) >= size) ?? steps[steps.length - 1]
  return once('ago', (tag) => new Intl.RelativeTimeFormat(tag, { numeric: 'auto' })).format(Math.trunc(seconds / size), unit)
}

export function percent(fraction: number): string {
  return once('percent', (tag) => new Intl.NumberFormat(tag, { style: 'percent', maximumFractionDigits: 0 })).format(fraction)
}

export function number(n: number): string {
  return once('number', (tag) => new Intl.NumberFormat(tag)).format(n)
}

/** A time as an input of type datetime-local has it, in the reader's own zone. */
export function localInput(at: Date): string {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16)
}

/** Whether a Go zero time or nothing stands where a time may. */
export function isTime(at: string | undefined): at is string {
  return Boolean(at) && !at!.startsWith('0001-')
}
