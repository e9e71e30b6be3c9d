import { useQuery } from '@tanstack/react-query'
import { Fragment, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { call } from '../api/client'
import { Answer, CopyText, Page } from '../components/bits'

interface Schema {
  $ref?: string
  type?: string
  description?: string
  enum?: unknown[]
  format?: string
  default?: unknown
  examples?: unknown[]
  minimum?: number
  maximum?: number
  properties?: Record<string, Schema>
  required?: string[]
  items?: Schema
  allOf?: Schema[]
  additionalProperties?: Schema | boolean
}

interface Operation {
  operationId: string
  summary?: string
  description?: string
  tags?: string[]
  security?: unknown[]
  parameters?: { name: string; in: string; required?: boolean; description?: string; schema?: Schema }[]
  requestBody?: { required?: boolean; content: Record<string, { schema?: Schema }> }
  responses: Record<string, { description?: string; content?: Record<string, { schema?: Schema }> }>
}

interface Document {
  info: { title: string; version: string }
  tags?: { name: string; description?: string }[]
  paths: Record<string, Record<string, Operation>>
  components?: { schemas?: Record<string, Schema> }
}

const verbs = ['get', 'post', 'put', 'patch', 'delete']

/** The server's own OpenAPI document, for reading. */
export default function Reference() {
  const { t } = useTranslation()
  const document = useQuery({ queryKey: ['openapi'], queryFn: () => call<Document>('GET', '/openapi.json'), staleTime: Infinity })
  return (
    <Page title={t('api.title')} lead={t('api.lead')} actions={<><a className="button" href="/openapi.json">openapi.json</a><a className="button" href="/openapi.yaml">openapi.yaml</a></>}>
      <Answer query={document}>{(doc) => <Operations doc={doc} />}</Answer>
    </Page>
  )
}

function Operations({ doc }: { doc: Document }) {
  const { t } = useTranslation()
  const [filter, setFilter] = useState('')
  const all = Object.entries(doc.paths).flatMap(([path, item]) => Object.entries(item).filter(([verb]) => verbs.includes(verb)).map(([verb, op]) => ({ path, verb, op })))
  const shown = all.filter(({ path, op }) => `${path} ${op.summary} ${op.operationId}`.toLowerCase().includes(filter.toLowerCase()))
  const named = doc.tags?.map((tag) => tag.name) ?? []
  const tags = [...new Set([...named, ...shown.flatMap(({ op }) => op.tags ?? [])])].filter((tag) => shown.some(({ op }) => op.tags?.includes(tag)))
  return (
    <div className="api">
      <nav aria-label={t('api.operations')}>
        <input type="search" aria-label={t('api.filter')} placeholder={t('api.filter')} value={filter} onChange={(event) => setFilter(event.target.value)} />
        {tags.map((tag) => <a key={tag} href={`#tag-${tag}`}>{tag}</a>)}
      </nav>
      <div className="stack" style={{ gap: 32 }}>
        {tags.map((tag) => (
          <section key={tag} className="stack tight" id={`tag-${tag}`} aria-labelledby={`h-${tag}`}>
            <h2 id={`h-${tag}`} style={{ fontSize: 19, textTransform: 'capitalize' }}>{tag}</h2>
            <p className="muted" style={{ marginBottom: 8 }}>{doc.tags?.find(({ name }) => name === tag)?.description}</p>
            {shown.filter(({ op }) => op.tags?.includes(tag)).map(({ path, verb, op }) => <OperationView key={verb + path} doc={doc} path={path} verb={verb} op={op} />)}
          </section>
        ))}
      </div>
    </div>
  )
}

function OperationView({ doc, path, verb, op }: { doc: Document; path: string; verb: string; op: Operation }) {
  const { t } = useTranslation()
  const [open, setOpen] = useState(false)
  return (
    <details className="card op" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <span className={`verb ${verb}`}>{verb.toUpperCase()}</span>
        <span className="grow"><span className="mono" style={{ overflowWrap: 'anywhere' }}>{path.split(/(?<=\/)/).map((step, i) => <Fragment key={i}><wbr />{step}</Fragment>)}</span><br /><span className="small muted">{op.summary}</span></span>
      </summary>
      {open && (
        <div className="body">
          <p>{op.description}</p>
          <CopyText text={curl(doc, path, verb, op)} label="curl" />
          <pre tabIndex={0}>{curl(doc, path, verb, op)}</pre>
          {op.parameters && op.parameters.length > 0 && (
            <div className="stack tight"><h3>{t('api.parameters')}</h3>
              <ul className="schema">{op.parameters.map((p) => <li key={p.in + p.name}><Field doc={doc} name={p.name} schema={{ ...p.schema, description: p.description }} required={p.required} note={p.in} /></li>)}</ul>
            </div>
          )}
          {Object.entries(op.requestBody?.content ?? {}).map(([type, { schema }]) => <div key={type} className="stack tight"><h3>{t('api.body')} <span className="mono muted">{type}</span></h3><SchemaView doc={doc} schema={schema} depth={0} /></div>)}
          <div className="stack tight"><h3>{t('api.answers')}</h3>
            {Object.entries(op.responses).map(([status, response]) => (
              <div key={status} className="stack tight">
                <p><span className={`badge ${status < '300' ? 'good' : status < '400' ? 'info' : ''}`}>{status}</span> {response.description}</p>
                {status < '300' && Object.entries(response.content ?? {}).map(([type, { schema }]) => <details key={type}><summary className="small mono">{type}</summary><SchemaView doc={doc} schema={schema} depth={0} /></details>)}
              </div>
            ))}
          </div>
        </div>
      )}
    </details>
  )
}

function resolve(doc: Document, schema?: Schema): Schema {
  if (!schema) return {}
  if (schema.$ref) return resolve(doc, doc.components?.schemas?.[schema.$ref.split('/').pop()!])
  return schema
}

function SchemaView({ doc, schema, depth }: { doc: Document; schema?: Schema; depth: number }) {
  const resolved = resolve(doc, schema)
  if (resolved.items) return <SchemaView doc={doc} schema={resolved.items} depth={depth} />
  if (!resolved.properties) return depth === 0 ? <p className="small muted">{typeOf(doc, resolved)}</p> : null
  return (
    <ul className="schema">
      {Object.entries(resolved.properties).map(([name, property]) => (
        <li key={name}>
          <Field doc={doc} name={name} schema={property} required={resolved.required?.includes(name)} />
          {depth < 3 && <SchemaView doc={doc} schema={property} depth={depth + 1} />}
        </li>
      ))}
    </ul>
  )
}

function Field({ doc, name, schema, required, note }: { doc: Document; name: string; schema: Schema; required?: boolean; note?: string }) {
  const { t } = useTranslation()
  const resolved = resolve(doc, schema)
  const limits = [
    resolved.minimum !== undefined && `≥ ${resolved.minimum}`, resolved.maximum !== undefined && `≤ ${resolved.maximum}`,
    resolved.default !== undefined && `= ${JSON.stringify(resolved.default)}`, resolved.enum && resolved.enum.map(String).join(' | '),
  ].filter(Boolean)
  return (
    <div className="row">
      <code><strong>{name}</strong></code>
      <span className="muted small mono">{typeOf(doc, resolved)}{note ? ` · ${note}` : ''}</span>
      {required && <span className="badge warn">{t('api.required')}</span>}
      <span className="small" style={{ flexBasis: '100%' }}>{schema.description ?? resolved.description} {limits.length > 0 && <span className="mono muted">{limits.join(', ')}</span>}</span>
    </div>
  )
}

function typeOf(doc: Document, schema: Schema): string {
  if (schema.items) return `${typeOf(doc, resolve(doc, schema.items))}[]`
  return [schema.type ?? 'object', schema.format && `(${schema.format})`].filter(Boolean).join(' ')
}

/** A body of the schema's own examples. */
function example(doc: Document, schema?: Schema, depth = 0): unknown {
  const resolved = resolve(doc, schema)
  if (resolved.examples?.length) return resolved.examples[0]
  if (resolved.items) return depth < 3 ? [example(doc, resolved.items, depth + 1)] : []
  if (!resolved.properties) return resolved.type === 'object' ? {} : undefined
  const wanted = Object.entries(resolved.properties).filter(([name]) => depth === 0 ? resolved.required?.includes(name) : true)
  return Object.fromEntries(wanted.map(([name, property]) => [name, example(doc, property, depth + 1)]))
}

function curl(doc: Document, path: string, verb: string, op: Operation): string {
  const lines = [`curl -s ${verb === 'get' ? '' : `-X ${verb.toUpperCase()} `}"${location.origin}${path.replace(/\{(\w+)\}/g, (_, name: string) => `$${name.toUpperCase()}`)}"`]
  if (op.security?.length) lines.push('  -H "Authorization: Bearer $KEY"')
  const body = op.requestBody?.content['application/json']?.schema
  if (body) lines.push("  -H 'Content-Type: application/json'", `  -d '${JSON.stringify(example(doc, body))}'`)
  return lines.join(' \\\n')
}
