import { useInfiniteQuery } from '@tanstack/react-query'
import { useVirtualizer } from '@tanstack/react-virtual'
import { Film, Search } from 'lucide-react'
import { useDeferredValue, useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useSearchParams } from 'wouter'
import { call, withQuery } from '../api/client'
import { useInterval } from '../api/events'
import type { Recording, RecordingList } from '../api/types'
import { Ago, Empty, Failure, Loading, Page, State } from '../components/bits'
import { bytes, clock, isTime, number } from '../format'

const states = ['recording', 'paused', 'queued', 'stopped', 'failed'] as const

export function Recordings() {
  const { t } = useTranslation()
  const [params, setParams] = useSearchParams()
  const state = params.get('state') ?? ''
  const [search, setSearch] = useState(params.get('q') ?? '')
  const wanted = useDeferredValue(search.trim().toLowerCase())
  const query = useInfiniteQuery({
    queryKey: ['recordings', 'list', state],
    queryFn: ({ pageParam, signal }) => call<RecordingList>('GET', withQuery('/v1/recordings', { state, limit: 100, cursor: pageParam }), undefined, signal),
    initialPageParam: '',
    getNextPageParam: (page) => page.next_cursor || undefined,
    refetchInterval: useInterval(10_000),
  })
  const all = useMemo(() => query.data?.pages.flatMap((page) => page.data) ?? [], [query.data])
  const shown = useMemo(() => (wanted ? all.filter((r) => `${r.room}\n${r.id}\n${r.node ?? ''}`.toLowerCase().includes(wanted)) : all), [all, wanted])
  // Searching looks at every page; the server knows no search of its own.
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query
  useEffect(() => {
    if (wanted && hasNextPage && !isFetchingNextPage) void fetchNextPage()
  }, [wanted, hasNextPage, isFetchingNextPage, fetchNextPage])
  return (
    <Page title={t('recordings.title')} lead={t('recordings.lead')}>
      <section className="card">
        <header>
          <div className="with-icon grow" style={{ minWidth: 200 }}>
            <Search size={16} aria-hidden />
            <input type="search" aria-label={t('recordings.search')} placeholder={t('recordings.search')} value={search} onChange={(event) => setSearch(event.target.value)} />
          </div>
          <div style={{ width: 170 }}>
            <select aria-label={t('recordings.filter')} value={state} onChange={(event) => setParams(event.target.value ? { state: event.target.value } : {})}>
              <option value="">{t('recordings.anyState')}</option>
              {states.map((name) => <option key={name} value={name}>{t(`state.${name}`)}</option>)}
            </select>
          </div>
          <span className="small muted num" role="status">{t('recordings.count', { count: shown.length, more: hasNextPage ? '+' : '' })}</span>
        </header>
        {query.error && <div className="body"><Failure error={query.error} retry={() => void query.refetch()} /></div>}
        {query.isPending && <div className="body"><Loading /></div>}
        {query.data && shown.length === 0 && !isFetchingNextPage && (
          <Empty icon={<Film size={44} aria-hidden />} title={wanted || state ? t('recordings.noMatch') : t('recordings.none')}>
            {!wanted && !state && (
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

const rowHeight = () => (matchMedia('(max-width: 820px)').matches ? 84 : 72)

/** Only the rows in sight are in the document, however many there are. */
function Rows({ rows, onEnd }: { rows: Recording[]; onEnd: () => void }) {
  const { t } = useTranslation()
  const scroller = useRef<HTMLDivElement>(null)
  const virtual = useVirtualizer({ count: rows.length, getScrollElement: () => scroller.current, estimateSize: rowHeight, overscan: 6, getItemKey: (i) => rows[i].id })
  const items = virtual.getVirtualItems()
  const last = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (last >= rows.length - 10) onEnd()
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
          {items.map((item) => <Row key={item.key} recording={rows[item.index]} index={item.index} top={item.start} />)}
        </div>
      </div>
    </div>
  )
}

function Row({ recording, index, top }: { recording: Recording; index: number; top: number }) {
  const ended = recording.state === 'stopped' && recording.parts > 0
  return (
    <div role="row" aria-rowindex={index + 2} className="list-row" style={{ transform: `translateY(${top}px)` }}>
      <span role="cell"><Thumbnail src={ended ? `/v1/recordings/${recording.id}/thumbnail` : undefined} /></span>
      <span role="cell" style={{ minWidth: 0 }}>
        <Link className="cover clip" style={{ display: 'block' }} href={`/recordings/${recording.id}`}>{recording.room}</Link>
        <span className="wide mono muted small clip" style={{ display: 'block' }}>{recording.id}</span>
        <span className="small muted narrow"><Ago at={isTime(recording.started_at) ? recording.started_at : recording.created_at} /></span>
      </span>
      <span role="cell" className="wide muted clip"><Ago at={isTime(recording.started_at) ? recording.started_at : recording.created_at} /></span>
      <span role="cell" className="wide num">{recording.duration_s ? clock(recording.duration_s) : '–'}</span>
      <span role="cell" className="wide num">{number(recording.parts)}</span>
      <span role="cell" className="wide num nowrap">{recording.bytes ? bytes(recording.bytes) : '–'}</span>
      <span role="cell"><State state={recording.state} /></span>
    </div>
  )
}

export function Thumbnail({ src }: { src?: string }) {
  const [broken, setBroken] = useState(false)
  return <span className="thumb">{src && !broken ? <img src={src} alt="" loading="lazy" decoding="async" onError={() => setBroken(true)} /> : <Film size={20} aria-hidden />}</span>
}
