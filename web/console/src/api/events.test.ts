import { QueryClient } from '@tanstack/react-query'
import { expect, test } from 'vitest'
import { amend, take } from './events'
import type { Recording } from './types'

const recording = (id: string, state: Recording['state'], bytes = 0) => ({ id, state, bytes }) as Recording

test('progress is shown wherever its recording is, and never over an end', () => {
  const client = new QueryClient()
  client.setQueryData(['recording', 'a'], recording('a', 'recording'))
  client.setQueryData(['recording', 'b'], recording('b', 'stopped', 5))
  client.setQueryData(['recordings', 'active'], { data: [recording('a', 'recording')] })
  expect([take(client, recording('a', 'recording', 7)), take(client, recording('b', 'stopping', 4)), take(client, recording('c', 'starting'))]).toEqual([true, false, false])
  expect(client.getQueryData(['recording', 'a'])).toEqual(recording('a', 'recording', 7))
  expect(client.getQueryData(['recording', 'b'])).toEqual(recording('b', 'stopped', 5))
  expect(client.getQueryData(['recording', 'c'])).toBeUndefined()
  expect(client.getQueryData(['recordings', 'active'])).toEqual({ data: [recording('a', 'recording', 7)] })
})

test('only long lists are amended, and pages that stay the same stay the same', () => {
  const client = new QueryClient()
  const pages = (n: number) => ({ pages: Array.from({ length: n }, (_, i) => ({ data: [recording(`${i}`, 'recording')] })), pageParams: [] })
  const [short, long] = [['recordings', 'list', 'short'], ['recordings', 'list', 'long']]
  client.setQueryData(short, pages(2))
  client.setQueryData(long, pages(6))
  const before = client.getQueryData<ReturnType<typeof pages>>(long)!
  amend(client, recording('1', 'stopped', 9))
  expect(client.getQueryData(short)).toEqual(pages(2))
  const after = client.getQueryData<ReturnType<typeof pages>>(long)!
  expect(after.pages[1].data).toEqual([recording('1', 'stopped', 9)])
  expect(after.pages.map((page, i) => page === before.pages[i])).toEqual([true, false, true, true, true, true])
})
