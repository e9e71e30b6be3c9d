import { CircleAlert, CircleCheck } from 'lucide-react'
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from 'react'
import { ApiError } from '../api/client'

interface Toast {
  id: number
  text: string
  bad: boolean
}

const Say = createContext<(text: string, bad?: boolean) => void>(() => {})

/** Tells the outcome of an action, also to screen readers. */
export const useSay = () => useContext(Say)

/** What to tell of an action that failed. */
export function useSayError() {
  const say = useSay()
  return useCallback((error: unknown) => say(error instanceof ApiError || error instanceof Error ? error.message : String(error), true), [say])
}

export function Toasts({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<Toast[]>([])
  const say = useMemo(() => {
    let next = 0
    return (text: string, bad = false) => {
      const id = next++
      setToasts((all) => [...all.slice(-2), { id, text, bad }])
      setTimeout(() => setToasts((all) => all.filter((toast) => toast.id !== id)), bad ? 10_000 : 5000)
    }
  }, [])
  return (
    <Say value={say}>
      {children}
      <div className="toasts" role="status" aria-live="polite">
        {toasts.map((toast) => (
          <div key={toast.id} className="toast">
            {toast.bad ? <CircleAlert size={18} color="var(--rec)" aria-hidden /> : <CircleCheck size={18} color="var(--good)" aria-hidden />}
            <span>{toast.text}</span>
          </div>
        ))}
      </div>
    </Say>
  )
}
