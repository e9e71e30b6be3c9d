const stored = 'roomreel.theme'

export const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

export function theme(): Theme {
  const chosen = localStorage.getItem(stored) as Theme | null
  return chosen && themes.includes(chosen) ? chosen : 'system'
}

export function chooseTheme(chosen: Theme) {
  localStorage.setItem(stored, chosen)
  startTheme()
}

export function startTheme() {
  const chosen = theme()
  if (chosen === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = chosen
}
