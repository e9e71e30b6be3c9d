import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useVirtualizer } from '@tanstack/react-virtual'
import { Film, Search } from 'lucide-react'
import { memo, useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useSearchParams } from 'wouter'
import { call, withQuery } from '../api/client'
import { useInterval } from '../api/events'
import { began } from '../api/recording'
import type { Recording, RecordingList } from '../api/types'
import { Ago, Empty, Failure, Loading, Page, State } from '../components/bits'
import { bytes, clock, dateTime, number } from '../format'

const states = ['recording', 'paused', 'queued', 'stopped', 'failed'] as const

export function Recordings() {
  const { t } = useTranslation()
  const [params, setParams] = useSearchParams()
  const [state, q, from, to] = ['state', 'q', 'from', 'to'].map((name) => params.get(name) ?? '')
  const filtered = Boolean(state || q || from || to)
  const set = (name: string, value: string) => setParams((old) => {
    const next = new URLSearchParams(old)
    if (value) next.set(name, value)
    else next.delete(name)
    return next
  }, { replace: true })
  const query = useInfiniteQuery({
    queryKey: ['recordings', 'list', state, q, from, to],
    queryFn: ({ pageParam, signal }) => call<RecordingList>('GET', withQuery('/v1/recordings', { state, q, from: from && midnight(from), to: to && midnight(to, 1), limit: 100, cursor: pageParam }), undefined, signal),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor || undefined,
    placeholderData: keepPreviousData,
    refetchInterval: useInterval(10_000),
  })
  const shown = useMemo(() => query.data?.pages.flatMap((page) => page.data) ?? [], [query.data])
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query
  // Where little is found among much, pages may come back empty.
  useEffect(() => {
    if (shown.length === 0 && hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [shown.length, hasNextPage, isFetchingNextPage, fetchNextPage])
  return (
    <Page title={t('recordings.title')} lead={t('recordings.lead')}>
      <section className="card">
        <header role="search" className="filters">
          <SearchBox value={q} onChange={(value) => set('q', value)} />
          <select aria-label={t('recordings.filter')} value={state} onChange={(event) => set('state', event.target.value)}>
            <option value="">{t('recordings.anyState')}</option>
            {states.map((name) => <option key={name} value={name}>{t(`state.${name}`)}</option>)}
          </select>
          <div className="row dates">
            <input type="date" aria-label={t('recordings.from')} title={t('recordings.from')} value={from} max={to || undefined} onChange={(event) => set('from', event.target.value)} />
            <span aria-hidden className="muted">–</span>
            <input type="date" aria-label={t('recordings.to')} title={t('recordings.to')} value={to} min={from || undefined} onChange={(event) => set('to', event.target.value)} />
          </div>
          <span className="small muted num nowrap" role="status">{query.data && t('recordings.count', { count: shown.length, more: hasNextPage ? '+' : '' })}</span>
        </header>
        {query.error && <div className="body"><Failure error={query.error} retry={() => void query.refetch()} /></div>}
        {query.isPending && <div className="body"><Loading /></div>}
        {query.data && shown.length === 0 && !hasNextPage && (
          <Empty icon={<Film size={44} aria-hidden />} title={filtered ? t('recordings.noMatch') : t('recordings.none')}>
            {filtered ? <button type="button" className="button" onClick={() => setParams({})}>{t('recordings.clear')}</button> : (
              <>
                <p>{t('recordings.noneHint')}</p>
                <pre>{`curl -s ${location.origin}/v1/recordings \\\n  -H "Authorization: Bearer $KEY" \\\n  -H 'Content-Type: application/json' \\\n  -d '{"room":"hello"}'`}</pre>
              </>
            )}
          </Empty>
        )}
        {shown.length > 0 && <Rows rows={shown} onEnd={() => hasNextPage && !isFetchingNextPage && void fetchNextPage()} />}
      </section>
    </Page>
  )
}

/** The start of a day in the reader's own zone, or of one so many days later. */
function midnight(day: string, later = 0): string {
  const [year, month, date] = day.split('-').map(Number)
  return new Date(year, month - 1, date + later).toISOString()
}

/** Asks once the reader has paused. */
function SearchBox({ value, onChange }: { value: string; onChange: (value: string) => void }) {
  const { t } = useTranslation()
  const [text, setText] = useState(value)
  const change = useRef(onChange)
  change.current = onChange
  useEffect(() => setText(value), [value])
  useEffect(() => {
    if (text.trim() === value) return
    const pause = setTimeout(() => change.current(text.trim()), 250)
    return () => clearTimeout(pause)
  }, [text, value])
  return (
    <div className="with-icon grow">
      <Search size={16} aria-hidden />
      <input type="search" maxLength={256} aria-label={t('recordings.search')} placeholder={t('recordings.search')} value={text} onChange={(event) => setText(event.target.value)} />
    </div>
  )
}

const narrow = matchMedia('(max-width: 820px)')

/** The height of every row, in pixels, as the style sheet has it. */
function useRowHeight(): number {
  const follow = useCallback((changed: () => void) => {
    narrow.addEventListener('change', changed)
    return () => narrow.removeEventListener('change', changed)
  }, [])
  return useSyncExternalStore(follow, () => (narrow.matches ? 84 : 72))
}

/** Only the rows in sight are in the document, however many there are. */
function Rows({ rows, onEnd }: { rows: Recording[]; onEnd: () => void }) {
  const { t } = useTranslation()
  const scroller = useRef<HTMLDivElement>(null)
  const rowHeight = useRowHeight()
  // Where one of these changes from one frame to the next, all rows are measured anew.
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: useCallback(() => scroller.current, []),
    estimateSize: useCallback(() => rowHeight, [rowHeight]),
    getItemKey: useCallback((i: number) => rows[i].id, [rows]),
    overscan: 6,
  })
  const items = virtual.getVirtualItems()
  // A row that leaves gives its place in the document to one that comes: that is cheaper than to take one out and
  // put another in.
  const places = useRef(1)
  places.current = Math.max(places.current, items.length)
  const last = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (last >= rows.length - 50) onEnd()
  }, [last, rows.length, onEnd])
  const height = Math.min(virtual.getTotalSize(), 760)
  return (
    <div role="table" aria-label={t('recordings.title')} aria-rowcount={rows.length + 1}>
      <div role="rowgroup">
        <div role="row" aria-rowindex={1} className="list-row list-head">
          <span role="columnheader"><span className="sr">{t('recordings.picture')}</span></span>
          <span role="columnheader">{t('field.room')}</span>
          <span role="columnheader">{t('field.started')}</span>
          <span role="columnheader">{t('field.duration')}</span>
          <span role="columnheader">{t('field.files')}</span>
          <span role="columnheader">{t('field.size')}</span>
          <span role="columnheader">{t('field.state')}</span>
        </div>
      </div>
      <div role="rowgroup" ref={scroller} className="list" style={{ height: `min(${height}px, 72dvh)` }}>
        <div role="presentation" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {items.map((item) => <Row key={item.index % places.current} recording={rows[item.index]} index={item.index} top={item.start} flying={virtual.isScrolling} />)}
        </div>
      </div>
    </div>
  )
}

/** While rows fly by, their pictures are not asked for. */
const Row = memo(function Row({ recording, index, top, flying }: { recording: Recording; index: number; top: number; flying: boolean }) {
  const ended = recording.state === 'stopped' && recording.parts > 0
  const at = began(recording)
  const [restedAt, setRestedAt] = useState(flying ? '' : recording.id)
  const rested = restedAt === recording.id
  useEffect(() => {
    if (!flying) setRestedAt(recording.id)
  }, [flying, recording.id])
  return (
    <div role="row" aria-rowindex={index + 2} className="list-row" style={{ transform: `translateY(${top}px)` }}>
      <span role="cell"><Thumbnail src={ended && rested ? `/v1/recordings/${recording.id}/thumbnail` : undefined} /></span>
      <span role="cell" style={{ minWidth: 0 }}>
        <Link className="cover clip" style={{ display: 'block' }} href={`/recordings/${recording.id}`}>{recording.room}</Link>
        <span className="wide muted small clip" style={{ display: 'block' }}>{recording.people?.length ? recording.people.map((p) => p.name || p.identity).join(', ') : <span className="mono">{recording.id}</span>}</span>
        <span className="small muted narrow">{dateTime(at)}</span>
      </span>
      <span role="cell" className="wide">
        <span className="clip" style={{ display: 'block' }}>{dateTime(at)}</span>
        <span className="clip small muted" style={{ display: 'block' }}><Ago at={at} /></span>
      </span>
      <span role="cell" className="wide num">{recording.duration_s ? clock(recording.duration_s) : '–'}</span>
      <span role="cell" className="wide num">{number(recording.parts)}</span>
      <span role="cell" className="wide num nowrap">{recording.bytes ? bytes(recording.bytes) : '–'}</span>
      <span role="cell"><State state={recording.state} /></span>
    </div>
  )
})

export function Thumbnail({ src }: { src?: string }) {
  const [broken, setBroken] = useState<string>()
  return (
    <span className="thumb">
      <Film size={20} aria-hidden />
      {src && broken !== src && <img src={src} alt="" loading="lazy" decoding="async" onError={() => setBroken(src)} />}
    </span>
  )
}
