import i18next from 'i18next'
import { initReactI18next } from 'react-i18next'
import en from './locales/en.json'

export const languages = { en: 'English', 'zh-CN': '简体中文' } as const
export type Language = keyof typeof languages

const stored = 'roomreel.language'

function preferred(): Language {
  const chosen = localStorage.getItem(stored)
  if (chosen && chosen in languages) return chosen as Language
  return navigator.languages.some((tag) => tag.toLowerCase().startsWith('zh')) && !navigator.language.startsWith('en') ? 'zh-CN' : 'en'
}

async function load(language: Language) {
  if (language === 'zh-CN' && !i18next.hasResourceBundle(language, 'translation')) {
    i18next.addResourceBundle(language, 'translation', (await import('./locales/zh-CN.json')).default)
  }
  await i18next.changeLanguage(language)
  document.documentElement.lang = language
}

export function chooseLanguage(language: Language) {
  localStorage.setItem(stored, language)
  return load(language)
}

export async function startI18n() {
  await i18next.use(initReactI18next).init({
    lng: 'en',
    fallbackLng: 'en',
    resources: { en: { translation: en } },
    showSupportNotice: false,
    interpolation: { escapeValue: false },
  })
  await load(preferred())
}
