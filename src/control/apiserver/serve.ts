import type { Duplex } from 'node:stream'
import { StatusError } from '../../base/machinery/status-error.ts'
import type { Authenticator } from './auth/authenticator.ts'
import type { Authorizer } from './auth/authorizer.ts'
import { authorize, findCall, type Dispatch } from './dispatch.ts'
import { noSuchPath, unauthorized } from './errors.ts'
import type { Served } from './http/listener.ts'
import type { IncomingCall } from './http/read-request.ts'
import type { Outcome } from './outcome.ts'
import { render, renderStatus } from './render/render.ts'
import { anonymous, type ApiRequest, type ApiResponse, type UserInfo } from './request.ts'
import type { RequestMetrics } from './request-metrics.ts'
import { impersonate } from './auth/impersonation.ts'
import { parseRoute } from './route.ts'
import type { SubresourceContext } from './subresources/index.ts'
import { relayTarget, relayUpgrade } from './subresources/relay.ts'

export interface ServedOptions {
  readonly context: SubresourceContext
  readonly dispatch: Dispatch
  readonly authorizer: Authorizer
  readonly authenticators: readonly Authenticator[]
  readonly requests: RequestMetrics
}

const upgraded = new Set(['exec', 'attach', 'portforward'])

/** What the listener needs: requests with credentials in, responses out. */
export function createServed({
  context,
  dispatch,
  authorizer,
  authenticators,
  requests,
}: ServedOptions): Served & { respond(request: ApiRequest): Promise<ApiResponse> } {
  const respond = async (request: ApiRequest): Promise<ApiResponse> => {
    const warnings: string[] = []
    const route = parseRoute(request)
    const finished = requests.begin(request, route)
    try {
      const outcome = await dispatch(request, warnings, route)
      const response = withWarnings(render(outcome, request, context.clock), warnings)
      whenOver(outcome, response, request.signal, () => finished(response.status))
      return response
    } catch (error) {
      const response = refusal(context, error, request)
      finished(response.status)
      return response
    }
  }
  const answer = async (call: IncomingCall): Promise<ApiResponse> => {
    try {
      return await respond({ ...call, user: await authenticate({ authenticators, authorizer }, call) })
    } catch (error) {
      return refusal(context, error, call)
    }
  }
  return {
    respond,
    handle: answer,
    async upgrade(call, socket, head) {
      const route = parseRoute(call)
      if (!route || !upgraded.has(route.subresource)) return answer(call)
      try {
        const request = { ...call, user: await authenticate({ authenticators, authorizer }, call) }
        await authorize(authorizer, request, route)
        const finished = requests.begin(request, route)
        socket.once('close', () => finished(101))
        relay(context, request, { call, socket, head })
        return undefined
      } catch (error) {
        return refusal(context, error, call)
      }
    },
    onError: (error) => context.log.error({ error }, 'request failed'),
  }
}

/** A watch is over when it ends, another stream when its caller is gone, all else at once. */
function whenOver(outcome: Outcome, { stream }: ApiResponse, signal: AbortSignal, finished: () => void): void {
  if (outcome.type === 'watch') outcome.records.onEnd(finished)
  else if (stream) signal.addEventListener('abort', finished, { once: true })
  else finished()
}

function relay(context: SubresourceContext, request: ApiRequest, { call, socket, head }: { call: IncomingCall; socket: Duplex; head: Buffer }): void {
  const found = findCall(context, { request, route: parseRoute(request)!, warnings: [] })
  const target = found && relayTarget(context, found.call)
  if (!target) throw noSuchPath()
  relayUpgrade(target, call, socket, head)
}

async function authenticate({ authenticators, authorizer }: Pick<ServedOptions, 'authenticators' | 'authorizer'>, call: IncomingCall): Promise<UserInfo> {
  const { headers, certificate } = call
  const credentials = { headers, ...(certificate ? { certificate } : {}) }
  for (const authenticator of authenticators) {
    const user = await authenticator.authenticate(credentials)
    if (user) return impersonate(authorizer, user, headers)
  }
  if (headers['authorization']) throw unauthorized()
  return impersonate(authorizer, anonymous, headers)
}

function refusal(context: SubresourceContext, error: unknown, request: Pick<ApiRequest, 'method' | 'path' | 'headers' | 'query'>): ApiResponse {
  const { method, path } = request
  if (!(error instanceof StatusError)) context.log.error({ err: error, method, path }, 'request failed')
  const status = error instanceof StatusError ? error : new StatusError('InternalError', `Internal error occurred: ${(error as Error).message}`)
  const retry = status.details?.retryAfterSeconds
  const response = renderStatus(status.toStatus(), status.code, request)
  return retry ? { ...response, headers: { ...response.headers, 'retry-after': String(retry) } } : response
}

function withWarnings(response: ApiResponse, warnings: readonly string[]): ApiResponse {
  if (warnings.length === 0) return response
  const value = warnings.map((text) => `299 - ${JSON.stringify(text.replace(/[^\x20-\x7e]/g, '?'))}`).join(', ')
  return { ...response, headers: { ...response.headers, warning: value } }
}
