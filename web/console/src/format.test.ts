import { beforeAll, expect, test, vi } from 'vitest'
import { ago, bytes, clock, isTime, spoken } from './format'
import i18next from 'i18next'

beforeAll(async () => {
  vi.stubGlobal('document', { documentElement: {} })
  await i18next.init({ lng: 'en', showSupportNotice: false })
})

test('times and sizes', () => {
  expect([0, 59.9, 60, 3725, -3].map(clock)).toEqual(['0:00', '0:59', '1:00', '1:02:05', '0:00'])
  expect([5, 65, 3725].map(spoken)).toEqual(['5 seconds', '1 minute, 5 seconds', '1 hour, 2 minutes, 5 seconds'])
  expect([0, 999, 1500, 123_456_789].map(bytes)).toEqual(['0 byte', '999 byte', '1.5 kB', '123 MB'])
  const now = Date.parse('2026-03-01T10:00:00Z')
  expect(['2026-03-01T09:59:30Z', '2026-03-01T08:00:00Z', '2026-02-27T10:00:00Z'].map((at) => ago(at, now))).toEqual(['30 seconds ago', '2 hours ago', '2 days ago'])
  expect(['', '0001-01-01T00:00:00Z', '2026-03-01T08:00:00Z'].map((at) => isTime(at))).toEqual([false, false, true])
})
