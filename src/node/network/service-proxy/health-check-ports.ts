import { createServer, type Server } from 'node:http'
import type { Clock } from '../../../base/lib/clock.ts'
import type { Log } from '../../../base/lib/log.ts'
import { countLocalEndpoints, type ServiceView } from './bindings.ts'
import { keepBinding } from './listener.ts'

interface HealthCheckOptions {
  readonly clock: Clock
  readonly log: Log
  readonly signal: AbortSignal
}

interface OpenPort {
  count: number
  close(): void
}

/** `healthCheckNodePort`: each node says by HTTP whether it has endpoints of the Service, 200 or 503, in the words of kube-proxy. */
export class HealthCheckPorts {
  readonly #options
  readonly #open = new Map<string, Map<string, OpenPort>>()

  constructor(options: HealthCheckOptions) {
    this.#options = options
    options.signal.addEventListener('abort', () => this.#open.forEach((ports) => ports.forEach((port) => port.close())), { once: true })
  }

  apply(key: string, view: ServiceView | undefined): void {
    const port = view?.service.spec.type === 'LoadBalancer' && view.service.spec.externalTrafficPolicy === 'Local' && view.service.spec.healthCheckNodePort
    const wanted = new Map(port ? view.nodes.map((node) => [`${node.ip}:${port}`, node]) : [])
    const ports = this.#open.get(key) ?? new Map<string, OpenPort>()
    for (const [address, each] of ports) {
      if (wanted.has(address)) continue
      each.close()
      ports.delete(address)
    }
    for (const [address, node] of wanted) {
      const each = ports.get(address) ?? this.#listen({ key, ip: node.ip, port: Number(port) })
      each.count = countLocalEndpoints(view!, node.name)
      ports.set(address, each)
    }
    if (ports.size > 0) this.#open.set(key, ports)
    else this.#open.delete(key)
  }

  #listen({ key, ip, port }: { key: string; ip: string; port: number }): OpenPort {
    let server: Server | undefined
    const state: OpenPort = { count: 0, close: () => (cancel(), server?.close(), server?.closeAllConnections()) }
    const cancel = keepBinding({
      ...this.#options,
      binding: { address: ip, port, protocol: 'TCP', servicePort: `${key}:health` },
      bind: (failed) => {
        server = createServer((request, response) => {
          request.resume()
          response.writeHead(state.count > 0 ? 200 : 503, {
            'content-type': 'application/json',
            'x-content-type-options': 'nosniff',
            'x-load-balancing-endpoint-weight': String(state.count),
          })
          response.end(answer(key, state.count))
        })
        server.once('error', failed)
        server.listen({ host: ip, port })
      },
    })
    return state
  }
}

const answer = (key: string, localEndpoints: number): string => {
  const [namespace, name] = key.split('/')
  return JSON.stringify({ service: { namespace, name }, localEndpoints, serviceProxyHealthy: true }, null, '\t')
}
