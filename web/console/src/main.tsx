import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Router } from 'wouter'
import { ApiError } from './api/client'
import { App } from './app'
import { Toasts } from './components/toasts'
import { startI18n } from './i18n'
import './style.css'
import { startTheme } from './theme'

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2000,
      retry: (count, error) => count < 2 && !(error instanceof ApiError && error.status >= 400 && error.status < 500),
    },
  },
})

startTheme()
await startI18n()
createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <Router base="/console">
        <Toasts>
          <App />
        </Toasts>
      </Router>
    </QueryClientProvider>
  </StrictMode>,
)
