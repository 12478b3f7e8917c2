import type { SandboxConfig } from '../runtime/runtime.ts'
import type { NodeNetwork } from './node-network.ts'
import type { Binding } from './service-proxy/bindings.ts'

export interface HostPortsOptions {
  readonly nodeIP: (node: string) => string | undefined
  /** Sends the node's port here, where the service proxy is. */
  readonly network?: Pick<NodeNetwork, 'claimPort' | 'releasePort'>
}

/** Ports of nodes that lead to a container (`hostPort`), as bindings for the service proxy, by sandbox. */
export class HostPorts {
  readonly #options
  readonly #bindings = new Map<string, readonly Binding[]>()
  #changed: (key: string) => void = () => {}

  constructor(options: HostPortsOptions) {
    this.#options = options
  }

  onChange(listener: (key: string) => void): void {
    this.#changed = listener
  }

  keys(): readonly string[] {
    return [...this.#bindings.keys()]
  }

  get(key: string): readonly Binding[] {
    return this.#bindings.get(key) ?? []
  }

  set(sandboxId: string, config: SandboxConfig, podIP: string): void {
    const bindings = hostPortBindings(config, podIP, this.#options.nodeIP(config.node))
    if (bindings.length === 0) return
    this.#bindings.set(keyOf(sandboxId), bindings)
    for (const binding of bindings) void this.#options.network?.claimPort(binding)
    this.#changed(keyOf(sandboxId))
  }

  delete(sandboxId: string): void {
    for (const binding of this.get(keyOf(sandboxId))) void this.#options.network?.releasePort(binding)
    if (this.#bindings.delete(keyOf(sandboxId))) this.#changed(keyOf(sandboxId))
  }
}

/** No Service has such a key. */
const keyOf = (sandboxId: string): string => `sandbox:${sandboxId}`

/** `hostIP` narrows the addresses that answer; one that is not the node's, such as 127.0.0.1, answers nowhere here. */
export const hostPortBindings = (config: SandboxConfig, podIP: string, nodeIP: string | undefined): readonly Binding[] =>
  (config.portMappings ?? [])
    .filter(({ hostIP }) => nodeIP !== undefined && (!hostIP || hostIP === '0.0.0.0' || hostIP === nodeIP))
    .map(({ protocol, hostPort, containerPort }) => ({
      address: nodeIP!,
      port: hostPort,
      protocol,
      servicePort: `${config.namespace}/${config.name}:host/${hostPort}`,
      endpoints: [{ ip: podIP, port: containerPort, node: config.node }],
      whenEmpty: 'refuse',
      affinitySeconds: 0,
    }))
