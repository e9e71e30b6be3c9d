import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import en from './en.json'
import zh from './zh-CN.json'

type Catalogue = { [key: string]: string | Catalogue }

function flat(catalogue: Catalogue, prefix = ''): Map<string, string> {
  return new Map(
    Object.entries(catalogue).flatMap(([key, value]) => (typeof value === 'string' ? [[prefix + key, value] as const] : [...flat(value, `${prefix}${key}.`)])),
  )
}

const english = flat(en)
const chinese = flat(zh)
const variables = (text: string) => (text.match(/{{\w+}}/g) ?? []).sort()

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? sources(join(folder, entry.name)) : /\.tsx?$/.test(entry.name) && !entry.name.includes('.test.') ? [readFileSync(join(folder, entry.name), 'utf8')] : [],
  )
}
const code = sources(join(import.meta.dirname, '..')).join('\n')

/** Keys in the code: whole ones, and patterns where a part is put in. */
const used = [...code.matchAll(/\bt\(\s*['`]([^'`]+)['`]|'((?:legend)\.\w+)'/g)].map((match) => match[1] ?? match[2])
const conditional = [...code.matchAll(/[?:] '([a-z]\w*\.\w[\w.]*)'/gi)].map((match) => match[1]).filter((key) => key.split('.')[0] in en)

const patterns = [...new Set([...used, ...conditional])].map((key) => ({ key, pattern: new RegExp(`^${key.replace(/\./g, '\\.').replace(/\$\{[^}]+\}/g, '[\\w-]+')}(_one|_other)?$`) }))

test('every key in the code is in the catalogue', () => {
  expect(patterns.filter(({ pattern }) => ![...english.keys()].some((key) => pattern.test(key))).map(({ key }) => key)).toEqual([])
})

test('every key of the catalogue is in the code', () => {
  // State takes its name from the server's answer.
  expect([...english.keys()].filter((key) => !patterns.some(({ pattern }) => pattern.test(key)))).toEqual([])
})

test('Chinese has every key, with the same variables', () => {
  expect([...chinese.keys()]).toEqual([...english.keys()])
  expect([...chinese].filter(([key, text]) => variables(text).join() !== variables(english.get(key)!).join()).map(([key]) => key)).toEqual([])
})

test('no text is left untranslated', () => {
  const names = new Set(['nav.api', 'webhooks.signingStandard', 'nodes.check.livekit', 'nodes.check.redis', 'nodes.check.node', 'api.title'])
  expect([...chinese].filter(([key, text]) => text === english.get(key) && !names.has(key)).map(([key]) => key)).toEqual([])
})

test('every code of a problem has a text', () => {
  const document = JSON.parse(readFileSync(join(import.meta.dirname, '../../../../api/testdata/openapi.json'), 'utf8'))
  const codes = [...document.info.description.matchAll(/^\| ([A-Z_]+) \| \d+ \|/gm)].map((match) => match[1])
  expect(codes.length).toBeGreaterThan(40)
  expect(codes.filter((code) => !english.has(`error.${code}`))).toEqual([])
})
