import { type QueryClient, useQuery, useQueryClient } from '@tanstack/react-query'
import {
  BookOpen, CircleDot, Eye, Film, Headset, KeyRound, LogOut, Menu, Radio, Server, Video, Webhook,
} from 'lucide-react'
import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, Redirect, Route, Switch, useLocation } from 'wouter'
import { ApiError, call, onSignedOut } from './api/client'
import { ServerEvents } from './api/events'
import type { Health } from './api/types'
import { Empty, Failure, Loading, Page } from './components/bits'
import { chooseLanguage, type Language, languages } from './i18n'
import { Live } from './pages/live'
import { Recordings } from './pages/recordings'
import { SignIn } from './pages/sign-in'
import { chooseTheme, type Theme, theme, themes } from './theme'

const RecordingPage = lazy(() => import('./pages/recording/index'))
const Supervision = lazy(() => import('./pages/supervision'))
const Watch = lazy(() => import('./pages/watch'))
const Webhooks = lazy(() => import('./pages/webhooks'))
const Nodes = lazy(() => import('./pages/nodes'))
const Tokens = lazy(() => import('./pages/tokens'))
const Join = lazy(() => import('./pages/join'))
const Demos = lazy(() => import('./pages/demos'))
const Reference = lazy(() => import('./pages/reference'))

const pages = [
  { path: '/live', key: 'live', icon: Radio },
  { path: '/recordings', key: 'recordings', icon: Film },
  { path: '/supervision', key: 'supervision', icon: Eye },
  { path: '/webhooks', key: 'webhooks', icon: Webhook },
  { path: '/nodes', key: 'nodes', icon: Server },
  { path: '/tokens', key: 'tokens', icon: KeyRound },
  { path: '/join', key: 'join', icon: Video },
  { path: '/demos', key: 'demos', icon: Headset },
  { path: '/api', key: 'api', icon: BookOpen },
] as const

export function App() {
  const [path] = useLocation()
  // The join page is for visitors too, who have no key.
  if (path === '/join') return <JoinGate />
  return <SignedIn />
}

function useSession(enabled = true) {
  return useQuery({ queryKey: ['session'], queryFn: () => call('GET', '/v1/recordings?limit=1').then(() => true), staleTime: Infinity, enabled })
}

/** Forgets what another session has seen. */
function setSession(client: QueryClient, signedIn: boolean) {
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' })
  client.setQueryData(['session'], signedIn)
}

function JoinGate() {
  const session = useSession()
  if (session.isPending) return null
  const page = (
    <Suspense fallback={<Loading />}>
      <Join />
    </Suspense>
  )
  return session.data ? <Shell>{page}</Shell> : <main className="main">{page}</main>
}

function SignedIn() {
  const client = useQueryClient()
  const session = useSession()
  useEffect(() => onSignedOut(() => client.setQueryData(['session'], false)), [client])
  if (session.isPending) return null
  if (session.data) return <Shell><Pages /></Shell>
  if (session.error instanceof ApiError && session.error.status !== 401) {
    return (
      <div className="signin">
        <Failure error={session.error} retry={() => void session.refetch()} />
      </div>
    )
  }
  return <SignIn onSignedIn={() => setSession(client, true)} />
}

function Pages() {
  const { t } = useTranslation()
  return (
    <ServerEvents>
      <Suspense fallback={<div className="page"><Loading /></div>}>
        <Switch>
          <Route path="/"><Redirect to="/live" replace /></Route>
          <Route path="/live"><Live /></Route>
          <Route path="/recordings"><Recordings /></Route>
          <Route path="/recordings/:id/:tab?">{({ id, tab }) => <RecordingPage key={id} id={id} tab={tab} />}</Route>
          <Route path="/supervision"><Supervision /></Route>
          <Route path="/watch/:id">{({ id }) => <Watch id={id} />}</Route>
          <Route path="/webhooks/:tab?">{({ tab }) => <Webhooks tab={tab} />}</Route>
          <Route path="/nodes"><Nodes /></Route>
          <Route path="/tokens"><Tokens /></Route>
          <Route path="/demos"><Demos /></Route>
          <Route path="/api"><Reference /></Route>
          <Route><Page title={t('state.noPage')}><section className="card"><Empty icon={<CircleDot size={40} aria-hidden />} title={location.pathname} ><Link className="button" href="/live">{t('nav.live')}</Link></Empty></section></Page></Route>
        </Switch>
      </Suspense>
    </ServerEvents>
  )
}

function Shell({ children }: { children: React.ReactNode }) {
  const { t } = useTranslation()
  const [path] = useLocation()
  const [open, setOpen] = useState(false)
  const main = useRef<HTMLElement>(null)
  const first = useRef(true)
  const [, section, id] = path.split('/')
  const page = section === 'recordings' ? `${section}/${id ?? ''}` : section // what follows are tabs
  useEffect(() => {
    setOpen(false)
    // A new page is announced by its heading, as a load would be.
    if (first.current) first.current = false
    else {
      // While the new one loads, the old page is still there, hidden.
      const heading = main.current?.querySelector('h1')
      ;(heading?.checkVisibility() ? heading : main.current)?.focus({ preventScroll: true })
    }
    window.scrollTo(0, 0)
  }, [page])
  return (
    <>
      <a className="skip" href="#main">{t('nav.skip')}</a>
      <div className="shell">
        <header className="topbar">
          <button type="button" className="button quiet icon" aria-expanded={open} aria-controls="side" onClick={() => setOpen(!open)}>
            <Menu size={20} aria-hidden />
            <span className="sr">{t('nav.menu')}</span>
          </button>
          <Brand />
        </header>
        <aside className="side" id="side" data-open={open || undefined} onKeyDown={(event) => event.key === 'Escape' && setOpen(false)}>
          <Brand />
          <nav aria-label={t('nav.main')}>
            {pages.map(({ path: to, key, icon: Icon }) => (
              <Link key={key} href={to} aria-current={path === to || path.startsWith(`${to}/`) || (to === '/supervision' && section === 'watch') ? 'page' : undefined}>
                <Icon size={18} aria-hidden /> {t(`nav.${key}`)}
              </Link>
            ))}
          </nav>
          <Foot />
        </aside>
        <main className="main" id="main" ref={main} tabIndex={-1} onClick={() => open && setOpen(false)}>{children}</main>
      </div>
    </>
  )
}

function Brand() {
  return (
    <Link href="/live" className="brand">
      <img src={`${import.meta.env.BASE_URL}favicon.svg`} width={26} height={26} alt="" /> roomreel
    </Link>
  )
}

function Foot() {
  const { t, i18n } = useTranslation()
  const client = useQueryClient()
  const [chosen, setChosen] = useState<Theme>(theme)
  const health = useQuery({ queryKey: ['healthz'], queryFn: () => call<Health>('GET', '/healthz'), staleTime: Infinity })
  return (
    <div className="foot">
      <label className="field">
        <span className="sr">{t('nav.theme')}</span>
        <select value={chosen} onChange={(event) => { const next = event.target.value as Theme; setChosen(next); chooseTheme(next) }}>
          {themes.map((name) => <option key={name} value={name}>{t(`theme.${name}`)}</option>)}
        </select>
      </label>
      <label className="field">
        <span className="sr">{t('nav.language')}</span>
        <select value={i18n.language} onChange={(event) => void chooseLanguage(event.target.value as Language)}>
          {Object.entries(languages).map(([tag, name]) => <option key={tag} value={tag} lang={tag}>{name}</option>)}
        </select>
      </label>
      <div className="row between">
        <span className="small muted clip" title={health.data?.version}>{health.data?.version}</span>
        <button
          type="button"
          className="button quiet small"
          onClick={() => void call('POST', '/console/sign-out').finally(() => setSession(client, false))}
        >
          <LogOut size={15} aria-hidden /> {t('nav.signOut')}
        </button>
      </div>
    </div>
  )
}
