import addFormats from 'ajv-formats'
import { type Document, OpenAPIBackend, type Operation } from 'openapi-backend'

/** A request as the contract sees it. */
export interface ContractRequest {
  readonly method: string
  /** Path and query, below the server's origin. */
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[]>>
  /** The raw text; empty when there is none. */
  readonly body: string
}

export interface ContractAnswer {
  readonly status: number
  /** What becomes JSON; undefined for an empty body. */
  readonly body?: unknown
}

/** An OpenAPI document that requests and answers can be held against. Fills in no default and turns no string into a number. */
export interface ApiContract {
  /** The path below which the API is served, such as `/v1`. */
  readonly root: string
  readonly operationIds: readonly string[]
  /** The operation that a request means, with its path parameters; undefined when the document has none. */
  match(request: ContractRequest): MatchedOperation | undefined
  /** What is wrong with a request, as sentences; empty when nothing is. */
  checkRequest(request: ContractRequest, operationId: string): readonly string[]
  checkAnswer(answer: ContractAnswer, operationId: string): readonly string[]
  /** Whether the document lists this status (or a default) for the operation. */
  knowsStatus(operationId: string, status: number): boolean
}

export interface MatchedOperation {
  readonly operationId: string
  readonly params: Readonly<Record<string, string>>
  /** A list where the document declares one. */
  readonly query: Readonly<Record<string, string | readonly string[]>>
}

/** Reads an OpenAPI 3.0 document. The document is not changed. */
export async function readContract(document: object): Promise<ApiContract> {
  const definition = structuredClone(document) as Document
  const root = new URL(definition.servers?.[0]?.url ?? '/', 'http://localhost').pathname.replace(/\/$/, '')
  const api = new OpenAPIBackend({
    definition,
    apiRoot: root === '' ? '/' : root,
    quick: true,
    ajvOpts: { strict: false, allErrors: true, coerceTypes: false, useDefaults: false },
    customizeAjv: ajv => addFormats.default(ajv),
  })
  await api.init()
  const all = api.getOperations()
  // The router puts its list together anew for every request, out of some hundred operations.
  api.router.getOperations = () => all
  const operations = new Map(all.map(one => [one.operationId ?? '', one]))
  const routes = all.map(operation => ({ operation, pattern: pathPattern(operation.path) }))
  const operationOf = (id: string): Operation => {
    const found = operations.get(id)
    if (!found) throw new Error(`the document has no operation ${id}`)
    return found
  }
  /** The operation whose path has the most in common with the request's: names before parameters. */
  const routeOf = ({ method, path }: ContractRequest): Operation | undefined => {
    const { pathname } = new URL(path, 'http://localhost')
    if (!pathname.startsWith(`${root}/`)) return undefined
    const below = pathname.slice(root.length).replace(/\/$/, '')
    return routes
      .filter(({ operation, pattern }) => operation.method === method.toLowerCase() && pattern.test(below))
      .map(({ operation }) => operation)
      .sort((a, b) => namedCharacters(b.path) - namedCharacters(a.path))[0]
  }
  return {
    root,
    operationIds: [...operations.keys()],
    match(request) {
      const operation = routeOf(request)
      if (!operation?.operationId) return undefined
      const { params, query } = api.router.parseRequest(asRequest(request), operation)
      return {
        operationId: operation.operationId,
        params: params as Record<string, string>,
        query: listed(query, operation),
      }
    },
    checkRequest(request, id) {
      const operation = operationOf(id)
      const problems = bodyProblems(request, operation)
      if (problems.length > 0) return problems
      const { errors } = api.validator.validateRequest(asRequest(request), operation)
      return sentences(errors)
    },
    checkAnswer(answer, id) {
      const response = responseOf(operationOf(id), answer.status)
      if (response === undefined) return [`answer: status ${answer.status} is not in the document`]
      const documented = 'content' in response && response.content?.['application/json'] !== undefined
      if (!documented) return answer.body === undefined ? [] : ['answer: a body where the document has none']
      if (answer.body === undefined) return ['answer: no body where the document has one']
      const { errors } = api.validator.validateResponse(answer.body, operationOf(id), answer.status)
      return sentences(errors)
    },
    knowsStatus: (id, status) => responseOf(operationOf(id), status) !== undefined,
  }
}

/** A path of the document, in which each parameter stands for one part of a request's. */
function pathPattern(path: string): RegExp {
  const names = path.split(/\{[^}]+\}/).map(name => name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${names.join('[^/]+')}$`)
}

function namedCharacters(path: string): number {
  return path.replace(/\{[^}]+\}/g, '').length
}

function asRequest({ method, path, headers, body }: ContractRequest) {
  return { method, path, headers: { ...headers }, body: body === '' ? undefined : body }
}

function responseOf(operation: Operation, status: number) {
  const responses = operation.responses ?? {}
  return responses[String(status)] ?? responses.default
}

function bodyProblems({ headers, body }: ContractRequest, operation: Operation): string[] {
  if (operation.requestBody === undefined) return body === '' ? [] : ['request: a body where the document has none']
  if (body === '')
    return 'required' in operation.requestBody && operation.requestBody.required ? ['request: no body'] : []
  return String(headers['content-type'] ?? '').startsWith('application/json')
    ? []
    : ['request: the body is not sent as JSON']
}

/** One value of a parameter that is a list comes as a text. */
function listed(query: unknown, operation: Operation): Record<string, string | string[]> {
  const lists = new Set<string>()
  for (const one of operation.parameters ?? [])
    if ('name' in one && one.in === 'query' && one.schema && 'type' in one.schema && one.schema.type === 'array')
      lists.add(one.name)
  const asked = (query ?? {}) as Record<string, string | string[]>
  return Object.fromEntries(
    Object.entries(asked).map(([name, value]) => [
      name,
      lists.has(name) && typeof value === 'string' ? [value] : value,
    ]),
  )
}

function sentences(
  errors:
    | readonly { readonly instancePath?: string; readonly message?: string; readonly params?: object }[]
    | null
    | undefined,
) {
  return (errors ?? []).map(
    ({ instancePath, message, params }) =>
      `${instancePath || '/'}: ${message ?? 'invalid'} ${JSON.stringify(params ?? {})}`,
  )
}
