import i18next from 'i18next'

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
  const unit = (value: number, name: string) => new Intl.NumberFormat(i18next.language, { style: 'unit', unit: name, unitDisplay: 'long' }).format(value)
  const parts = [
    s >= 3600 && unit(Math.floor(s / 3600), 'hour'),
    s >= 60 && unit(Math.floor(s / 60) % 60, 'minute'),
    unit(s % 60, 'second'),
  ].filter((part): part is string => Boolean(part))
  return new Intl.ListFormat(i18next.language, { type: 'unit' }).format(parts)
}

export function bytes(n: number): string {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte']
  let value = n
  let i = 0
  while (value >= 1000 && i < units.length - 1) {
    value /= 1000
    i++
  }
  return new Intl.NumberFormat(i18next.language, { style: 'unit', unit: units[i], unitDisplay: 'short', maximumFractionDigits: value < 10 && i > 0 ? 1 : 0 }).format(value)
}

export function dateTime(at: string): string {
  return new Intl.DateTimeFormat(i18next.language, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(at))
}

export function exactTime(at: string): string {
  return new Intl.DateTimeFormat(i18next.language, { dateStyle: 'full', timeStyle: 'long' }).format(new Date(at))
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
  return new Intl.RelativeTimeFormat(i18next.language, { numeric: 'auto' }).format(Math.trunc(seconds / size), unit)
}

export function percent(fraction: number): string {
  return new Intl.NumberFormat(i18next.language, { style: 'percent', maximumFractionDigits: 0 }).format(fraction)
}

export function number(n: number): string {
  return new Intl.NumberFormat(i18next.language).format(n)
}

/** Whether a Go zero time or nothing stands where a time may. */
export function isTime(at: string | undefined): at is string {
  return Boolean(at) && !at!.startsWith('0001-')
}
